import numpy as np
import polars as pl
import pytest

from fer_assets.labels.aggregation.combine import AggregationSettings, aggregate
from fer_assets.labels.aggregation.estimates import (
    SOFT_LABELS,
    SoftLabelsError,
    estimate,
    label_estimates,
    soft_labels_of,
)
from fer_assets.labels.aggregation.votes import VoteTable
from fer_assets.labels.questionnaire import Questionnaire
from fer_assets.storage.schemas.tiktokfer import LABEL_ESTIMATES
from fer_assets_tests.labels.aggregation.crowds import ten_workers
from fer_assets_tests.labels.aggregation.test_rules import ANGRY, SAD, rows


@pytest.fixture(scope="module")
def table() -> VoteTable:
    votes, _ = ten_workers(0, 60)
    return VoteTable(
        votes,
        tuple(f"v/{i:03d}/0-0" for i in range(votes.n_items)),
        tuple(f"w{w}" for w in range(10)),
        ("angry", "cry", "none", "sad", "smiling"),
    )


def test_each_method_has_its_most_probable_vote(table: VoteTable) -> None:
    estimates = estimate(table)
    faces = pl.DataFrame({"face_id": table.items, "video_id": "v"})
    found = label_estimates(estimates, faces)
    assert found.height == 4 * len(table.items)
    for method in SOFT_LABELS:
        probs = estimates.probs(method)
        np.testing.assert_allclose(probs.sum(axis=1), 1)
        name = "majority" if method == "votes" else method
        of_method = found.filter(pl.col("method") == name)
        np.testing.assert_allclose(of_method["prob"].to_numpy(), probs.max(axis=1))
        for label, row in zip(of_method["label"], probs, strict=True):
            best = [table.classes[k] for k in np.flatnonzero(row > row.max() - 1e-9)]
            assert label == (best[0] if len(best) == 1 else None)


def test_without_votes(table: VoteTable) -> None:
    empty = np.zeros(0, dtype=np.int64)
    votes = type(table.votes)(empty, empty, empty, 0, 0, 5)
    estimates = estimate(VoteTable(votes, (), (), table.classes))
    assert all(estimates.probs(method).shape == (0, 5) for method in SOFT_LABELS)
    faces = pl.DataFrame({"face_id": ["a"], "video_id": ["v"]})
    assert label_estimates(estimates, faces).equals(LABEL_ESTIMATES.empty())


@pytest.mark.parametrize("method", SOFT_LABELS)
def test_the_soft_label_is_the_chosen_method_s(method: str, questionnaire: Questionnaire) -> None:
    answers = pl.DataFrame(
        rows(SAD, SAD, ANGRY) + rows(SAD, SAD, SAD, face=1) + rows(ANGRY, SAD, SAD, face=2),
        schema_overrides={"duration_s": pl.Float64, "reason": pl.String},
    )
    faces = answers.select("face_id", "video_id").unique().with_columns(identity_id=pl.lit("p"))
    settings = AggregationSettings(soft_labels=soft_labels_of(method, "here"))
    found = aggregate(answers, faces, questionnaire, settings)
    soft = {e["expression"]: e["prob"] for e in found.labels["soft_label"][0]}
    name = "majority" if method == "votes" else method
    of_method = found.estimates.filter(pl.col("method") == name).row(0, named=True)
    assert of_method["label"] == "sad"
    assert soft["sad"] == pytest.approx(of_method["prob"], abs=2e-6)
    if method == "votes":
        assert soft["sad"] == pytest.approx(2 / 3, abs=1e-6)
    # the published label stays the convincing majority
    assert found.labels["label"].to_list() == ["sad"] * 3


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(SoftLabelsError, match=r"(?s)settings.*dawid-skene, one-coin.*'glad'"):
        soft_labels_of("glad", "settings")
