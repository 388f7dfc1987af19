"""The losses of heads against slow computations, and what is missing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from fer_assets.frame_affect.heads.losses import (
    LossWeights,
    action_unit_loss,
    affect_loss,
    concordance,
    expression_loss,
    head_loss,
    loss_weights,
    target_tensors,
)
from fer_assets.frame_affect.heads.targets import Targets


def _targets(n: int = 40, seed: int = 0, missing: float = 0.3) -> Targets:
    rng = np.random.default_rng(seed)
    expression = rng.integers(0, 6, n).astype(np.int8)
    expression[rng.random(n) < missing] = -1
    affect = rng.uniform(-1, 1, (n, 2)).astype(np.float32)
    affect[rng.random((n, 2)) < missing] = np.nan
    units = (rng.random((n, 12)) < 0.3).astype(np.int8)
    units[rng.random((n, 12)) < missing] = -1
    return Targets(expression, affect, units)


def _logits(n: int, c: int, seed: int = 5) -> torch.Tensor:
    values = np.random.default_rng(seed).normal(size=(n, c)).astype(np.float32)
    return torch.from_numpy(values).requires_grad_()


def _ccc(x: np.ndarray, y: np.ndarray) -> float:
    """Lin's formula, moment by moment, in float64."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    covariance = sum((a - x.mean()) * (b - y.mean()) for a, b in zip(x, y, strict=True)) / len(x)
    return 2 * covariance / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)


def test_expression_loss_is_sklearns_over_what_is_annotated() -> None:
    targets = _targets()
    known = targets.expression >= 0
    weights = loss_weights(targets, "cpu").expression
    logits = _logits(len(targets), 8)
    loss = expression_loss(logits, target_tensors(targets, "cpu").expression, weights)
    own = weights.numpy()[targets.expression[known]]
    slow = log_loss(
        targets.expression[known],
        logits.detach().double().softmax(1).numpy()[known],
        labels=list(range(8)),
        sample_weight=own,
    )
    assert loss.item() == pytest.approx(slow * own.mean(), rel=1e-5)


def test_concordance_is_lins() -> None:
    targets = _targets()
    preds = _logits(len(targets), 2).detach().tanh()
    found, is_known = concordance(preds, torch.from_numpy(targets.affect))
    for column in range(2):
        known = ~np.isnan(targets.affect[:, column])
        slow = _ccc(preds[known, column].numpy(), targets.affect[known, column])
        assert float(found[column]) == pytest.approx(slow, abs=1e-6)
    assert is_known.tolist() == [True, True]


def test_affect_loss_is_one_minus_the_mean_ccc() -> None:
    target = torch.rand(30, 2, generator=torch.Generator().manual_seed(1)) * 2 - 1
    logits = _logits(30, 2)
    preds = logits.detach().tanh().numpy()
    slow = 1 - 0.5 * sum(_ccc(preds[:, at], target[:, at].numpy()) for at in range(2))
    assert affect_loss(logits, target).item() == pytest.approx(slow, abs=1e-6)
    assert float(affect_loss(torch.atanh(target * 0.999999), target)) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_ccc_of_few_or_constant_frames_is_no_nan(n: int) -> None:
    constant = torch.full((n, 2), 0.25)
    for target in (
        constant,
        torch.full((n, 2), torch.nan),
        torch.linspace(-1, 1, 2 * n).view(n, 2),
    ):
        for start in (torch.atanh(constant), torch.zeros(n, 2)):
            logits = start.clone().requires_grad_()
            loss = affect_loss(logits, target)
            loss.backward()
            assert torch.isfinite(loss)
            assert torch.isfinite(logits.grad).all()
            if n < 2:
                assert loss.item() == 0


def test_one_of_valence_and_arousal_alone() -> None:
    target = torch.rand(20, 2, generator=torch.Generator().manual_seed(1)) * 2 - 1
    target[1:, 1] = torch.nan
    logits = _logits(20, 2)
    slow = 1 - _ccc(logits.detach().tanh().numpy()[:, 0], target[:, 0].numpy())
    assert affect_loss(logits, target).item() == pytest.approx(slow, abs=1e-6)


def test_action_unit_loss_cell_by_cell() -> None:
    targets = _targets()
    weights = loss_weights(targets, "cpu").action_units
    logits = _logits(len(targets), 12)
    probs = logits.detach().sigmoid().numpy().astype(np.float64)
    cells = [
        -float(weights[truth, unit]) * np.log(probs[at, unit] if truth else 1 - probs[at, unit])
        for at in range(len(targets))
        for unit in range(12)
        if (truth := int(targets.action_units[at, unit])) >= 0
    ]
    loss = action_unit_loss(logits, torch.from_numpy(targets.action_units), weights)
    assert loss.item() == pytest.approx(np.mean(cells), rel=1e-5)


def test_weights_are_inverse_frequencies_with_a_mean_of_one() -> None:
    targets = _targets(500)
    weights = loss_weights(targets, "cpu")
    known = targets.expression[targets.expression >= 0]
    assert weights.expression.numpy()[known].mean() == pytest.approx(1, rel=1e-5)
    assert (weights.expression[6:] == 0).all()  # these never occur
    counts = np.bincount(known, minlength=8)[:6]
    products = weights.expression.numpy()[:6] * counts
    np.testing.assert_allclose(products, len(known) / 6, rtol=1e-5)
    for unit in range(12):
        truth = targets.action_units[:, unit]
        truth = truth[truth >= 0]
        own = weights.action_units.numpy()[truth, unit]
        assert own.mean() == pytest.approx(1, rel=1e-5)
        assert own[truth == 1].sum() == pytest.approx(own[truth == 0].sum(), rel=1e-5)
    always = Targets(targets.expression, targets.affect, np.ones_like(targets.action_units))
    assert loss_weights(always, "cpu").action_units.tolist() == [[0.0] * 12, [1.0] * 12]


def test_the_loss_of_all_tasks_is_the_sum_of_what_the_batch_has() -> None:
    whole = _targets(60, missing=0.4)
    weights = loss_weights(whole, "cpu")
    target = target_tensors(whole, "cpu")
    logits = _logits(60, 22)

    def parts(target) -> list[float]:
        return [
            expression_loss(logits[:, :8], target.expression, weights.expression).item(),
            affect_loss(logits[:, 8:10], target.affect).item(),
            action_unit_loss(logits[:, 10:], target.action_units, weights.action_units).item(),
        ]

    assert head_loss("MTL", logits, target, weights).item() == pytest.approx(sum(parts(target)))
    # A batch without any of one task: that part and its gradient are zero, the others stay.
    without = {
        0: Targets(np.full(60, -1, np.int8), whole.affect, whole.action_units),
        1: Targets(whole.expression, np.full((60, 2), np.nan, np.float32), whole.action_units),
        2: Targets(whole.expression, whole.affect, np.full((60, 12), -1, np.int8)),
    }
    columns = (slice(0, 8), slice(8, 10), slice(10, 22))
    for part, targets in without.items():
        fewer = target_tensors(targets, "cpu")
        logits.grad = None
        loss = head_loss("MTL", logits, fewer, weights)
        loss.backward()
        expected = sum(value for at, value in enumerate(parts(target)) if at != part)
        assert loss.item() == pytest.approx(expected)
        for at, column in enumerate(columns):
            assert bool(logits.grad[:, column].any()) == (at != part)


def test_a_masked_frame_changes_nothing() -> None:
    """The loss and its gradient are those of the annotated frames alone."""
    targets = _targets(50, missing=0)
    weights = loss_weights(targets, "cpu")
    kept = np.arange(50) % 3 > 0
    masked = Targets(
        np.where(kept, targets.expression, -1).astype(np.int8),
        np.where(kept[:, None], targets.affect, np.nan).astype(np.float32),
        np.where(kept[:, None], targets.action_units, -1).astype(np.int8),
    )
    for task, c in (("EXPR", 8), ("VA", 2), ("AU", 12), ("MTL", 22)):
        logits = _logits(50, c)
        loss = head_loss(task, logits, target_tensors(masked, "cpu"), weights)
        loss.backward()
        few = logits.detach()[kept].clone().requires_grad_()
        alone = head_loss(task, few, target_tensors(targets.rows(kept), "cpu"), weights)
        alone.backward()
        assert loss.item() == pytest.approx(alone.item(), rel=1e-5)
        assert not logits.grad[~torch.from_numpy(kept)].any()
        torch.testing.assert_close(logits.grad[kept], few.grad)


def test_weights_of_nothing() -> None:
    weights = loss_weights(_targets(0), "cpu")
    assert isinstance(weights, LossWeights)
    assert not weights.expression.any()
    assert not weights.action_units.any()
