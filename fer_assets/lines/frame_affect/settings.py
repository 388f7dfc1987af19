"""What an affect challenge says about its heads and how its predictions are smoothed.

Belongs here: `[settings.affect]` of a challenge, checked. Does not belong here: which backbones and
annotations there are (the steps).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from fer_assets.challenges.spec import Challenge
from fer_assets.challenges.vocabulary import AFFECT_TASKS
from fer_assets.errors import FerError

FEATURES: Final = ("embeddings", "scores", "both")
HEADS: Final = ("linear", "hidden")
SMOOTHINGS: Final = ("none", "mean", "median")

LARGEST_SEED: Final = 2**31 - 1


@dataclass(frozen=True)
class AffectSettings:
    """Settings of one affect challenge.

    Attributes:
        tasks: which tasks get heads; empty for those that have annotations.
        backbones: names of expression backbones; the first one's heads are published.
        features: what heads see: embeddings, scores, both of them.
        heads: linear, or with one hidden layer.
        smoothing: filter over time of what is published: none, mean or median.
        window: frames in it, odd.
        dev_share: share of the training videos that choose epochs and thresholds, in (0, 1).
        seed: seed of all runs.
    """

    tasks: tuple[str, ...] = ()
    backbones: tuple[str, ...] = ("affect-lite0",)
    features: tuple[str, ...] = FEATURES
    heads: tuple[str, ...] = HEADS
    smoothing: str = "mean"
    window: int = 15
    dev_share: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        _check_names("tasks", self.tasks, AFFECT_TASKS)
        _check_names("backbones", self.backbones, None)
        _check_names("features", self.features, FEATURES)
        _check_names("heads", self.heads, HEADS)
        _check(self.smoothing in SMOOTHINGS, "smoothing", _one_of(SMOOTHINGS), self.smoothing)
        is_odd = _is_integer(self.window) and self.window >= 1 and self.window % 2 == 1
        _check(is_odd, "window", "an odd number of frames from 1", self.window)
        is_share = _is_number(self.dev_share) and 0 < self.dev_share < 1
        _check(is_share, "dev_share", "a number above 0 and below 1", self.dev_share)
        is_seed = _is_integer(self.seed) and 0 <= self.seed <= LARGEST_SEED
        _check(is_seed, "seed", f"an integer from 0 to {LARGEST_SEED}", self.seed)


def affect_settings(challenge: Challenge) -> AffectSettings:
    """The settings of a challenge; what it leaves out takes its default.

    Raises:
        FerError: a value can't be used.
    """
    given: dict[str, Any] = dict(challenge.settings.get("affect", {}))
    known = [setting.name for setting in fields(AffectSettings)]
    for name in given:
        _check(name in known, name, f"only {', '.join(known)}", "an unknown key")
    lists = {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
    return AffectSettings(**(given | lists))


def _check_names(name: str, values: object, choices: Sequence[str] | None) -> None:
    """Names, each once, of the choices; only tasks may be left empty."""
    allowed = f"each one of {', '.join(choices)}" if choices else "names"
    found = tuple(values) if isinstance(values, tuple | list) else (values,)
    are_known = all(
        isinstance(value, str) and value != "" and (choices is None or value in choices)
        for value in found
    )
    _check(are_known, name, f"a list, {allowed}", values)
    _check(len(set(found)) == len(found), name, "each name once", values)
    _check(bool(found) or name == "tasks", name, f"at least one, {allowed}", "none")


def _one_of(choices: Sequence[str]) -> str:
    return f"one of {', '.join(choices)}"


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return _is_integer(value) or (isinstance(value, float) and math.isfinite(value))


def _check(is_fine: bool, name: str, expected: str, found: object) -> None:
    if not is_fine:
        shown = found if isinstance(found, str) else repr(found)
        raise FerError(f"settings.affect.{name}", expected=expected, found=shown)
