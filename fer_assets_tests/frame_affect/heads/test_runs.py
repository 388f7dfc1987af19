"""Runs by protocol: who trains, who chooses, what is kept."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from fer_assets.frame_affect.heads.data import HeadData
from fer_assets.frame_affect.heads.head import head_bytes, load_head
from fer_assets.frame_affect.heads.runs import (
    FINAL_NOTE,
    PAPER_NOTE,
    held_out,
    run_frames,
    run_head,
)
from fer_assets.frame_affect.heads.specs import PROTOCOLS, HeadRecipe, RunError, RunSpec
from fer_assets.frame_affect.heads.thresholds import choose_thresholds
from fer_assets_tests.frame_affect.heads.material import head_data

RECIPE = HeadRecipe(max_epochs=3, learning_rate=5e-3)


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_THREADS", "1")


def _spec(task: str, protocol: str = "held-out", **more: object) -> RunSpec:
    return RunSpec(task, "affect-test", "embeddings", "linear", protocol, **more)


def _videos(data: HeadData, rows: np.ndarray) -> set[str]:
    return {data.videos[number] for number in np.unique(data.video[rows])}


def test_names() -> None:
    assert _spec("EXPR").name == "expr-affect-test-embeddings-linear-held-out"
    assert _spec("MTL", "paper", seed=2).name == "mtl-affect-test-embeddings-linear-paper-seed2"
    assert _spec("VA").by("final").protocol == "final"


def test_who_trains_and_who_chooses() -> None:
    data = head_data("EXPR", 10, 4, 30)
    training, validation = set(data.videos[:10]), set(data.videos[10:])
    for seed in range(5):
        frames = run_frames(data, "held-out", 0.3, seed)
        train, dev = _videos(data, frames.train), _videos(data, frames.dev)
        assert train | dev == training
        assert not train & dev
        assert train and dev
    paper = run_frames(data, "paper", 0.3, 0)
    assert _videos(data, paper.train) == training
    assert _videos(data, paper.dev) == validation
    assert paper.notes == (PAPER_NOTE,)
    final = run_frames(data, "final", 0.3, 0)
    assert _videos(data, final.train) == training | validation
    assert not len(final.dev)
    assert final.notes == (FINAL_NOTE,)


def test_no_dev_and_no_validation_frame_has_any_part_in_a_held_out_head() -> None:
    """Their features and labels may be anything: weights stay the same bits."""
    data = head_data("MTL", 8, 3, 40)
    frames = run_frames(data, "held-out", 0.3, 0)
    others = np.setdiff1d(np.arange(len(data.targets)), frames.train)
    recipe = replace(RECIPE, patience=99)

    def spoilt(rows: np.ndarray) -> HeadData:
        """Other features; labels moved within each video, so that each shows what it did."""
        inputs, order = data.inputs.copy(), np.arange(len(data.targets))
        inputs[rows] *= -3
        for video in np.unique(data.video[rows]):
            own = rows[data.video[rows] == video]
            order[own] = np.roll(own, 7)
        return replace(data, inputs=inputs, targets=data.targets.rows(order))

    first = run_head(data, _spec("MTL"), recipe, dev_share=0.3)
    # dev frames choose the epoch, so only the loss on the training frames is compared
    second = run_head(spoilt(others), _spec("MTL"), recipe, dev_share=0.3)
    losses = [result.tables["head_curve"]["train_loss"].to_list() for result in (first, second)]
    assert losses[0] == losses[1]
    # validation frames have no part at all
    validation = data.rows_of(data.in_set("validation"))
    third = run_head(spoilt(validation), _spec("MTL"), recipe, dev_share=0.3)
    assert head_bytes(third.head) == head_bytes(first.head)
    # while training frames have one
    fourth = run_head(spoilt(frames.train[:50]), _spec("MTL"), recipe, dev_share=0.3)
    assert fourth.tables["head_curve"]["train_loss"].to_list() != losses[0]


def test_what_is_kept_of_a_run() -> None:
    data = head_data("AU", 6, 2, 50)
    result = run_head(data, _spec("AU"), RECIPE, dev_share=0.3, about={"backbone_sha256": "ab"})
    again = run_head(data, _spec("AU"), RECIPE, dev_share=0.3, about={"backbone_sha256": "ab"})
    assert head_bytes(result.head) == head_bytes(again.head)
    row = result.tables["affect_heads"].row(0, named=True)
    frames = run_frames(data, "held-out", 0.3, 0)
    assert (row["n_train"], row["n_dev"]) == (len(frames.train), len(frames.dev))
    assert row["run"] == _spec("AU").name
    curve = result.tables["head_curve"]
    assert row["dev_score"] == curve["dev_score"].max() == curve["dev_score"][row["best_epoch"]]
    videos = result.tables["head_videos"]
    assert videos["n_frames"].sum() == 6 * 50
    assert set(videos["video_id"]) == set(data.videos[:6])
    dev = frames.dev
    probs = result.head.outputs(data.inputs[dev, data.columns("embeddings")])
    thresholds, f1 = choose_thresholds(probs, data.targets.action_units[dev])
    np.testing.assert_array_equal(result.head.thresholds, thresholds)
    kept = result.tables["au_thresholds"]
    assert kept["threshold"].to_list() == thresholds.tolist()
    assert kept["f1"].to_list() == f1.tolist()

    card = load_head(*head_bytes(result.head)).card
    assert card["backbone_sha256"] == "ab"
    assert card["frames"] == {"train": len(frames.train), "dev": len(dev)}
    assert card["counts"]["dev"]["AU12"] == (data.targets.action_units[dev, 6] == 1).sum()
    text = json.dumps(card)
    assert not any(video in text for video in data.videos)


def test_a_final_run_follows_the_held_out_one() -> None:
    data = head_data("MTL", 6, 2, 50)
    first = run_head(data, _spec("MTL"), RECIPE, dev_share=0.3)
    follows = held_out(first.head)
    final = run_head(data, _spec("MTL", "final"), RECIPE, dev_share=0.3, follows=follows)
    row = final.tables["affect_heads"].row(0, named=True)
    assert row["best_epoch"] == first.tables["affect_heads"]["best_epoch"][0]
    assert final.tables["head_curve"].height == follows.n_epochs
    assert (row["n_train"], row["n_dev"], row["dev_score"]) == (8 * 50, 0, None)
    np.testing.assert_array_equal(final.head.thresholds, first.head.thresholds)
    assert final.tables["au_thresholds"].is_empty()
    with pytest.raises(RunError, match="held-out run"):
        run_head(data, _spec("MTL", "final"), RECIPE, dev_share=0.3)


def test_nothing_to_learn_from_or_to_choose_by() -> None:
    for protocol in PROTOCOLS:
        with pytest.raises(RunError, match="training set"):
            run_frames(head_data("VA", 0, 2, 5), protocol, 0.2, 0)
    for protocol in ("paper", "final"):
        with pytest.raises(RunError, match="validation set"):
            run_frames(head_data("VA", 2, 0, 5), protocol, 0.2, 0)
    with pytest.raises(RunError, match="at least two"):
        run_frames(head_data("VA", 1, 2, 5), "held-out", 0.2, 0)


def test_a_class_of_one_video_is_noted() -> None:
    data = head_data("EXPR", 6, 2, 30)
    expression = data.targets.expression.copy()
    expression[expression == 3] = 0
    expression[data.rows_of(np.array([True] + [False] * 7))[:5]] = 3
    data = replace(data, targets=replace(data.targets, expression=expression))
    frames = run_frames(data, "held-out", 0.3, 0)
    assert len(frames.notes) == 1
    assert frames.notes[0].startswith("fear: only in training videos that ")
