import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.labels.allocation import NOT_A_FACE
from fer_assets.labels.answer_files import AnswerFile
from fer_assets.labels.answers import CrowdAnswers, read_answers
from fer_assets.labels.collection_report import worker_table
from fer_assets.labels.gold import GoldError, propose_gold, read_gold, with_proposals
from fer_assets.labels.information import crowd_confusion, expected_information
from fer_assets.labels.questionnaire import Questionnaire, load_questionnaire
from fer_assets.labels.uncertainty import uncertainty

SAID = {
    0: ["sad"] * 5,  # clear
    1: ["sad", "sad", "sad", "angry", "angry"],  # split
    2: ["sad", "angry"],  # not enough yet
    3: [NOT_A_FACE] * 5,
    4: ["sad", "sad", "angry", "angry", "cry", "sad", "angry", "kiss", "cry"],  # at its most
    5: ["other"] * 5,
}


def _read(tasks: pl.DataFrame, questionnaire: Questionnaire, extra: str = "") -> CrowdAnswers:
    text = "task_id,worker,question,answer,is_simulated,duration_s\n"
    for i, votes in SAID.items():
        task = tasks["task_id"][i]
        for j, vote in enumerate(votes):
            face = "no" if vote == NOT_A_FACE else "yes"
            text += f"{task},w{j},is_face,{face},false,{2 + j}\n"
            is_first = vote in questionnaire.question("ekman").answer_ids
            if face == "yes":
                text += f"{task},w{j},ekman,{vote if is_first else 'none'},false,\n"
                text += "" if is_first else f"{task},w{j},beyond_ekman,{vote},false,\n"
    file = AnswerFile("a.csv", (text + extra.replace("TASK", tasks["task_id"][6])).encode())
    return read_answers([file], tasks, questionnaire, salt="s")


def test_missing_and_uncertain(tasks: pl.DataFrame, questionnaire: Questionnaire) -> None:
    plain = tasks.with_columns(is_gold=pl.lit(False))
    found = uncertainty(plain, _read(tasks, questionnaire).answers, questionnaire)
    by_task = {row["task_id"]: row for row in found.tasks.to_dicts()}
    rows = [by_task[tasks["task_id"][i]] for i in range(7)]
    assert [row["n_answers"] for row in rows] == [5, 5, 2, 5, 9, 5, 0]
    assert [row["missing"] for row in rows] == [0, 0, 3, 0, 0, 0, 5]
    assert [row["is_uncertain"] for row in rows] == [False, True, *[False] * 5]
    assert rows[6]["bits"] is None
    assert found.n_missing == 5 * tasks.height - 22 - 5 + 0
    assert (found.n_uncertain, found.further_answers) == (1, 4)
    assert found.bits == pytest.approx(rows[1]["bits"])
    classes = (*questionnaire.votes, NOT_A_FACE)
    counts = np.array([[votes.count(c) for c in classes] for votes in SAID.values()], dtype=float)
    bits = expected_information(counts, crowd_confusion(counts))
    assert [row["bits"] for row in rows[:6]] == pytest.approx(bits.tolist())


def test_gold_tasks_need_no_more(tasks: pl.DataFrame, questionnaire: Questionnaire) -> None:
    gold = tasks.with_columns(is_gold=pl.col("task_id") == tasks["task_id"][1])
    assert uncertainty(gold, _read(tasks, questionnaire).answers, questionnaire).n_uncertain == 0


def test_proposals_are_unanimous_and_named(
    tasks: pl.DataFrame, questionnaire: Questionnaire
) -> None:
    answers = _read(tasks, questionnaire).answers
    found = propose_gold(answers, questionnaire, at_least=5)
    assert found.rows() == [(tasks["face_id"][0], "sad", 5)]
    assert propose_gold(answers, questionnaire, at_least=6).height == 0
    known = b"face_id,expression,note\n x ,kiss,=mine\n"
    data = with_proposals(known, found)
    assert data.decode().splitlines()[1] == " x ,kiss,=mine"
    gold = read_gold(data, tasks["face_id"], questionnaire)
    assert gold.faces.rows() == [(tasks["face_id"][0], "sad")]
    assert gold.refused.rows() == [(2, "x", "kiss", "no task for this face")]
    assert with_proposals(data, found) == data
    assert read_gold(
        with_proposals(None, found), tasks["face_id"], questionnaire
    ).refused.is_empty()


def test_worker_table(tasks: pl.DataFrame, questionnaire: Questionnaire) -> None:
    gold = tasks.with_columns(
        is_gold=pl.col("task_id") == tasks["task_id"][0], gold_expression=pl.lit("sad")
    )
    extra = "TASK,w0,skip,cant-tell,false,\nTASK,z,flag,other,true,\nTASK,w1,ekman,sad,false,\n"
    read = _read(tasks, questionnaire, extra)
    rows = worker_table(read.answers, read.flags, gold).rows(named=True)
    assert sum(row["n_answers"] for row in rows) == 31
    first = max(rows, key=lambda row: row["n_skipped"])
    assert (first["n_answers"], first["median_s"], first["gold_accuracy"]) == (6, 2.0, 1.0)
    assert sum(row["n_rejected"] for row in rows) == 1
    only_flag = next(row for row in rows if row["n_flagged"])
    assert only_flag["n_answers"] == 0
    assert only_flag["is_simulated"]
    assert [row["n_answers"] for row in rows] == sorted(
        (row["n_answers"] for row in rows), reverse=True
    )


@given(st.binary(max_size=200), st.sampled_from([b"", b"face_id,expression\n"]))
@settings(max_examples=200, deadline=None)
def test_no_gold_file_whatever_ends_in_anything_but_a_sentence(noise: bytes, start: bytes) -> None:
    try:
        found = read_gold(start + noise, pl.Series(["a", "b"]), load_questionnaire())
    except GoldError:
        return
    assert set(found.faces["face_id"]) <= {"a", "b"}
