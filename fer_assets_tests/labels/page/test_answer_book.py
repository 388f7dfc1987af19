"""The book: what it gives out, what it forgets, invitations, and disks that are full."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading

import pytest

from fer_assets.labels.answer_files import AnswerFile, read_answer_file
from fer_assets.labels.answers import read_answers
from fer_assets.labels.page.answer_book import AnswerBook, Entry, Flag, Hold
from fer_assets.labels.page.database import BookError, NotSavedError
from fer_assets.labels.page.invitations import (
    InvitationError,
    admit,
    invitations,
    invite,
    note_consent,
    revoke,
    still_admitted,
)
from fer_assets.labels.page.report import work_report, work_reports
from fer_assets.lines.tiktokfer.names import LABELLING_TASKS
from fer_assets.lines.tiktokfer.page_answers import book_path, collect_page_answers
from fer_assets.lines.tiktokfer.tasks import questionnaire_of
from fer_assets.storage.parts import parquet_bytes
from fer_assets_tests.labels.page.roots import KEY, NO_FACE, SAD, make_root


@pytest.fixture
def own(tmp_path, clock):
    found = AnswerBook(tmp_path / "state" / "book.sqlite", clock)
    yield found
    found.close()


def entry(number: int, worker: str = "ada", **more) -> Entry:
    return Entry(f"task{number}", f"secret-face-{number}", worker, 0, "answer", SAD, **more)


def test_the_file_is_its_owners_alone_and_syncs_at_every_commit(own):
    assert stat.S_IMODE(own.database.path.stat().st_mode) == 0o600
    pragma = own.database.row
    assert pragma("PRAGMA journal_mode") == ("wal",)
    assert pragma("PRAGMA synchronous") == (2,)
    assert pragma("PRAGMA secure_delete") == (1,)


def test_a_book_is_opened_again_with_what_was_in_it(own, clock):
    own.add(entry(1, at_s=5.0, duration_s=2.5))
    own.hold(Hold("ada", "task2", "f2", since_s=clock()))
    again = AnswerBook(own.database.path, clock)
    assert [e.answers for e in again.given()] == [SAD]
    assert again.holds() == own.holds()
    again.close()


@pytest.mark.parametrize(
    "content", [b"not a database at all, but long enough" * 40, b"SQLite format 3\0" * 99]
)
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "x.sqlite"
    path.write_bytes(content)
    with pytest.raises(BookError, match="book of answers"):
        AnswerBook(path)
    assert path.read_bytes() == content


def test_a_newer_book_is_refused(own):
    own.database.run("PRAGMA user_version = 99")
    with pytest.raises(BookError, match="99"):
        AnswerBook(own.database.path)


def test_the_same_submission_cant_be_there_twice(own):
    own.add(entry(1))
    with pytest.raises(sqlite3.IntegrityError):
        own.add(entry(1))
    assert len(list(own.given())) == 1


def test_two_processes_open_a_new_book_at_once(tmp_path):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(AnswerBook(tmp_path / "new.sqlite")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [book.n_erasures() for book in found] == [0] * 8
    for book in found:
        book.close()


def test_a_second_connection_of_the_process_does_not_cut_the_first_one_off(own, clock):
    """POSIX drops a process's locks on a file as soon as it closes the file anywhere."""
    own.add(entry(1))
    AnswerBook(own.database.path, clock).close()
    elsewhere = (
        "import sys, pathlib; from fer_assets.labels.page.answer_book import AnswerBook;"
        "from fer_assets.labels.page.invitations import invite;"
        "book = AnswerBook(pathlib.Path(sys.argv[1])); invite(book, 1, 1); book.close()"
    )
    for n in range(1, 4):
        subprocess.run([sys.executable, "-c", elsewhere, str(own.database.path)], check=True)
        assert len(invitations(own)) == n
        own.add(entry(1 + n))
    own.close()
    again = AnswerBook(own.database.path, clock)
    assert len(list(again.given())) == 4
    assert len(invitations(again)) == 3
    again.close()


def test_a_full_disk_is_said_and_forgets_nothing(own):
    own.add(entry(0))
    database = own.database
    database.run(f"PRAGMA max_page_count = {database.number('PRAGMA page_count')}")
    n = 0
    with pytest.raises(NotSavedError) as caught:
        for n in range(1, 10_000):
            own.add(entry(n))
    assert caught.value.status == 507
    assert len(list(own.given())) == n
    database.run("PRAGMA max_page_count = 100000")
    own.add(entry(n))
    assert len(list(own.given())) == n + 1


def test_a_part_that_fails_leaves_the_rest_of_the_transaction(own):
    with own.database.write():
        own.add(entry(1))
        with pytest.raises(ValueError, match="no"), own.database.write():
            own.add(entry(2))
            raise ValueError("no")
        own.add(entry(3))
    assert [e.task_id for e in own.given()] == ["task1", "task3"]


def test_the_answers_can_be_read_as_an_answer_file(own):
    own.add(entry(1, duration_s=2.5))
    own.add(Entry("task2", "f2", "ada", 0, "skip", {}, "cant-tell", "too =dark", 1.0))
    own.add(entry(3))
    own.take_back(own.last_given("ada"))
    own.flag(Flag("task1", "f1", "ada", "private", None, 0.0))
    frame = own.answers()
    assert frame.columns[-2:] == ["duration_s", "comment"]
    read = read_answer_file(AnswerFile("x.parquet", parquet_bytes(frame)))
    assert read.height == len(SAD) + 2
    assert set(frame["task_id"]) == {"task1", "task2"}
    assert frame.filter(question="skip").row(0) == (
        "task2", "ada", "skip", "cant-tell", False, 1.0, "too =dark",
    )  # fmt: skip
    assert frame.filter(question="flag")["answer"].to_list() == ["private"]


def test_what_is_collected_is_what_counts(workspace, book):
    tasks = workspace.data.table(LABELLING_TASKS, KEY)
    for i, (task, face) in enumerate(tasks.select("task_id", "face_id").rows()[:5]):
        book.add(Entry(task, face, f"w{i % 2}", 0, "answer", NO_FACE, duration_s=1.0))
    task, face = tasks.select("task_id", "face_id").row(6)
    book.add(Entry(task, face, "w0", 0, "skip", {}, "cant-tell", None))
    book.flag(Flag(task, face, "w0", "other", "look", 0.0))
    assert collect_page_answers(workspace, KEY) == 7
    name = f"answers/{KEY}/labelling-page.parquet"
    path = workspace.store.local(name)
    found = read_answers(
        [AnswerFile(name, path.read_bytes())], tasks, questionnaire_of(workspace, KEY), salt="s"
    )
    assert found.report.n_accepted == 5
    assert not found.report.rejected
    assert not found.report.dropped
    assert found.flags.height == 2
    before = path.stat().st_mtime_ns
    assert collect_page_answers(workspace, KEY) == 7
    assert path.stat().st_mtime_ns == before, "nothing changed: the sensor must not see a change"
    for worker in ("w0", "w1"):
        book.forget_worker(worker)
    assert collect_page_answers(workspace, KEY) == 0
    assert not path.exists()


def test_a_page_never_used_leaves_the_answers_alone(tmp_path):
    workspace = make_root(tmp_path)
    workspace.store.write(f"answers/{KEY}/labelling-page.parquet", b"somebody's")
    assert collect_page_answers(workspace, KEY) == 0
    assert workspace.store.read(f"answers/{KEY}/labelling-page.parquet") == b"somebody's"
    assert not book_path(workspace, KEY).exists()


def test_forgotten_faces_leave_no_trace_in_the_files(own, clock):
    for number in range(50):
        own.add(entry(number, duration_s=2.0))
    own.flag(Flag("task1", "secret-face-1", "bob", "other", "unmistakable words", 0.0))
    own.hold(Hold("bob", "task1", "secret-face-1"))
    other = AnswerBook(own.database.path, clock)  # the page is open meanwhile
    assert len(list(other.given())) == 50
    n_erasures = other.n_erasures()
    assert own.forget_faces(["secret-face-1", "secret-face-7", "never seen"]) == 4
    assert other.n_erasures() == n_erasures + 1
    files = [own.database.path, *own.database.path.parent.glob("book.sqlite-*")]
    everything = b"".join(path.read_bytes() for path in files)
    assert b"secret-face-1\x00" not in everything
    assert b"secret-face-7" not in everything
    assert b"unmistakable" not in everything
    assert b"secret-face-8" in everything
    assert len(list(other.given())) == 48
    other.close()


def test_time_stays_owed_after_removals(own):
    [(ada, _), (bob, _)] = invite(own, 2, 1)
    for number in range(4):
        own.add(entry(number, ada, duration_s=900.0, at_s=3.0))
    own.add(entry(0, bob, duration_s=10.0))
    own.take_back(own.last_given(bob))
    own.forget_faces(["secret-face-2"])
    assert work_report(own, ada, 12.0).pay == 12.0
    assert own.forget_worker(ada) == 3
    found = {report.worker: report for report in work_reports(own, 12.0)}
    assert (found[ada].n_answers, found[ada].n_removed, found[ada].time_s) == (0, 4, 3600.0)
    assert (found[ada].pay, found[ada].state) == (12.0, "withdrawn")
    assert (found[bob].n_answers, found[bob].time_s) == (0, 10.0)
    assert work_report(own, "nobody") is None
    assert work_report(own, bob).pay is None


def test_invitations_store_no_token_and_end(own, clock):
    made = invite(own, 3, 2)
    assert len({token for _, token in made}) == len({worker for worker, _ in made}) == 3
    (ada, token), (bob, closed), _ = made
    everything = b"".join(p.read_bytes() for p in own.database.path.parent.iterdir())
    assert token.encode() not in everything
    assert admit(own, token).worker == ada
    note_consent(own, ada)
    first = still_admitted(own, ada).consented_s
    clock.now += 5
    note_consent(own, ada)
    assert still_admitted(own, ada).consented_s == first
    assert revoke(own, bob)
    assert not revoke(own, "nobody")
    with pytest.raises(InvitationError, match="closed"):
        admit(own, closed)
    clock.now += 2 * 86400
    with pytest.raises(InvitationError, match="expired"):
        admit(own, token)
    assert [i.state(clock()) for i in invitations(own)].count("expired") == 2
    with pytest.raises(InvitationError, match="no such"):
        admit(own, "ä" * 10)


@pytest.mark.parametrize(("workers", "days"), [(0, 1), (1, 0)])
def test_an_invitation_for_nobody_or_no_time_is_a_bug(own, workers, days):
    with pytest.raises(ValueError, match="at least one"):
        invite(own, workers, days)
