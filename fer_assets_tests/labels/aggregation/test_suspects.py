import numpy as np
import polars as pl
import pytest

from fer_assets.labels.aggregation.confident_learning import confident_learning
from fer_assets.labels.aggregation.suspects import doubted_by_classifier, low_agreement
from fer_assets.storage.schemas.tiktokfer import CROWD_LABELS, PREDICTIONS, SUSPECT_LABELS


def _label(
    face: str, label: str | None, agreement: float, reason: str | None = None, **soft: float
) -> dict[str, object]:
    return {
        "face_id": face, "video_id": "v", "identity_id": "p", "label": label, "n_answers": 5,
        "is_face": reason != "not a face", "agreement": agreement, "reason": reason,
        "soft_label": [{"expression": name, "prob": prob} for name, prob in sorted(soft.items())],
        "is_simulated": False,
    }  # fmt: skip


def test_low_agreement_and_a_soft_label_of_another_mind() -> None:
    labels = CROWD_LABELS.frame(
        [
            _label("a", "sad", 1.0, sad=0.99, cry=0.01),
            _label("b", "sad", 0.6, sad=0.9, cry=0.1),
            _label("c", "sad", 0.8, sad=0.2, cry=0.8),
            _label("d", None, 0.5, "tie", sad=0.3, cry=0.7),
            _label("e", None, 0.4, "no convincing majority", sad=0.5, cry=0.5),
            _label("f", None, 0.5, "too few answers", sad=0.5, cry=0.5),
            _label("g", None, 0.5, "not a face", sad=0.5, cry=0.5),
            _label("h", None, 0.6, "the crowd chose none", none=0.6, sad=0.4),
            _label("i", None, 0.0, "no answers"),
        ]
    )
    found = low_agreement(labels, 0.7)
    assert found.select("face_id", "cause", "label", "suggestion", "score").rows() == [
        ("b", "low agreement", "sad", None, 0.6),
        ("c", "low agreement", "sad", "cry", 0.2),
        ("d", "low agreement", None, "cry", 0.5),
        ("e", "low agreement", None, None, 0.4),
    ]
    assert low_agreement(labels, 0.0).equals(SUSPECT_LABELS.empty())


def _predictions(n: int, seed: int = 0) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Three people in three folds, and the release they are of; a tenth of the labels is moved."""
    rng = np.random.default_rng(seed)
    classes = ("angry", "sad", "smiling")
    truth = rng.integers(0, 3, n)
    probs = rng.dirichlet(np.full(3, 0.4), n) * 0.4 + 0.6 * np.eye(3)[truth]
    labels = np.where(rng.random(n) < 0.1, (truth + 1) % 3, truth)
    person = np.arange(n) % 3
    faces = [f"v/{i:03d}/0-0" for i in range(n)]
    names = np.array(classes)
    predictions = PREDICTIONS.conform(
        pl.DataFrame(
            {
                "fold": pl.Series(person, dtype=pl.Int32),
                "seed": pl.Series([0] * len(person), dtype=pl.Int32),
                "face_id": faces,
                "group_id": [f"p{p}" for p in person],
                "target": names[labels],
                "pred": names[probs.argmax(1)],
                "probs": pl.Series(probs.tolist(), dtype=pl.List(pl.Float32)),
            }
        )
    )
    return predictions, pl.DataFrame({"face_id": faces, "video_id": "v", "label": names[labels]})


CLASSES = ("angry", "sad", "smiling")


def test_a_classifier_s_doubts_are_confident_learning_s() -> None:
    predictions, release = _predictions(90)
    found = doubted_by_classifier(predictions, release.sample(fraction=1, shuffle=True), CLASSES)
    labels = np.array([CLASSES.index(name) for name in release["label"]])
    method = confident_learning(labels, np.array(predictions["probs"].to_list(), dtype=float))
    expected = release.filter(pl.Series(method.is_suspect))
    assert found["face_id"].to_list() == expected["face_id"].to_list()
    assert found.height > 3
    assert set(found["cause"]) == {"classifier"}
    assert (found["label"] != found["suggestion"]).all()
    np.testing.assert_allclose(found["score"], method.self_confidence[method.is_suspect])


def test_only_people_whom_one_run_held_out_count() -> None:
    predictions, release = _predictions(90)
    doubted = doubted_by_classifier(predictions, release, CLASSES)
    some = doubted["face_id"][0]
    who = predictions.filter(pl.col("face_id") == some)["group_id"][0]
    # one more face of that person, predicted by another run, which so may have seen the others
    other = pl.DataFrame({"face_id": ["v/900/0-0"], "video_id": ["v"], "label": ["sad"]})
    row = predictions.filter(pl.col("group_id") == who).head(1)
    moved = row.with_columns(face_id=pl.lit("v/900/0-0"), fold=(pl.col("fold") + 1) % 3)
    seen = pl.concat([predictions, moved])
    left = doubted_by_classifier(seen, pl.concat([release, other]), CLASSES)
    people = predictions.filter(pl.col("face_id").is_in(left["face_id"].implode()))["group_id"]
    assert who not in people.to_list()
    assert not left.is_empty()


@pytest.mark.parametrize("label", [None, "kiss"])
def test_faces_without_a_label_that_the_classifier_knows_are_not_judged(label: str | None) -> None:
    predictions, release = _predictions(30)
    unknown = release.with_columns(label=pl.lit(label, pl.String))
    assert doubted_by_classifier(predictions, unknown, CLASSES).equals(SUSPECT_LABELS.empty())


def test_a_face_of_two_challenges_is_judged_once() -> None:
    predictions, release = _predictions(60)
    once = doubted_by_classifier(predictions, release, CLASSES)
    twice = doubted_by_classifier(predictions, pl.concat([release, release]), CLASSES)
    assert twice.equals(once)


def test_over_several_seeds_the_mean_of_their_probabilities_counts() -> None:
    first, release = _predictions(90)
    turned = pl.Series(np.roll(np.array(first["probs"].to_list()), 1, axis=1).tolist())
    second = first.with_columns(seed=pl.lit(1, pl.Int32), probs=turned.cast(pl.List(pl.Float32)))
    both = np.array(first["probs"].to_list()) + np.array(second["probs"].to_list())
    mean = first.with_columns(probs=pl.Series((both / 2).tolist(), dtype=pl.List(pl.Float32)))
    expected = doubted_by_classifier(mean, release, CLASSES)
    found = doubted_by_classifier(pl.concat([second, first]), release, CLASSES)
    assert found["face_id"].equals(expected["face_id"])
    np.testing.assert_allclose(found["score"], expected["score"], atol=1e-6)
    assert not found.is_empty()
