import io

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.labels.answer_files import AnswerFile
from fer_assets.labels.answers import (
    REMARKS,
    CrowdAnswers,
    missing_answers,
    read_answers,
    worker_id,
)
from fer_assets.labels.questionnaire import Questionnaire, check_answers, load_questionnaire
from fer_assets.labels.simulation import SimulatedCrowd, simulate_answers
from fer_assets.storage.schemas.tiktokfer import ANSWER_FLAGS, CROWD_ANSWERS

HEADER = "task_id,worker,question,answer,is_simulated\n"


def _read(
    tasks: pl.DataFrame, questionnaire: Questionnaire, *texts: str, salt: str = "s"
) -> CrowdAnswers:
    files = [AnswerFile(f"{i}.csv", (HEADER + t).encode()) for i, t in enumerate(texts)]
    return read_answers(files, tasks, questionnaire, salt=salt)


def _rows(task: str, worker: str, **answers: str) -> str:
    return "".join(f"{task},{worker},{q},{a},false\n" for q, a in answers.items())


@pytest.fixture(scope="module")
def simulated(
    tasks: pl.DataFrame, truth: pl.DataFrame, questionnaire: Questionnaire
) -> pl.DataFrame:
    return simulate_answers(tasks, truth, questionnaire, SimulatedCrowd())


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_every_kind_of_file_reads_the_same(
    kind: str, simulated: pl.DataFrame, tasks: pl.DataFrame, questionnaire: Questionnaire
) -> None:
    out = io.BytesIO()
    {"csv": simulated.write_csv, "jsonl": simulated.write_ndjson}.get(
        kind, simulated.write_parquet
    )(out)
    found = read_answers([AnswerFile(f"a.{kind}", out.getvalue())], tasks, questionnaire, salt="s")
    votes = simulated.filter(~pl.col("question").is_in(REMARKS))
    assert found.report.n_accepted == votes.height == found.answers.height
    assert found.report.n_flags == simulated.height - votes.height > 0
    assert not found.report.rejected
    assert not found.report.dropped
    assert found.answers["is_simulated"].all()
    assert missing_answers(tasks, found.answers) == 0
    names = votes.with_columns(
        worker_id=pl.col("worker").map_elements(lambda n: worker_id(n, "s"), pl.String)
    )
    keys = ["task_id", "worker_id", "question", "answer", "duration_s"]
    assert found.answers.select(keys).sort(keys).equals(names.select(keys).sort(keys))


def test_no_files(tasks: pl.DataFrame, questionnaire: Questionnaire) -> None:
    found = read_answers([], tasks, questionnaire, salt="s")
    assert found.answers.schema == CROWD_ANSWERS.empty().schema
    assert missing_answers(tasks, found.answers) == 5 * tasks.height


def test_names_are_hashed_with_the_salt(tasks: pl.DataFrame, questionnaire: Questionnaire) -> None:
    row = _rows(tasks["task_id"][0], "Ann Lee", is_face="no")
    first = _read(tasks, questionnaire, row).answers
    other = _read(tasks, questionnaire, row, salt="t").answers
    assert first["worker_id"][0] != other["worker_id"][0]
    assert "Ann" not in str(first.to_dicts())


def test_contradictions_are_kept_as_rejected(
    tasks: pl.DataFrame, questionnaire: Questionnaire
) -> None:
    a, b, c = tasks["task_id"][:3]
    found = _read(
        tasks, questionnaire,
        _rows(a, "w", is_face="no", ekman="sad"),
        _rows(b, "w", is_face="yes", ekman="happy"),
        _rows(c, "w", is_face="yes", ekman="sad", mood="good"),
    )  # fmt: skip
    assert found.report.n_accepted == 0
    assert found.report.rejected == {
        "ekman answered although is_face is no": 2,
        "unknown answer to ekman": 2,
        "unknown question": 3,
    }
    assert missing_answers(tasks, found.answers) == 5 * tasks.height


def test_only_the_first_submission_counts(
    tasks: pl.DataFrame, questionnaire: Questionnaire
) -> None:
    task = tasks["task_id"][0]
    first = _rows(task, "w", is_face="yes", ekman="sad")
    second = _rows(task, "w", is_face="yes", ekman="none", beyond_ekman="cry")
    for texts in ((first + second,), (first, second)):
        found = _read(tasks, questionnaire, *texts)
        said = dict(found.answers.select("question", "answer").iter_rows())
        assert said == {"is_face": "yes", "ekman": "sad"}
        assert found.report.dropped == {"repeated submission": 3}
        assert missing_answers(tasks, found.answers) == 5 * tasks.height - 1


def test_a_submission_does_not_go_on_in_another_file(
    tasks: pl.DataFrame, questionnaire: Questionnaire
) -> None:
    task = tasks["task_id"][0]
    start = _rows(task, "w", is_face="yes", ekman="none")
    found = _read(tasks, questionnaire, start, _rows(task, "w", beyond_ekman="cry"))
    assert found.report.dropped == {"repeated submission": 1}
    assert found.report.rejected == {"beyond_ekman not answered": 2}


def test_interleaved_workers_are_told_apart(
    tasks: pl.DataFrame, questionnaire: Questionnaire
) -> None:
    task = tasks["task_id"][0]
    lines = zip(
        _rows(task, "v", is_face="yes", ekman="sad").splitlines(),
        _rows(task, "w", is_face="yes", ekman="angry").splitlines(),
        strict=True,
    )
    found = _read(tasks, questionnaire, "".join(f"{v}\n{w}\n" for v, w in lines))
    assert found.report.n_accepted == 4


def test_rows_the_table_cannot_hold_are_counted(
    tasks: pl.DataFrame, questionnaire: Questionnaire
) -> None:
    task = tasks["task_id"][0]
    text = (
        f"{task},,is_face,yes,false\n"
        f"{task},w,is_face,,false\n"
        f"{task},w,is_face,yes,maybe\n"
        "nowhere,w,is_face,yes,false\n"
        ",w,is_face,yes,false\n"
        f" {task} ,w,is_face,no,TRUE\n"
    )
    found = _read(tasks, questionnaire, text)
    assert found.report.dropped == {
        "no worker": 1, "no answer": 1, "is_simulated is neither true nor false": 1,
        "unknown task": 1, "no task": 1,
    }  # fmt: skip
    assert found.answers.select("answer", "is_simulated").row(0) == ("no", True)
    assert found.report.n_rows == 6


def test_bad_files_are_named_and_left_out(
    tasks: pl.DataFrame, questionnaire: Questionnaire
) -> None:
    task = tasks["task_id"][0]
    good = (HEADER + _rows(task, "w", is_face="no")).encode()
    files = [
        AnswerFile("empty.csv", b""),
        AnswerFile("noise.csv", bytes(range(256))),
        AnswerFile("columns.csv", b"task_id,worker,question,answer\n"),
        AnswerFile("noise.parquet", b"PAR1 no parquet PAR1"),
        AnswerFile("list.jsonl", b"[1, 2"),
        AnswerFile("answers.xlsx", b"PK"),
        AnswerFile("good.csv", good),
    ]
    found = read_answers(files, tasks, questionnaire, salt="s")
    assert found.report.n_files == 1
    assert found.report.n_accepted == 1
    reasons = {file.name: file.reason for file in found.report.rejected_files}
    assert set(reasons) == {file.name for file in files[:-1]}
    assert reasons["columns.csv"] == "column is_simulated is missing"
    assert reasons["answers.xlsx"].startswith("not one of .csv")


def test_long_and_strange_text_is_cut(tasks: pl.DataFrame, questionnaire: Questionnaire) -> None:
    task = tasks["task_id"][0]
    found = _read(tasks, questionnaire, f"{task},w,is_face,{'x' * 500}\x1e\x1f,false\n")
    assert found.answers["answer"][0] == "x" * 64
    assert found.answers["status"][0] == "rejected"


WITH_REMARKS = "task_id,worker,question,answer,is_simulated,duration_s,comment\n"


def _read_remarks(tasks: pl.DataFrame, questionnaire: Questionnaire, text: str) -> CrowdAnswers:
    file = AnswerFile("a.csv", (WITH_REMARKS + text).encode())
    return read_answers([file], tasks, questionnaire, salt="s")


def test_skips_and_flags_are_kept_apart(tasks: pl.DataFrame, questionnaire: Questionnaire) -> None:
    a, b, c, d = tasks["task_id"][:4]
    found = _read_remarks(
        tasks, questionnaire,
        f"{a},w,skip,cant-tell,false,3.5,\n"
        f'{b},w,is_face,no,false,,\n{b},w,flag,other,false,,"=1+1 <b>\n</b>"\n'
        f"{c},w,skip,cant-tell,false,,\n{c},w,is_face,no,false,,\n"
        f"{d},w,skip,bored,false,,\n{d},v,flag,hm,false,,x\n",
    )  # fmt: skip
    assert found.flags.schema == ANSWER_FLAGS.empty().schema
    kept = found.flags.select("task_id", "kind", "reason", "comment").sort("comment")
    assert sorted(kept.iter_rows(), key=str) == sorted(
        [(a, "skip", "cant-tell", None), (b, "flag", "other", "=1+1 <b></b>"),
         (c, "skip", "cant-tell", None)], key=str,
    )  # fmt: skip
    assert found.report.n_flags == 3
    assert found.report.rejected == {"answered although skipped": 1}
    assert found.report.dropped == {"unknown reason to skip": 1, "unknown reason to flag": 1}
    accepted = found.answers.filter(pl.col("status") == "accepted")
    assert accepted["task_id"].to_list() == [b]
    assert missing_answers(tasks, found.answers) == 5 * tasks.height - 1


def test_nobody_waits_for_a_face_that_all_skip(
    tasks: pl.DataFrame, questionnaire: Questionnaire
) -> None:
    a, b = tasks["task_id"][:2]
    rows = "".join(f"{a},w{i},skip,cant-tell,false,,\n" for i in range(5))
    rows += "".join(f"{b},w{i},skip,cant-tell,false,,\n" for i in range(4))
    found = _read_remarks(tasks, questionnaire, rows)
    assert missing_answers(tasks, found.answers, found.flags) == 5 * (tasks.height - 1)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("12.5", 12.5), ("0", 0.0), ("-1", None), ("nan", None), ("inf", None), ("long", None),
     ("1e9", None), ("", None)],
)  # fmt: skip
def test_durations_that_are_none_are_left_out(
    tasks: pl.DataFrame, questionnaire: Questionnaire, text: str, seconds: float | None
) -> None:
    task = tasks["task_id"][0]
    rows = f"{task},w,is_face,yes,false,{text},\n{task},w,ekman,sad,false,,\n"
    found = _read_remarks(tasks, questionnaire, rows)
    assert found.answers["duration_s"].to_list() == [seconds, seconds]
    assert found.report.n_accepted == 2


def test_comments_are_plain_and_short(tasks: pl.DataFrame, questionnaire: Questionnaire) -> None:
    task = tasks["task_id"][0]
    rows = f"{task},w,flag,other,false,,\x1b[31m{'y' * 900}\n"
    comment = _read_remarks(tasks, questionnaire, rows).flags["comment"][0]
    assert comment == "[31m" + "y" * 496


PAPER = load_questionnaire()
QUESTION = st.sampled_from([*(q.id for q in PAPER.questions), "mood", "skip", "flag"])
ANSWER = st.sampled_from(
    ["yes", "no", "sad", "none", "cry", "kiss", "I", "7", "woman", "cant-tell", "other",
     "<script>alert(1)</script>", '=HYPERLINK("http://x")', "+1", "@a", "", " "]
)  # fmt: skip
COMMENT = st.sampled_from(["", "=1+1", "<img src=x onerror=y>", "@SUM(A1)", 'it\'s, "fine"'])
ROW = st.tuples(
    st.sampled_from(["t0", "t1", "nowhere", ""]), st.sampled_from(["v", "w", ""]), QUESTION,
    ANSWER, st.sampled_from(["true", "false", "2"]), COMMENT,
)  # fmt: skip


def _task_rows() -> pl.DataFrame:
    names = {"task_id": ["t0", "t1"], "face_id": ["f0", "f1"], "video_id": ["x", "x"]}
    wanted = pl.Series([2, 2], dtype=pl.Int32)
    return pl.DataFrame(names).with_columns(answers_wanted=wanted)


def _csv(rows: list[tuple[str, ...]]) -> AnswerFile:
    columns = ["task_id", "worker", "question", "answer", "is_simulated", "comment"]
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    return AnswerFile("a.csv", frame.write_csv().encode())


@given(rows=st.lists(ROW, max_size=40))
@settings(max_examples=120, deadline=None)
def test_every_row_is_counted_once_whatever_comes(rows: list[tuple[str, ...]]) -> None:
    tasks = _task_rows()
    found = read_answers([_csv(rows)], tasks, PAPER, salt="s") if rows else None
    if found is None:
        return
    report = found.report
    kept = report.n_accepted + sum(report.rejected.values()) + report.n_flags
    assert kept + sum(report.dropped.values()) == report.n_rows == len(rows)
    accepted = found.answers.filter(pl.col("status") == "accepted")
    for _, submission in accepted.group_by("task_id", "worker_id"):
        assert (
            check_answers(PAPER, dict(submission.select("question", "answer").iter_rows())) is None
        )
        key = submission.select("task_id", "worker_id").row(0)
        skipped = found.flags.filter(kind="skip").select("task_id", "worker_id").rows()
        assert key not in skipped
    assert 0 <= missing_answers(tasks, found.answers) <= 4
    # the same file replayed, under another name, changes nothing that counts
    file = _csv(rows)
    twice = read_answers([file, AnswerFile("b.csv", file.data)], tasks, PAPER, salt="s")
    assert twice.answers.equals(found.answers)
    assert twice.flags.equals(found.flags)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_order_within_submissions_does_not_matter(data: st.DataObject) -> None:
    submissions = {
        ("t0", "v"): [("is_face", "yes"), ("ekman", "none"), ("beyond_ekman", "cry")],
        ("t0", "w"): [("is_face", "no"), ("flag", "other")],
        ("t1", "v"): [("skip", "cant-tell")],
        ("t1", "w"): [("is_face", "no"), ("ekman", "sad")],
    }
    rows = [(t, w, q, a, "false", "") for (t, w), said in submissions.items() for q, a in said]
    shuffled = data.draw(st.permutations(rows))
    tasks = _task_rows()
    first = read_answers([_csv(rows)], tasks, PAPER, salt="s")
    other = read_answers([_csv(list(shuffled))], tasks, PAPER, salt="s")
    assert first.answers.equals(other.answers)
    assert first.flags.equals(other.flags)
    assert first.report.n_accepted == 4
