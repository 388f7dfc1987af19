"""Learning rates against torch's schedulers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from fer_assets.training.recipes import Schedule
from fer_assets.training.schedules import learning_rate_at
from fer_assets_tests.training.tiny import tiny_recipe

STEPS, PER_EPOCH = 60, 10
schedulers = torch.optim.lr_scheduler


@pytest.mark.parametrize(
    ("schedule", "build"),
    [
        ("one_cycle", lambda o: schedulers.OneCycleLR(o, 0.01, STEPS, final_div_factor=1e9)),
        ("constant", lambda o: schedulers.ConstantLR(o, factor=1.0)),
        ("cosine", lambda o: schedulers.CosineAnnealingLR(o, STEPS)),
        ("cosine_warm_restarts", lambda o: schedulers.CosineAnnealingWarmRestarts(o, 20)),
    ],
)
def test_equals_torch(schedule: Schedule, build: Callable[[Any], Any]) -> None:
    recipe = tiny_recipe(schedule=schedule, learning_rate=0.01, restart_epochs=2)
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.01)
    scheduler = build(optimiser)
    for step in range(STEPS):
        expected = optimiser.param_groups[0]["lr"]
        found = learning_rate_at(recipe, step, STEPS, PER_EPOCH)
        assert found == pytest.approx(expected, abs=1e-9)
        optimiser.step()
        scheduler.step()


@pytest.mark.parametrize("n_steps", [1, 2, 3, 5])
def test_very_short_runs_stay_in_range(n_steps: int) -> None:
    recipe = tiny_recipe(schedule="one_cycle", learning_rate=0.01)
    rates = [learning_rate_at(recipe, step, n_steps, 1) for step in range(n_steps)]
    assert all(0 <= rate <= 0.01 for rate in rates)
    assert rates[0] > 0
