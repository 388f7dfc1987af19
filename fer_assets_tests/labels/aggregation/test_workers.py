import numpy as np
import polars as pl
import pytest

from fer_assets.labels.aggregation.combine import CrowdLabels, aggregate
from fer_assets.labels.answer_files import AnswerFile
from fer_assets.labels.answers import read_answers
from fer_assets.labels.questionnaire import Questionnaire
from fer_assets.labels.simulation import SimulatedCrowd, simulate_answers
from fer_assets.storage.schemas.tiktokfer import CROWD_ANSWERS
from fer_assets_tests.labels.aggregation.test_rules import SAD, crowd, rows


@pytest.fixture(scope="module")
def simulated(
    tasks: pl.DataFrame, truth: pl.DataFrame, questionnaire: Questionnaire
) -> tuple[pl.DataFrame, CrowdLabels]:
    settings = SimulatedCrowd(seed=4)
    data = simulate_answers(tasks, truth, questionnaire, settings).write_csv().encode()
    answers = read_answers([AnswerFile("a.csv", data)], tasks, questionnaire, salt="s").answers
    return answers, aggregate(answers, truth, questionnaire)


def test_spammers_stand_out(simulated: tuple[pl.DataFrame, CrowdLabels]) -> None:
    """Four of forty simulated workers answer at random, and nobody is told which."""
    workers = simulated[1].workers.sort("spamming")
    assert workers.height == 40
    assert workers["spamming"][-4:].min() > 0.7
    assert workers["spamming"][:-4].max() < 0.6
    assert workers["estimated_accuracy"][-4:].max() < 0.4
    found = workers.select("spamming", "estimated_accuracy").to_numpy()
    assert np.corrcoef(found.T)[0, 1] < -0.9


def test_confusions_add_up(
    simulated: tuple[pl.DataFrame, CrowdLabels], questionnaire: Questionnaire
) -> None:
    labels = simulated[1]
    confusions = labels.confusions
    sums = confusions.group_by("worker_id", "truth").agg(
        pl.col("prob").sum(), pl.col("n_votes").sum(), n=pl.len()
    )
    np.testing.assert_allclose(sums["prob"], 1, atol=1e-9)
    assert (sums["n"] == len(questionnaire.votes)).all()
    assert sums["n_votes"].min() >= 0.5
    n_votes = confusions["n_votes"].sum()
    assert 0.97 * labels.workers["n_answers"].sum() < n_votes <= labels.workers["n_answers"].sum()
    honest = labels.workers.filter(pl.col("spamming") < 0.2)["worker_id"]
    diagonal = confusions.filter(
        pl.col("worker_id").is_in(honest.implode()) & (pl.col("truth") == pl.col("answer"))
    )
    assert diagonal["prob"].median() > 0.8


def test_durations_are_per_face_not_per_question(questionnaire: Questionnaire) -> None:
    answers = rows(SAD, SAD) + rows(SAD, face=1) + rows(SAD, face=2)
    for row in answers:
        seconds = {"v/0/0-0": 4.0, "v/1/0-0": 90.0, "v/2/0-0": 6.0}[str(row["face_id"])]
        row["duration_s"] = seconds if row["worker_id"] == "w0" else None
    found = crowd(answers, questionnaire).workers
    assert found.select("worker_id", "median_duration_s").rows() == [("w0", 6.0), ("w1", None)]


def test_no_answers(questionnaire: Questionnaire) -> None:
    faces = pl.DataFrame({"face_id": ["a"], "video_id": ["v"], "identity_id": ["p"]})
    found = aggregate(CROWD_ANSWERS.empty(), faces, questionnaire)
    for table in (found.workers, found.confusions, found.estimates, found.suspects, found.ceiling):
        assert table.is_empty()
    assert found.has_converged
