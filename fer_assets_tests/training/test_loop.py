"""The loop: two runs alike to the last bit, learns what is there and nothing that is not."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from fer_assets.compute.progress import reporting_to
from fer_assets.metrics.classification import confusion_matrix, macro_f1
from fer_assets.training import loop
from fer_assets.training.curve import Best, Epoch, sparse_macro_f1
from fer_assets.training.loop import DivergedError, FitResult, fit
from fer_assets.training.networks import PictureNetwork, build_network
from fer_assets.training.predicting import predict_probs
from fer_assets.training.recipes import Recipe, RecipeError
from fer_assets.training.samples import Samples
from fer_assets_tests.training.tiny import bar_samples, tiny_recipe

NOWHERE = Path("no-weights-needed")


def run(
    recipe: Recipe, train: Samples, val: Samples | None = None
) -> tuple[PictureNetwork, FitResult]:
    network = build_network(recipe, train.n_classes, NOWHERE)
    return network, fit(network, train, val, recipe)


def accuracy(network: PictureNetwork, samples: Samples) -> float:
    probs = predict_probs(network, samples.images, len(samples), flip_average=False, device="cpu")
    return float((probs.argmax(1) == samples.targets).mean())


def test_two_runs_give_the_same_bits_whatever_happens_to_torch_between() -> None:
    recipe = tiny_recipe(max_epochs=2, optimiser="adamw", weight_decay=0.01)
    first, one = run(recipe, bar_samples(40, 0), bar_samples(20, 1))
    torch.manual_seed(99)
    torch.rand(7)
    second, two = run(recipe, bar_samples(40, 0), bar_samples(20, 1))
    assert one == two
    states = first.state_dict(), second.state_dict()
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    third, _ = run(tiny_recipe(max_epochs=2, seed=1), bar_samples(40, 0))
    assert not torch.equal(next(first.parameters()), next(third.parameters()))


@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_network_of_everyday_size_gives_the_same_bits_on_the_same_threads(
    threads: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FER_THREADS", threads)
    recipe = tiny_recipe(backbone="mobilenetv3_small_050", max_steps=2, clip_norm=1.0)
    one, first = run(recipe, bar_samples(24, 0))
    other, second = run(recipe, bar_samples(24, 0))
    assert first == second
    states = one.state_dict(), other.state_dict()
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_leaves_torch_s_own_state_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    run(tiny_recipe(max_epochs=1), bar_samples(20, 0))
    assert torch.equal(before, torch.get_rng_state())
    assert not torch.are_deterministic_algorithms_enabled()


def test_learns_what_is_there() -> None:
    recipe = tiny_recipe(max_epochs=4)
    network, result = run(recipe, bar_samples(160, 0), bar_samples(60, 1))
    assert accuracy(network, bar_samples(60, 1)) > 0.9
    assert result.curve[-1].train_loss < result.curve[0].train_loss
    assert result.n_steps == 4 * 10
    assert len(result.curve) == 4


def test_learns_nothing_from_labels_that_say_nothing() -> None:
    """Each true class gets every label equally often, so that no luck of the draw helps."""
    samples = bar_samples(160, 0)
    meaningless = samples.targets.copy()
    for number in range(3):
        rows = np.flatnonzero(samples.targets == number)
        meaningless[rows] = np.arange(len(rows)) % 3
    control = Samples(meaningless, 3, None, samples.numbers, samples.pictures)
    network, _ = run(tiny_recipe(max_epochs=4), control)
    assert accuracy(network, bar_samples(150, 1)) < 0.55


def test_pictures_decoded_on_demand_train_to_the_same_weights() -> None:
    recipe = tiny_recipe(max_epochs=1)
    kept, _ = run(recipe, bar_samples(40, 0))
    on_demand, _ = run(recipe, bar_samples(40, 0, memory_limit_bytes=1000))
    states = kept.state_dict(), on_demand.state_dict()
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_soft_targets_that_are_sure_train_like_hard_ones() -> None:
    hard = bar_samples(40, 0)
    soft = bar_samples(40, 0, soft_targets=np.eye(3, dtype=np.float32)[hard.targets])
    recipe = tiny_recipe(max_epochs=1)
    _, one = run(recipe, hard)
    _, two = run(recipe, soft)
    assert one.curve[0].train_loss == pytest.approx(two.curve[0].train_loss, rel=1e-4)


def test_early_stopping_keeps_the_best_weights() -> None:
    recipe = tiny_recipe(max_epochs=12, patience=2, learning_rate=0.02, schedule="cosine")
    val = bar_samples(60, 1)
    network, result = run(recipe, bar_samples(64, 0), val)
    best = max(result.curve, key=lambda row: (row.val_macro_f1 or 0, -(row.val_loss or 0)))
    assert result.best_epoch == best.epoch
    leader, stops_after = (-1.0, 0.0), 11
    for row in result.curve:
        rank = (row.val_macro_f1 or 0.0, -(row.val_loss or 0.0))
        if rank > leader:
            leader, stops_after = rank, min(row.epoch + 2, 11)
    assert result.curve[-1].epoch == stops_after
    probs = predict_probs(network, val.images, len(val), flip_average=False, device="cpu")
    loss = -np.log(probs[np.arange(len(val)), val.targets]).mean()
    assert loss == pytest.approx(best.val_loss, rel=1e-4)


def test_the_average_is_validated_and_kept() -> None:
    """The same steps as without; another network is validated, stopped by and kept."""
    train, val = bar_samples(64, 0), bar_samples(60, 1)
    plain, one = run(tiny_recipe(max_epochs=3), train, val)
    averaged, two = run(tiny_recipe(max_epochs=3, average_decay=0.9), train, val)
    assert [row.train_loss for row in one.curve] == [row.train_loss for row in two.curve]
    assert one.curve[-1].val_loss != two.curve[-1].val_loss
    assert not torch.equal(next(plain.parameters()), next(averaged.parameters()))
    stopped, three = run(tiny_recipe(max_epochs=3, average_decay=0.9, patience=5), train, val)
    for network, loss in (
        (averaged, two.curve[-1].val_loss),
        (stopped, three.curve[three.best_epoch].val_loss),
    ):
        probs = predict_probs(network, val.images, len(val), flip_average=False, device="cpu")
        found = -np.log(probs[np.arange(len(val)), val.targets]).mean()
        assert found == pytest.approx(loss, rel=1e-4)


@pytest.mark.parametrize("changes", [{"optimiser": "sam"}, {"mixup_alpha": 0.2}])
def test_learns_with_all_that_can_be_switched_on(changes: dict[str, object]) -> None:
    recipe = tiny_recipe(max_epochs=4, average_decay=0.8, clip_norm=5.0, **changes)
    network, _ = run(recipe, bar_samples(160, 0))
    assert accuracy(network, bar_samples(60, 1)) > 0.8


def test_watch_sees_the_curve_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Epoch, ...]] = []
    recipe = tiny_recipe(max_epochs=2)
    network = build_network(recipe, 3, NOWHERE)
    train, val = bar_samples(48, 0), bar_samples(10, 1)
    result = fit(network, train, val, recipe, watch=lambda curve: seen.append(tuple(curve)))
    assert seen == [result.curve[:1], result.curve]
    seen.clear()
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    network = build_network(recipe, 3, NOWHERE)
    again = fit(network, train, val, recipe, watch=lambda curve: seen.append(tuple(curve)))
    assert again == result
    assert [len(curve) for curve in seen] == [1, 1, 1, 2, 2, 2]
    under_way = [curve[-1] for curve in seen if curve[-1].val_loss is None]
    assert [row.epoch for row in under_way] == [0, 0, 1, 1]
    assert [curve for curve in seen if curve[-1].val_loss is not None][-1] == result.curve


def test_an_error_in_watch_ends_the_run_and_its_threads() -> None:
    before = threading.active_count()

    def stop(curve: object) -> None:
        raise KeyboardInterrupt

    recipe = tiny_recipe(max_epochs=5)
    with pytest.raises(KeyboardInterrupt):
        fit(build_network(recipe, 3, NOWHERE), bar_samples(40, 0), None, recipe, watch=stop)
    assert threading.active_count() == before


def test_what_the_network_draws_depends_on_the_step_alone() -> None:
    recipe = tiny_recipe(max_epochs=1)
    losses = []
    for _ in range(2):
        network = build_network(recipe, 3, NOWHERE)
        network.body.drop_rate = 0.5  # type: ignore[assignment]
        losses.append(fit(network, bar_samples(40, 0), None, recipe).curve[0].train_loss)
    _, without = run(recipe, bar_samples(40, 0))
    assert losses[0] == losses[1] != without.curve[0].train_loss


def test_max_steps_cuts_a_run_and_its_schedule() -> None:
    _, result = run(tiny_recipe(max_steps=4), bar_samples(96, 0))
    assert result.n_steps == 4
    assert len(result.curve) == 1
    assert result.curve[0].learning_rate < 1e-6


def test_balanced_weights_raise_a_rare_class_s_loss() -> None:
    samples = bar_samples(90, 0)
    rows = np.concatenate(
        [np.flatnonzero(samples.targets != 0), np.flatnonzero(samples.targets == 0)[:2]]
    )
    rare = samples.take(rows)
    _, plain = run(tiny_recipe(max_steps=1), rare)
    _, balanced = run(tiny_recipe(max_steps=1, class_weights="balanced"), rare)
    assert plain.curve[0].train_loss != balanced.curve[0].train_loss


def test_refuses_what_can_t_work() -> None:
    with pytest.raises(RecipeError, match="validation"):
        run(tiny_recipe(patience=2), bar_samples(20, 0))
    with pytest.raises(RecipeError, match="training pictures"):
        run(tiny_recipe(), bar_samples(20, 0).take(np.empty(0, np.int64)))
    with pytest.raises(DivergedError, match=r"tiny: epoch 0.*Lower learning_rate"):
        run(tiny_recipe(learning_rate=1e30, schedule="cosine"), bar_samples(64, 0))


def test_progress_reaches_the_last_step() -> None:
    told: list[tuple[str, int, int]] = []
    with reporting_to(lambda *progress: told.append(progress)):
        _, done = run(tiny_recipe(max_epochs=2), bar_samples(40, 0))
    trained = [progress for progress in told if progress[0] == "training"]
    assert trained[-1] == ("training", done.n_steps, done.n_steps)


def test_macro_f1_without_a_matrix_is_that_with_one() -> None:
    rng = np.random.default_rng(0)
    for n_classes, n in ((2, 1), (3, 40), (50, 60), (200, 30)):
        target, pred = rng.integers(0, n_classes, (2, n))
        expected = float(macro_f1(confusion_matrix(target, pred, n_classes)))
        assert sparse_macro_f1(target, pred) == pytest.approx(expected, abs=1e-12)


def test_the_best_epoch_goes_by_the_figure_asked_for() -> None:
    rows = [
        Epoch(0, 1.0, 0.9, 0.3, 0.1, val_accuracy=0.7),
        Epoch(1, 1.0, 0.8, 0.5, 0.1, val_accuracy=0.6),
        Epoch(2, 1.0, 0.7, 0.4, 0.1, val_accuracy=0.7),
    ]
    by_f1, by_accuracy = Best(), Best(by="val_accuracy")
    for row in rows:
        by_f1.see(row, {})
        by_accuracy.see(row, {})
    assert (by_f1.epoch, by_accuracy.epoch) == (1, 2)  # equal accuracy, smaller loss


def test_the_curve_has_the_accuracy_of_the_weights_it_ends_with() -> None:
    recipe = tiny_recipe(max_epochs=2, flip_average=False)
    val = bar_samples(20, 1)
    network, result = run(recipe, bar_samples(32, 0), val)
    assert result.curve[-1].val_accuracy == pytest.approx(accuracy(network, val))
