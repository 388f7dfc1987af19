"""Training heads: what is learned, when it stops, that it is the same each time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from fer_assets.compute.progress import reporting_to
from fer_assets.frame_affect.heads import training as head_training
from fer_assets.frame_affect.heads.choosing import choosing_score
from fer_assets.frame_affect.heads.data import HeadData, shuffle_labels
from fer_assets.frame_affect.heads.specs import HeadRecipe
from fer_assets.frame_affect.heads.targets import Targets
from fer_assets.frame_affect.heads.training import TrainedHead, train_head
from fer_assets_tests.frame_affect.heads.material import head_data

TASKS = ("EXPR", "VA", "AU", "MTL")
FEWER = HeadRecipe(max_epochs=6)


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_THREADS", "1")


def _train(data: HeadData, recipe: HeadRecipe = FEWER, **options: object) -> TrainedHead:
    settings = {"features": "embeddings", "is_hidden": False} | options
    train, dev = (data.rows_of(data.in_set(name)) for name in ("train", "validation"))
    return train_head(data, train=train, dev=dev, recipe=recipe, **settings)


def _tensors(trained: TrainedHead) -> list[np.ndarray]:
    return [part for layer in trained.head.layers for part in layer]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("is_hidden", [False, True])
def test_a_planted_signal_is_learned_and_shuffled_labels_are_not(task: str, is_hidden: bool):
    data = head_data(task)
    recipe = replace(FEWER, learning_rate=5e-3)
    floors = {"EXPR": 0.55, "VA": 0.8, "AU": 0.6, "MTL": 1.9}
    ceilings = {"EXPR": 0.25, "VA": 0.2, "AU": 0.42, "MTL": 0.75}
    learned = _train(data, recipe, is_hidden=is_hidden)
    control = _train(shuffle_labels(data, 0), recipe, is_hidden=is_hidden)
    assert learned.best.dev_score > floors[task]
    assert control.best.dev_score < ceilings[task]


def test_scores_alone_and_both_are_learned_from() -> None:
    data = head_data("VA")
    for features in ("scores", "both"):
        recipe = replace(FEWER, learning_rate=2e-2)
        trained = _train(data, recipe, features=features, is_hidden=True)
        width = data.columns(features)
        assert trained.head.n_inputs == data.inputs[:, width].shape[1]
        assert trained.best.dev_score > 0.6


def test_the_head_scores_what_its_best_epoch_scored() -> None:
    for task in TASKS:
        data = head_data(task, 4, 2, 60)
        trained = _train(data, features="both", is_hidden=task != "EXPR")
        rows = data.rows_of(data.in_set("validation"))
        outputs = trained.head.outputs(data.inputs[rows, data.columns("both")])
        found = choosing_score(task, outputs, data.targets.rows(rows))
        # Scores are scaled while it learns; rounding may tip a frame at a border.
        assert found == pytest.approx(trained.best.dev_score, abs=5e-3)
        assert trained.best.dev_score == max(epoch.dev_score for epoch in trained.epochs)
        assert trained.best == trained.epochs[trained.best.number]


def test_how_scores_are_scaled_does_not_matter_to_whoever_asks() -> None:
    """Scores ten times as large, or shifted, give the same head but for its first layer."""
    data = head_data("VA", 4, 2, 60)
    other = data.inputs.copy()
    other[:, data.columns("scores")] = 10 * other[:, data.columns("scores")] + 3
    changed = replace(data, inputs=other)
    for features in ("scores", "both"):
        columns = data.columns(features)
        first, second = (_train(own, features=features) for own in (data, changed))
        np.testing.assert_allclose(
            first.head.outputs(data.inputs[:, columns]),
            second.head.outputs(other[:, columns]),
            atol=1e-3,
        )
    constant = other.copy()
    constant[:, data.columns("scores")] = 0.125
    trained = _train(replace(data, inputs=constant), features="scores")
    assert np.isfinite(trained.head.layers[0][0]).all()


def test_the_same_bits_each_time_and_others_with_another_seed() -> None:
    data = head_data("MTL", 4, 2, 60)
    torch.manual_seed(1)
    first = _train(data, is_hidden=True)
    torch.manual_seed(2)
    second = _train(data, is_hidden=True)
    for one, other in zip(_tensors(first), _tensors(second), strict=True):
        np.testing.assert_array_equal(one, other)
    assert first.epochs == second.epochs
    third = _train(data, replace(FEWER, seed=1), is_hidden=True)
    assert (_tensors(first)[0] != _tensors(third)[0]).any()


def test_it_stops_early_and_keeps_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([0.1, 0.5, 0.3, 0.5, 0.2, 0.1, 0.9])
    kept = []
    monkeypatch.setattr(head_training, "choosing_score", lambda *given: next(scores))
    weights = head_training._Trainer.weights
    monkeypatch.setattr(
        head_training._Trainer, "weights", lambda self: kept.append(weights(self)) or kept[-1]
    )
    reported = []
    with reporting_to(lambda label, done, total: reported.append((done, total))):
        trained = _train(head_data("VA", 3, 1, 40), HeadRecipe(patience=3))
    # Epoch 1 is the best; 3 equals it and does not count; after 4, the third since, it stops.
    assert [epoch.dev_score for epoch in trained.epochs] == [0.1, 0.5, 0.3, 0.5, 0.2]
    assert trained.best.number == 1
    assert len(kept) == 3  # before the first epoch, and after 0 and 1
    np.testing.assert_array_equal(trained.head.layers[0][0], kept[2][0][0])
    assert reported[-1] == (20, 20)


def test_without_choosing_frames_the_last_epoch_is_kept() -> None:
    data = head_data("VA", 3, 1, 40)
    train, none = data.rows_of(data.in_set("train")), np.empty(0, np.int64)
    trained = train_head(data, "embeddings", train, none, FEWER, is_hidden=False)
    assert [epoch.number for epoch in trained.epochs] == [0, 1, 2, 3, 4, 5]
    assert trained.best == trained.epochs[-1]
    assert trained.best.dev_score is trained.best.dev_loss is None
    with pytest.raises(ValueError, match="frames to learn from"):
        train_head(data, "embeddings", none, train, FEWER, is_hidden=False)


def test_all_tasks_with_one_annotated_is_that_task() -> None:
    """What is not annotated moves no weight: the other outputs stay as they were."""
    whole = head_data("MTL", 4, 2, 60)
    n = len(whole.targets)
    nothing = Targets(
        np.full(n, -1, np.int8),
        np.full((n, 2), np.nan, np.float32),
        np.full((n, 12), -1, np.int8),
    )
    parts = {"EXPR": ("expression", 0), "VA": ("affect", 8), "AU": ("action_units", 10)}
    for task, (name, _) in parts.items():
        targets = replace(nothing, **{name: getattr(whole.targets, name)})
        alone = _train(replace(whole, task=task, targets=targets))
        among = _train(replace(whole, targets=targets))
        outputs = len(alone.head.names)
        start = parts[task][1]
        rows = slice(start, start + outputs)
        assert [epoch.dev_score for epoch in among.epochs] != []
        if task == "EXPR":  # its first weights are the same, so all that follows is
            for one, other in zip(alone.head.layers[0], among.head.layers[0], strict=True):
                np.testing.assert_allclose(one, other[rows], atol=1e-5)
            assert among.best.dev_score == pytest.approx(alone.best.dev_score, abs=1e-3)
        untrained = _train(replace(whole, targets=targets), replace(FEWER, learning_rate=0.0))
        others = np.ones(22, bool)
        others[rows] = False
        for one, other in zip(among.head.layers[0], untrained.head.layers[0], strict=True):
            np.testing.assert_array_equal(one[others], other[others])
            assert (one[rows] != other[rows]).any()


def test_batches_are_every_frame_once_and_none_is_tiny() -> None:
    data = head_data("VA", 3, 1, 43)
    train = data.rows_of(data.in_set("train"))
    trainer = head_training._Trainer(
        data, "embeddings", train, train[:0], FEWER, is_hidden=False, device="cpu"
    )
    orders = []
    for epoch in range(2):
        batches = list(trainer._batches(epoch))
        sizes = [len(inputs) for inputs, _ in batches]
        assert min(sizes) >= 32 - 1 and max(sizes) - min(sizes) <= 1
        targets = np.concatenate([targets.affect.numpy() for _, targets in batches])
        inputs = np.concatenate([inputs.numpy() for inputs, _ in batches])
        seen = {tuple(row): tuple(target) for row, target in zip(inputs, targets, strict=True)}
        columns = data.columns("embeddings")
        assert len(seen) == len(train)
        for row in train:
            own = tuple(data.inputs[row, columns])
            assert seen[own] == tuple(data.targets.affect[row])
        orders.append(inputs)
    assert (orders[0] != orders[1]).any()
    assert HeadRecipe().batch_for(10**6) == 128
    assert HeadRecipe().batch_for(10_000) == 50
    assert HeadRecipe().batch_for(10) == 32


def test_half_precision_features_come_close() -> None:
    full, half = head_data("VA", 6, 2, 80), head_data("VA", 6, 2, 80, float32_limit_bytes=0)
    assert half.inputs.dtype == np.float16
    scores = [_train(data, is_hidden=True).best.dev_score for data in (full, half)]
    assert scores[0] == pytest.approx(scores[1], abs=0.01)


def test_a_score_of_what_is_defined() -> None:
    data = head_data("MTL", 2, 0, 30)
    targets = data.targets
    outputs = np.random.default_rng(0).random((len(targets), 22)).astype(np.float32)
    whole = choosing_score("MTL", outputs, targets)
    no_units = replace(targets, action_units=np.full_like(targets.action_units, -1))
    only = choosing_score("MTL", outputs, no_units)
    assert whole - only == pytest.approx(choosing_score("AU", outputs[:, 10:], targets))
    one = replace(targets, affect=np.full_like(targets.affect, np.nan))
    assert choosing_score("VA", outputs[:, 8:10], one) is None
