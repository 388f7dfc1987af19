import io

import polars as pl
import pytest

from fer_assets.labels.answer_files import AnswerFile
from fer_assets.labels.answers import CrowdAnswers, missing_answers, read_answers, worker_id
from fer_assets.labels.questionnaire import Questionnaire
from fer_assets.labels.simulation import SimulatedCrowd, simulate_answers
from fer_assets.storage.schemas.tiktokfer import CROWD_ANSWERS

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
    assert found.report.n_accepted == simulated.height == found.answers.height
    assert not found.report.rejected
    assert not found.report.dropped
    assert found.answers["is_simulated"].all()
    assert missing_answers(tasks, found.answers) == 0
    names = simulated.with_columns(
        worker_id=pl.col("worker").map_elements(lambda n: worker_id(n, "s"), pl.String)
    )
    keys = ["task_id", "worker_id", "question", "answer"]
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
