import numpy as np
import polars as pl
import pytest
from sklearn.metrics import accuracy_score

from fer_assets.labels.aggregation.ballots import GoldSettings
from fer_assets.labels.aggregation.combine import AggregationSettings, CrowdLabels, aggregate
from fer_assets.labels.aggregation.face_labels import NOT_A_FACE, soft_labels
from fer_assets.labels.answer_files import AnswerFile
from fer_assets.labels.answers import read_answers
from fer_assets.labels.questionnaire import Questionnaire
from fer_assets.labels.simulation import SimulatedCrowd, simulate_answers
from fer_assets.storage.schemas.tiktokfer import CROWD_ANSWERS

SAD = {"is_face": "yes", "ekman": "sad"}
CRY = {"is_face": "yes", "ekman": "none", "beyond_ekman": "cry"}
NOTHING = {"is_face": "yes", "ekman": "none", "beyond_ekman": "none"}
NO = {"is_face": "no"}


def _answers(*by_face: list[dict[str, str]], simulated: bool = False) -> pl.DataFrame:
    """Worker w of face f says by_face[f][w]."""
    rows = [
        {
            "task_id": f"t{f}", "face_id": f"v/{f}/0-0", "video_id": "v", "worker_id": f"w{w}",
            "question": question, "answer": answer, "status": "accepted", "reason": None,
            "is_simulated": simulated,
        }
        for f, ballots in enumerate(by_face)
        for w, ballot in enumerate(ballots)
        for question, answer in ballot.items()
    ]  # fmt: skip
    return CROWD_ANSWERS.frame(rows)


def _faces(n: int) -> pl.DataFrame:
    return pl.DataFrame(
        {"face_id": [f"v/{f}/0-0" for f in range(n)], "video_id": "v", "identity_id": "p"}
    )


@pytest.fixture(scope="module")
def simulated(
    tasks: pl.DataFrame, truth: pl.DataFrame, questionnaire: Questionnaire
) -> tuple[pl.DataFrame, CrowdLabels]:
    data = simulate_answers(tasks, truth, questionnaire, SimulatedCrowd(seed=2)).write_csv()
    answers = read_answers([AnswerFile("a.csv", data.encode())], tasks, questionnaire, salt="s")
    return answers.answers, aggregate(answers.answers, truth, questionnaire, tasks=tasks)


def test_labels_and_reasons(questionnaire: Questionnaire) -> None:
    answers = _answers(
        [SAD] * 5,
        [SAD, SAD, SAD, CRY, CRY],
        [SAD, SAD, CRY, CRY, NOTHING],
        [SAD, SAD, NO, NO, NO],
        [NOTHING] * 4 + [SAD],
        [SAD, SAD],
        [SAD, CRY, NOTHING, {"is_face": "yes", "ekman": "angry"}, SAD],
    )
    labels = aggregate(answers, _faces(8), questionnaire).labels
    found = labels.select("label", "is_face", "n_answers", "agreement", "reason").rows()
    assert found == [
        ("sad", True, 5, 1.0, None),
        ("sad", True, 5, 0.6, None),
        (None, True, 5, 0.4, "tie"),
        (None, False, 2, 1.0, NOT_A_FACE),
        (None, True, 5, 0.8, "the crowd chose none"),
        (None, False, 2, 1.0, "is_face: too few answers"),
        (None, True, 5, 0.4, "no convincing majority"),
        (None, False, 0, 0.0, "no answers"),
    ]


def test_no_answers_at_all(questionnaire: Questionnaire) -> None:
    crowd = aggregate(CROWD_ANSWERS.empty(), _faces(3), questionnaire)
    assert crowd.labels["reason"].to_list() == ["no answers"] * 3
    assert crowd.demographics.height == 1
    assert crowd.workers.height == 0
    assert crowd.agreement["expression"].alpha is None


def test_rejected_answers_and_other_faces_do_not_count(questionnaire: Questionnaire) -> None:
    answers = _answers([SAD] * 3, [CRY] * 5)
    rejected = answers.with_columns(status=pl.lit("rejected"), reason=pl.lit("x"))
    mixed = pl.concat([answers.filter(pl.col("task_id") == "t0"), rejected.filter(
        pl.col("task_id") == "t1"
    )])  # fmt: skip
    labels = aggregate(mixed, _faces(2), questionnaire).labels
    assert labels["n_answers"].to_list() == [3, 0]
    assert aggregate(answers, _faces(1), questionnaire).labels.height == 1


def test_copies_are_left_out(questionnaire: Questionnaire) -> None:
    faces = _faces(2).with_columns(is_duplicate=pl.Series([False, True]))
    assert aggregate(_answers([SAD] * 3), faces, questionnaire).labels.height == 1


def test_order_of_rows_does_not_matter(
    simulated: tuple[pl.DataFrame, CrowdLabels],
    tasks: pl.DataFrame,
    truth: pl.DataFrame,
    questionnaire: Questionnaire,
) -> None:
    answers, crowd = simulated
    again = aggregate(
        answers.sample(fraction=1.0, shuffle=True, seed=1),
        truth.sample(fraction=1.0, shuffle=True, seed=2),
        questionnaire,
        tasks=tasks,
    )
    assert again.labels.equals(crowd.labels)
    assert again.demographics.equals(crowd.demographics)
    assert again.workers.equals(crowd.workers)
    assert again.agreement == crowd.agreement


def test_a_simulated_crowd_finds_the_truth(
    simulated: tuple[pl.DataFrame, CrowdLabels], truth: pl.DataFrame, tasks: pl.DataFrame
) -> None:
    _, crowd = simulated
    known = crowd.labels.join(truth.select("face_id", "expression", real="is_face"), on="face_id")
    assert crowd.labels["is_simulated"].all()
    assert crowd.labels.height == tasks.height
    assert (known["is_face"] == known["real"]).mean() > 0.9
    named = known.filter(pl.col("label").is_not_null() & pl.col("real"))
    assert named.height > 0.8 * known["real"].sum()
    assert accuracy_score(named["expression"], named["label"]) > 0.97
    top = known.filter("is_face", "real").with_columns(
        top=pl.col("soft_label")
        .list.eval(
            pl.element().struct.field("expression").sort_by(pl.element().struct.field("prob"))
        )
        .list.last()
    )
    assert accuracy_score(top["expression"], top["top"]) > 0.95
    assert crowd.has_converged


def test_soft_labels_are_distributions(
    simulated: tuple[pl.DataFrame, CrowdLabels], questionnaire: Questionnaire
) -> None:
    labels = simulated[1].labels
    for row in labels.filter(pl.col("n_answers") > 0)["soft_label"]:
        entries = row.to_list() if isinstance(row, pl.Series) else row
        assert [e["expression"] for e in entries] == list(questionnaire.votes)
        assert sum(e["prob"] for e in entries) == pytest.approx(1, abs=1e-12)
        assert all(e["prob"] >= 0 for e in entries)


def test_rounding_keeps_the_sum() -> None:
    posterior = np.random.default_rng(0).dirichlet(np.full(17, 0.3), size=500)
    classes = tuple(f"c{k:02d}" for k in range(17))
    rounded = np.array([[e["prob"] for e in row] for row in soft_labels(posterior, classes)])
    np.testing.assert_array_equal(np.rint(rounded * 1e6).sum(axis=1), 1e6)
    np.testing.assert_allclose(rounded, posterior, atol=17e-6)


def test_workers_and_gold(
    simulated: tuple[pl.DataFrame, CrowdLabels],
    truth: pl.DataFrame,
    tasks: pl.DataFrame,
    questionnaire: Questionnaire,
) -> None:
    answers, crowd = simulated
    assert crowd.workers.height == answers["worker_id"].n_unique()
    left_out = crowd.workers.filter("is_left_out")
    assert left_out.height > 0
    assert left_out["estimated_accuracy"].null_count() == left_out.height
    assert left_out["gold_accuracy"].max() < 0.5
    lenient = aggregate(
        answers, truth, questionnaire, AggregationSettings(gold=GoldSettings(0.0)), tasks=tasks
    )
    assert not lenient.workers["is_left_out"].any()
    found = lenient.workers.filter(pl.col("n_gold") > 0)
    correlation = np.corrcoef(found["gold_accuracy"], found["estimated_accuracy"])[0, 1]
    assert correlation > 0.6


def test_gold_accuracy_by_hand(questionnaire: Questionnaire) -> None:
    answers = _answers([SAD, CRY, NO], [SAD, SAD, SAD])
    tasks = pl.DataFrame(
        {"face_id": ["v/0/0-0", "v/1/0-0"], "is_gold": [True, False],
         "gold_expression": ["sad", None]}
    )  # fmt: skip
    crowd = aggregate(answers, _faces(2), questionnaire, tasks=tasks)
    assert crowd.workers["gold_accuracy"].to_list() == [1.0, 0.0, 0.0]
    assert crowd.workers["n_answers"].to_list() == [2, 2, 1]
    assert crowd.workers["n_gold"].to_list() == [1, 1, 1]
    assert not crowd.workers["is_left_out"].any()
