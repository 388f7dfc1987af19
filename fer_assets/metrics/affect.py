"""The scores of the ABAW competition: P_EXPR, P_VA, P_AU, P_MTL, each from sums per video.

Belongs here: the sums, the figures they give, intervals over videos. Does not belong here: which
frames count (`frame_affect/`), classifiers of pictures (`classification.py`, `tally.py`).

As the competition defines them (Kollias, CVPRW 2022): P_EXPR is the sum of eight F1 over 8, P_AU
the sum of twelve F1 over 12, P_VA the mean of the two concordance correlation coefficients, P_MTL
their sum; all frames of all videos are pooled. The divisors are fixed: a class or unit that is
neither annotated nor predicted has F1 0 and counts (scikit-learn with all `labels` and
`zero_division=0`), unlike macro F1 in `classification.py`; what is missing is the caller's to tell.

An interval draws videos, not frames, which are alike within one. Every figure follows from sums, so
all draws are one matrix product; a draw is scored as the whole is, divisors included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fer_assets.metrics.classification import per_class_f1
from fer_assets.metrics.uncertainty import (
    MIN_PEOPLE,
    BootstrapSettings,
    Score,
    interval,
    resamples,
)

Floats = NDArray[np.float64]
Integers = NDArray[np.integer[Any]]

MIN_VIDEOS: Final = MIN_PEOPLE
"""With fewer videos than this an interval is marked as too narrow."""

_LEAST_SPREAD: Final = 1e-12
"""A smaller denominator of the CCC is rounding: nothing varies and both means are one."""


def moments(target: NDArray[np.floating[Any]], pred: NDArray[np.floating[Any]]) -> Floats:
    """Sums from which the CCC follows: (6,) n, Σt, Σp, Σt², Σp², Σtp.

    Args:
        target: (n,) annotations in [-1, 1]; NaN where there is none.
        pred: (n,) predictions in [-1, 1].

    Raises:
        ValueError: the shapes differ, or a prediction of an annotated frame is not finite.
    """
    if target.shape != pred.shape or target.ndim != 1:
        raise ValueError(f"target {target.shape} and pred {pred.shape} are not twins of one row")
    there = ~np.isnan(target)
    t, p = target[there].astype(np.float64), pred[there].astype(np.float64)
    if not np.isfinite(p).all():
        raise ValueError("a prediction is NaN or infinite")
    return np.array([len(t), t.sum(), p.sum(), t @ t, p @ p, t @ p])


def ccc(sums: Floats) -> Floats:
    """Concordance correlation coefficient, of population moments (Lin, 1989).

    2 cov(t, p) / (var t + var p + (mean t - mean p)²).

    Args:
        sums: (..., 6) added up `moments`.

    Returns:
        (...) in [-1, 1]; NaN without frames, or where target and prediction are one constant. A
        constant prediction of what varies has 0.
    """
    n = np.where(sums[..., 0] > 0, sums[..., 0], np.nan)
    mean_t, mean_p = sums[..., 1] / n, sums[..., 2] / n
    var_t, var_p = sums[..., 3] / n - mean_t**2, sums[..., 4] / n - mean_p**2
    spread = var_t + var_p + (mean_t - mean_p) ** 2
    concordance = 2 * (sums[..., 5] / n - mean_t * mean_p)
    out = np.full(spread.shape, np.nan)
    np.divide(concordance, spread, out=out, where=spread > _LEAST_SPREAD)
    return out


def unit_counts(target: Integers, present: NDArray[np.bool_]) -> Floats:
    """TP, FP, FN, TN of each action unit.

    Args:
        target: (n, u) 1 present, 0 absent, negative where not annotated.
        present: (..., n, u) predictions, of as many decision rules as wanted.

    Returns:
        (..., u, 4).
    """
    is_there, is_absent = target == 1, target == 0
    hits, alarms = (present & is_there).sum(-2), (present & is_absent).sum(-2)
    counts = (hits, alarms, is_there.sum(0) - hits, is_absent.sum(0) - alarms)
    return np.stack([count.astype(np.float64) for count in counts], axis=-1)


def unit_f1(counts: Floats) -> Floats:
    """2 TP / (2 TP + FP + FN) of `unit_counts` (..., 4); 0 where none is annotated or predicted."""
    wrong = counts[..., 1] + counts[..., 2]
    out = np.zeros(counts.shape[:-1])
    np.divide(
        2 * counts[..., 0], 2 * counts[..., 0] + wrong, out=out, where=wrong + counts[..., 0] > 0
    )
    return out


def p_expr(confusions: Floats) -> Floats:
    """Sum of the classes' F1 over their number: (...) from (..., c, c), targets in rows.

    A class neither annotated nor predicted counts as 0; NaN without frames.
    """
    return np.where(confusions.sum((-2, -1)) > 0, _all_f1(confusions).mean(-1), np.nan)


def p_au(counts: Floats) -> Floats:
    """Sum of the units' F1 over their number: (...) from (..., u, 4) `unit_counts`.

    A unit neither annotated nor predicted counts as 0; NaN without frames.
    """
    return np.where(counts.sum((-2, -1)) > 0, unit_f1(counts).mean(-1), np.nan)


def p_va(sums: Floats) -> Floats:
    """Mean CCC of valence and arousal: (...) from (..., 2, 6) `moments`; NaN if either is."""
    mean: Floats = ccc(sums).mean(-1)
    return mean


def _all_f1(confusions: Floats) -> Floats:
    return np.nan_to_num(per_class_f1(confusions), nan=0.0)


@dataclass(frozen=True)
class AffectSums:
    """Sums of v videos, or of v draws of videos; None for what a task has not.

    Attributes:
        confusions: (v, c, c) counts, annotated expressions in rows.
        moments: (v, 2, 6) of valence and arousal.
        units: (v, u, 4) TP, FP, FN, TN.
    """

    confusions: Floats | None = None
    moments: Floats | None = None
    units: Floats | None = None

    @property
    def n_videos(self) -> int:
        """v; 0 if there is nothing at all."""
        return next((len(part) for part in self._parts() if part is not None), 0)

    def _parts(self) -> tuple[Floats | None, ...]:
        return self.confusions, self.moments, self.units

    def drawn(self, times: Floats) -> AffectSums:
        """The sums of draws: `times` (r, v) says how often a draw holds a video; v becomes r."""

        def draw(part: Floats | None) -> Floats | None:
            if part is None:
                return None
            flat: Floats = times @ part.reshape(len(part), -1)
            return flat.reshape(len(times), *part.shape[1:])

        return AffectSums(*map(draw, self._parts()))

    def whole(self) -> AffectSums:
        """Every video once: v becomes 1."""
        return self.drawn(np.ones((1, self.n_videos)))

    def figures(self, expressions: Sequence[str], units: Sequence[str]) -> dict[str, Floats]:
        """Name to (v,) values of what there are sums of.

        P_EXPR, accuracy and F1/EXPRESSION; P_VA, CCC_V, CCC_A; P_AU and F1/UNIT; P_MTL if there
        are all three.
        """
        found: dict[str, Floats] = {}
        if self.confusions is not None:
            f1, n = _all_f1(self.confusions), self.confusions.sum((-2, -1))
            hits = np.trace(self.confusions, axis1=-2, axis2=-1)
            right = np.divide(hits, n, out=np.full(n.shape, np.nan), where=n > 0)
            found |= {"P_EXPR": p_expr(self.confusions), "accuracy": right}
            found |= {f"F1/{name}": f1[..., at] for at, name in enumerate(expressions)}
        if self.moments is not None:
            both = ccc(self.moments)
            found |= {"P_VA": p_va(self.moments), "CCC_V": both[..., 0], "CCC_A": both[..., 1]}
        if self.units is not None:
            f1 = unit_f1(self.units)
            found |= {"P_AU": p_au(self.units)}
            found |= {f"F1/{name}": f1[..., at] for at, name in enumerate(units)}
        if all(part is not None for part in self._parts()):
            found["P_MTL"] = found["P_EXPR"] + found["P_VA"] + found["P_AU"]
        return found


def affect_figures(
    sums: AffectSums,
    expressions: Sequence[str],
    units: Sequence[str],
    settings: BootstrapSettings | None = None,
) -> dict[str, Score]:
    """Every figure on all videos, with its percentile interval over videos.

    Args:
        sums: of the videos that are scored.
        expressions: names of the classes, in the order of the confusions.
        units: names of the action units, in order.
        settings: resampling; None for the defaults.

    Returns:
        Name to score; value NaN where a figure is not defined, no interval for one video.
    """
    settings = settings or BootstrapSettings()
    drawn: dict[str, list[Floats]] = {}
    for times in resamples(sums.n_videos, settings) if sums.n_videos > 1 else ():
        for name, values in sums.drawn(times).figures(expressions, units).items():
            drawn.setdefault(name, []).append(values)
    whole = sums.whole().figures(expressions, units)
    ends = _intervals({name: np.concatenate(blocks) for name, blocks in drawn.items()}, settings)
    return {
        name: Score(float(value[0]), *ends.get(name, (float("nan"), float("nan"))))
        for name, value in whole.items()
    }


def _intervals(
    drawn: Mapping[str, Floats], settings: BootstrapSettings
) -> dict[str, tuple[float, float]]:
    """`interval` of each figure; those defined in every draw are sorted together, once."""
    ends = {
        name: interval(values, settings.level)
        for name, values in drawn.items()
        if np.isnan(values).any()
    }
    if rest := [name for name in drawn if name not in ends]:
        tail = (1 - settings.level) / 2
        found = np.quantile(np.stack([drawn[name] for name in rest]), [tail, 1 - tail], axis=1)
        ends |= {name: (low, high) for name, low, high in zip(rest, *found.tolist(), strict=True)}
    return ends


def video_warning(n_videos: int) -> str:
    """Why an interval over so many videos should not be leaned on; "" where it may."""
    if n_videos == 1:
        return "one video: no interval"
    if n_videos < MIN_VIDEOS:
        return f"only {n_videos} videos: the interval is too narrow"
    return ""
