"""The desk and its book against a plain model: nothing lost, nothing twice, whatever happens."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fer_assets.labels.allocation import NOT_A_FACE, AllocationSettings
from fer_assets.labels.page.answer_book import AnswerBook
from fer_assets.labels.page.database import NotSavedError
from fer_assets.labels.page.desk import IDLE_S, RefusedError
from fer_assets.storage.tombstones import add_tombstones
from fer_assets_tests.labels.page.roots import (
    NO_FACE,
    SAD,
    Clock,
    face_id,
    make_root,
    open_desk,
    publish_tasks,
)

WORKERS = ("ada", "bob", "cem")
ANSWERS = (SAD, NO_FACE, {**SAD, "ekman": "none", "beyond_ekman": "other"})
N_FACES = 6

workers = st.sampled_from(WORKERS)
answers = st.sampled_from(ANSWERS)


class DeskMachine(RuleBasedStateMachine):
    """Workers at a desk that is killed, filled up and reopened; `said` is what should be kept."""

    root: Path

    @initialize()
    def open(self):
        self.folder = Path(tempfile.mkdtemp())
        self.workspace = make_root(self.folder, N_FACES)
        self.clock = Clock()
        self.desk = open_desk(self.workspace, self.clock)
        self.said: dict[tuple[str, str], object] = {}
        self.order: dict[str, list[str]] = {worker: [] for worker in WORKERS}
        self.sent: list[tuple[str, str, int, dict[str, str]]] = []
        self.gone: set[str] = set()

    def teardown(self):
        self.desk.book.close()
        shutil.rmtree(self.folder)

    def _do(self, work):
        """As the desk's thread does it."""
        self.desk.refresh()
        mark = self.desk.mark()
        try:
            with self.desk.book.database.write():
                result = work()
        except BaseException:
            self.desk.roll_back(mark)
            raise
        self.desk.keep()
        return result

    def _screen(self, worker):
        return self.desk.look(worker) or self._do(lambda: self.desk.deal(worker))

    def _note(self, worker, task, said):
        self.said[task, worker] = said
        self.order[worker].append(task)

    @rule(worker=workers, said=answers)
    def answer(self, worker, said):
        screen = self._screen(worker)
        if screen is None:
            return
        assert (screen.task_id, worker) not in self.said, "a face came twice"
        self._do(lambda: self.desk.answer(worker, screen.task_id, screen.attempt, said))
        self._note(worker, screen.task_id, dict(said))
        self.sent.append((worker, screen.task_id, screen.attempt, said))

    @rule(worker=workers)
    def skip(self, worker):
        screen = self._screen(worker)
        if screen is None:
            return
        self._do(lambda: self.desk.skip(worker, screen.task_id, screen.attempt, "cant-tell", ""))
        self._note(worker, screen.task_id, "cant-tell")

    @rule(worker=workers)
    def undo(self, worker):
        is_done = self._do(lambda: self.desk.undo(worker))
        assert is_done == bool(self.order[worker])
        if is_done:
            task = self.order[worker].pop()
            before = self.said.pop((task, worker))
            screen = self._screen(worker)
            assert screen.task_id == task
            assert screen.before == (before if isinstance(before, dict) else {})

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), said=answers)
    def replay(self, data, said):
        """An old submission arrives again, as it was or changed: nothing changes."""
        worker, task, attempt, _ = data.draw(st.sampled_from(self.sent))
        with suppress(RefusedError):
            self._do(lambda: self.desk.answer(worker, task, attempt, said))

    @rule(worker=workers, number=st.integers(0, N_FACES - 1), said=answers)
    def answer_what_is_not_held(self, worker, number, said):
        self.desk.refresh()
        tasks = self.desk.board.tasks["task_id"].to_list()
        screen = self._screen(worker)
        task = tasks[number % len(tasks)]
        if screen is not None and task == screen.task_id:
            return
        held = {hold.task_id for hold in self.desk.book.holds(worker)}
        if task not in held and (task, worker) not in self.said:
            with pytest.raises(RefusedError):
                self._do(lambda: self.desk.answer(worker, task, 0, said))

    @rule(worker=workers, said=answers)
    def answer_on_a_full_disk(self, worker, said):
        screen = self._screen(worker)
        if screen is None:
            return
        database = self.desk.book.database
        database.run(f"PRAGMA max_page_count = {database.number('PRAGMA page_count')}")

        def answer_and_fill():
            self.desk.answer(worker, screen.task_id, screen.attempt, said)
            for _ in range(100):
                database.run("INSERT INTO settled VALUES (hex(randomblob(400)), 0, 0)")

        with pytest.raises(NotSavedError):
            self._do(answer_and_fill)
        database.run("PRAGMA max_page_count = 1000000")

    @rule(worker=workers)
    def withdraw(self, worker):
        self.desk.book.forget_worker(worker)
        self.said = {key: value for key, value in self.said.items() if key[1] != worker}
        self.order[worker].clear()
        self.sent = [sent for sent in self.sent if sent[0] != worker]

    @rule()
    def crash_and_reopen(self):
        """A second desk on the same file; the first one's memory is lost."""
        self.desk.book.close()
        self.desk = open_desk(self.workspace, self.clock)

    @rule(minutes=st.sampled_from([1, 20, 40]))
    def wait(self, minutes):
        self.clock.now += 60.0 * minutes

    @precondition(lambda self: len(self.gone) < 2)
    @rule(number=st.integers(0, N_FACES - 1))
    def erase(self, number):
        name = face_id(number)
        gone = self.desk.board.tasks.filter(face_id=name)["task_id"].to_list()
        add_tombstones(self.workspace.store, "face", [name])
        other = AnswerBook(self.desk.book.database.path, self.clock)
        other.forget_faces([name])
        other.close()
        self.gone.add(name)
        self.said = {key: value for key, value in self.said.items() if key[0] not in gone}
        for order in self.order.values():
            order[:] = [task for task in order if task not in gone]
        self.sent = [sent for sent in self.sent if sent[1] not in gone]

    @invariant()
    def the_book_holds_what_was_said(self):
        kept = {
            (entry.task_id, entry.worker): (
                dict(entry.answers) if entry.kind == "answer" else entry.reason
            )
            for entry in self.desk.book.given()
        }
        assert kept == self.said

    @invariant()
    def the_allocator_counts_what_was_said(self):
        self.desk.refresh()
        n_answers = sum(isinstance(said, dict) for said in self.said.values())
        assert self.desk.progress().n_answers == n_answers


DeskMachine.TestCase.settings = settings(max_examples=15, stateful_step_count=30, deadline=None)
TestDesk = DeskMachine.TestCase


@pytest.fixture
def desk(workspace, clock):
    found = open_desk(workspace, clock, AllocationSettings(hold_s=1800))
    yield found
    found.book.close()


def test_time_is_counted_without_pauses_and_idle_windows(desk, clock):
    screen = desk.deal("ada")
    clock.now += 20
    desk.pause("ada")
    assert desk.look("ada").is_paused
    clock.now += 10_000
    desk.resume("ada")
    if (screen := desk.look("ada")) is None:
        screen = desk.deal("ada")
    clock.now += 5
    desk.answer("ada", screen.task_id, 0, SAD)
    screen = desk.look("ada")
    clock.now += 10 * IDLE_S
    desk.answer("ada", screen.task_id, 0, SAD)
    assert [entry.duration_s for entry in desk.book.given()] == [25.0, IDLE_S]


def test_time_of_an_answer_taken_back_counts_for_the_first_and_the_second(desk, clock):
    screen = desk.deal("ada")
    clock.now += 7
    desk.answer("ada", screen.task_id, 0, SAD)
    clock.now += 2  # on the next face
    desk.undo("ada")
    clock.now += 3
    desk.answer("ada", screen.task_id, 1, NO_FACE)
    clock.now += 4
    desk.answer("ada", desk.look("ada").task_id, 0, SAD)
    found = desk.book.database.rows("SELECT status, duration_s FROM entries ORDER BY id")
    assert found == [("undone", 7.0), ("given", 3.0), ("given", 6.0)]


def test_what_is_taken_back_again_comes_before_what_was_taken_back_earlier(desk):
    tasks = []
    for _ in range(3):
        tasks.append(desk.deal("ada").task_id)
        desk.answer("ada", tasks[-1], 0, SAD)
    desk.undo("ada")
    desk.undo("ada")
    desk.answer("ada", tasks[1], 1, NO_FACE)
    desk.undo("ada")
    assert desk.look("ada").task_id == tasks[1]
    assert desk.look("ada").before == NO_FACE


def test_a_late_answer_is_taken_though_the_hold_has_run_out(desk, clock):
    screen = desk.deal("ada")
    clock.now += 5000
    desk.answer("ada", screen.task_id, screen.attempt, SAD)
    assert len(list(desk.book.given())) == 1


def test_a_face_that_ran_out_is_shown_again_to_the_same_worker_if_it_is_free(desk, clock):
    screen = desk.deal("ada")
    clock.now += 1000
    assert desk.look("ada") is None
    assert desk.deal("ada").task_id == screen.task_id
    assert desk.look("ada").task_id == screen.task_id


def test_what_workers_hold_stays_theirs_when_the_server_starts_again(workspace, desk, clock):
    held = [desk.deal(worker).task_id for worker in WORKERS]
    clock.now += 600
    again = open_desk(workspace, clock)
    n_holds = again.allocator._n_holds
    assert n_holds.sum() == len(WORKERS)
    assert {task for task in held if n_holds[again.allocator._place[task]]} == set(held)
    assert [again.deal(worker).task_id for worker in WORKERS] == held
    again.book.close()
    clock.now += 1801
    late = open_desk(workspace, clock)
    assert late.allocator._n_holds.sum() == 0
    late.book.close()


def test_votes_reach_the_allocator(desk):
    for said, vote in (
        (SAD, "sad"),
        (NO_FACE, NOT_A_FACE),
        ({**SAD, "ekman": "none", "beyond_ekman": "other"}, "other"),
    ):
        task = desk.deal("ada").task_id
        desk.answer("ada", task, 0, said)
        counts = desk.allocator._counts[desk.allocator._place[task]]
        assert counts[desk.allocator._class[vote]] == 1
        assert counts.sum() == 1


def test_new_tasks_appear_and_old_ones_go(workspace, clock):
    desk = open_desk(workspace, clock)
    held = desk.deal("ada").task_id
    kept = [
        i for i in range(24) if desk.board.tasks.filter(face_id=face_id(i))["task_id"][0] != held
    ]
    publish_tasks(workspace, kept[:5])
    clock.now += 10
    desk.refresh()
    assert desk.board.tasks.height == 5
    assert desk.look("ada") is None
    with pytest.raises(RefusedError, match="no longer here"):
        desk.answer("ada", held, 0, SAD)
    seen = set()
    while (screen := desk.deal("ada")) is not None:
        desk.answer("ada", screen.task_id, screen.attempt, SAD)
        seen.add(screen.task_id)
    assert seen == set(desk.board.tasks["task_id"])
    desk.book.close()


def test_an_erased_face_is_not_shown_from_that_moment(workspace, clock):
    from fer_assets.labels.page.faces import FacePictures
    from fer_assets.lines.tiktokfer.names import FACE_CROPS
    from fer_assets.storage.layout import Place

    desk = open_desk(workspace, clock)
    pictures = FacePictures(workspace.store, Place(FACE_CROPS, "faces"))
    task = desk.deal("ada").task_id
    face = desk.board.face(task)
    assert pictures.jpeg(face)
    add_tombstones(workspace.store, "face", [face.face_id])
    desk.refresh()
    assert desk.look("ada") is None
    assert desk.board.face(task) is None
    assert pictures.jpeg(face) is None
    assert desk.deal("ada").task_id != task
    desk.book.close()


def test_tasks_of_another_questionnaire_are_left_out(workspace, clock):
    from fer_assets.labels.page.board import Board
    from fer_assets.lines.tiktokfer.names import LABELLING_TASKS
    from fer_assets.storage.layout import Place

    board = Board(workspace.store, Place(LABELLING_TASKS, "faces"), "another", clock)
    assert board.tasks.is_empty()
    assert board.n_other == 24
