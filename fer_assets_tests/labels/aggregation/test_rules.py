"""One test for each rule that the package's docstring states, by its number."""

import itertools
import re

import numpy as np
import polars as pl
import pytest

from fer_assets.labels import aggregation
from fer_assets.labels.aggregation.ballots import cast_ballots
from fer_assets.labels.aggregation.combine import CrowdLabels, aggregate
from fer_assets.labels.questionnaire import Questionnaire
from fer_assets.storage.schemas.tiktokfer import CROWD_ANSWERS

Ballot = dict[str, str]
SAD = {"is_face": "yes", "ekman": "sad"}
ANGRY = {"is_face": "yes", "ekman": "angry"}
NOTHING = {"is_face": "yes", "ekman": "none", "beyond_ekman": "none"}
NO = {"is_face": "no"}


def rows(*ballots: Ballot, face: int = 0, task: str = "t") -> list[dict[str, object]]:
    """CROWD_ANSWERS rows: worker w says ballots[w] of the face."""
    return [
        {
            "task_id": f"{task}{face}", "face_id": f"v/{face}/0-0", "video_id": "v",
            "worker_id": f"w{w}", "question": question, "answer": answer, "duration_s": None,
            "status": "accepted", "reason": None, "is_simulated": False,
        }
        for w, ballot in enumerate(ballots)
        for question, answer in ballot.items()
    ]  # fmt: skip


def crowd(
    answers: list[dict[str, object]],
    questionnaire: Questionnaire,
    tasks: pl.DataFrame | None = None,
) -> CrowdLabels:
    frame = CROWD_ANSWERS.frame(answers)
    faces = frame.select("face_id", "video_id").unique().with_columns(identity_id=pl.lit("p"))
    return aggregate(frame, faces, questionnaire, tasks=tasks)


def test_every_rule_has_a_test() -> None:
    stated = re.findall(r"^(\d+)\. ", aggregation.__doc__ or "", re.MULTILINE)
    assert stated == [str(n) for n in range(1, 11)]
    tested = {int(n) for name in globals() for n in re.findall(r"^test_rule_(\d+)", name)}
    assert tested == set(range(1, 11))


def test_rule_1_only_accepted_answers_count(questionnaire: Questionnaire) -> None:
    answers = rows(SAD, SAD, SAD, ANGRY, ANGRY, ANGRY, ANGRY, ANGRY)
    for row in answers:
        if row["answer"] == "angry":
            row |= {"status": "rejected", "reason": "x"}
    assert crowd(answers, questionnaire).labels["label"].to_list() == ["sad"]


def test_rule_2_two_different_answers_are_none(questionnaire: Questionnaire) -> None:
    twice = rows(SAD, SAD, SAD, SAD) + rows(ANGRY, task="u")
    found = crowd(twice, questionnaire)
    assert found.labels.select("label", "n_answers", "agreement").rows() == [("sad", 3, 1.0)]
    same = crowd(rows(SAD, SAD, SAD) + rows(SAD, task="u"), questionnaire)
    assert same.labels["n_answers"].to_list() == [3]
    undecided = crowd(rows(SAD, SAD, SAD, SAD) + rows(NO, task="u"), questionnaire)
    assert undecided.labels["n_answers"].to_list() == [3]


def test_rule_3_after_no_face_nothing_counts(questionnaire: Questionnaire) -> None:
    contradiction = {"is_face": "no", "ekman": "sad", "gender": "man"}
    woman = {**SAD, "gender": "woman"}
    found = crowd(rows(woman, woman, woman, contradiction), questionnaire)
    assert found.labels.select("label", "n_answers").rows() == [("sad", 3)]
    assert found.demographics["gender"].to_list() == ["woman"]
    ballots = cast_ballots(CROWD_ANSWERS.frame(rows(contradiction)))
    assert ballots.select("ekman", "gender", "expression").rows() == [(None, None, None)]


@pytest.mark.parametrize(
    ("ballot", "vote"),
    [
        ({"ekman": "sad", "beyond_ekman": "cry"}, "sad"),
        ({"ekman": "none", "beyond_ekman": "cry"}, "cry"),
        ({"ekman": "none"}, None),
        ({"beyond_ekman": "cry"}, None),
    ],
)
def test_rule_4_the_first_list_before_the_second(ballot: Ballot, vote: str | None) -> None:
    ballots = cast_ballots(CROWD_ANSWERS.frame(rows({"is_face": "yes", **ballot})))
    assert ballots["expression"].to_list() == [vote]


def test_rule_5_failing_workers_are_left_out(questionnaire: Questionnaire) -> None:
    good = [rows(SAD, SAD, SAD, ANGRY, ANGRY, ANGRY, face=face) for face in range(5)]
    tasks = pl.DataFrame(
        {"face_id": [f"v/{face}/0-0" for face in range(5)], "is_gold": [True] * 4 + [False],
         "gold_expression": ["sad"] * 4 + [None]}
    )  # fmt: skip
    answers = list(itertools.chain(*good))
    assert set(crowd(answers, questionnaire).labels["reason"]) == {"tie"}
    found = crowd(answers, questionnaire, tasks)
    assert set(found.labels["label"]) == {"sad"}
    assert found.workers.select("worker_id", "is_left_out", "n_gold", "n_answers").rows() == [
        (f"w{w}", w >= 3, 4, 5) for w in range(6)
    ]
    assert found.workers["spamming"].null_count() == 3
    assert set(found.confusions["worker_id"]) == {"w0", "w1", "w2"}


def test_rule_6_a_convincing_majority_sees_a_face(questionnaire: Questionnaire) -> None:
    found = crowd(
        rows({**SAD, "gender": "man"}, {**SAD, "gender": "man"}, NO, NO, NO)
        + rows(SAD, SAD, NO, NO, face=1),
        questionnaire,
    )
    assert found.labels.select("is_face", "label", "reason").rows() == [
        (False, None, "not a face"),
        (False, None, "is_face: tie"),
    ]
    assert found.demographics["gender"].to_list() == [None]
    assert found.suspects.is_empty()


def test_rule_7_a_tie_gives_no_label_but_a_soft_one(questionnaire: Questionnaire) -> None:
    # on eight faces w3 stands alone, so that a model trusts the other three more
    clear = [rows(SAD, SAD, SAD, ANGRY, face=face) for face in range(1, 9)]
    answers = [*itertools.chain(*clear), *rows(SAD, SAD, ANGRY, ANGRY)]
    tied = crowd(answers, questionnaire).labels.row(0, named=True)
    assert (tied["label"], tied["reason"], tied["agreement"]) == (None, "tie", 0.5)
    top = max(tied["soft_label"], key=lambda entry: entry["prob"])
    assert top["expression"] == "sad"
    assert top["prob"] > 0.6


def test_rule_8_none_is_a_vote_but_no_label(questionnaire: Questionnaire) -> None:
    found = crowd(rows(NOTHING, NOTHING, NOTHING, SAD), questionnaire)
    assert found.labels.select("label", "agreement", "reason").rows() == [
        (None, 0.75, "the crowd chose none")
    ]
    methods = dict(found.estimates.select("method", "label").iter_rows())
    assert methods["majority"] == "none"


def test_rule_9_equal_probabilities_are_no_label(questionnaire: Questionnaire) -> None:
    found = crowd(rows(SAD, ANGRY), questionnaire)
    assert found.estimates.select("method", "label").rows() == [
        ("dawid-skene", None), ("mace", None), ("majority", None), ("one-coin", None),
    ]  # fmt: skip
    assert np.allclose(found.estimates.filter(pl.col("method") == "majority")["prob"], 0.5)


def test_rule_10_a_person_s_tie_is_no_answer(questionnaire: Questionnaire) -> None:
    ballots = [{**SAD, "age_group": age} for age in ("teen", "teen", "adult", "adult", "senior")]
    found = crowd(rows(*ballots), questionnaire)
    assert found.demographics["age_group"].to_list() == [None]
