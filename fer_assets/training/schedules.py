"""The learning rate over a run, as a function of the step alone.

Belongs here: schedules. Does not belong here: applying them (`loop.py`).
"""

from __future__ import annotations

import math

from fer_assets.training.recipes import Recipe

WARM_UP = 0.3
"""Share of a one-cycle run in which the learning rate rises."""

START_SHARE = 1 / 25
"""Where a one-cycle run starts, as a share of the highest learning rate."""


def learning_rate_at(recipe: Recipe, step: int, n_steps: int, steps_per_epoch: int) -> float:
    """The learning rate of one step.

    Sources: warm restarts, Loshchilov & Hutter, SGDR (2017), equation 5 with a lowest rate of 0;
    one cycle, Smith & Topin, Super-Convergence (2018), with cosine flanks.

    Args:
        recipe: which schedule, and its highest learning rate.
        step: step, from 0.
        n_steps: steps of the run.
        steps_per_epoch: steps of an epoch.

    Returns:
        A rate in [0, `recipe.learning_rate`].
    """
    highest = recipe.learning_rate
    if recipe.schedule == "constant":
        return highest
    if recipe.schedule == "cosine":
        return _fall(highest, 0.0, step / n_steps)
    if recipe.schedule == "cosine_warm_restarts":
        period = recipe.restart_epochs * steps_per_epoch
        return _fall(highest, 0.0, (step % period) / period)
    peak = max(WARM_UP * n_steps - 1, 1.0)
    if step <= peak:
        return _fall(highest * START_SHARE, highest, step / peak)
    return _fall(highest, 0.0, (step - peak) / max(n_steps - 1 - peak, 1.0))


def _fall(first: float, last: float, share: float) -> float:
    """Half a cosine from `first` at 0 to `last` at 1."""
    return last + (first - last) * (1 + math.cos(math.pi * min(share, 1.0))) / 2
