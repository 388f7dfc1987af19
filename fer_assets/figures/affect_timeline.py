"""Expressions, valence, arousal and action units of a video's faces over time.

Belongs here: the plot, one panel per face. Does not belong here: predicting, tracks, smoothing
(`inference/`).

A panel has up to three bands on one time axis: probabilities of the expressions, stacked; valence
and arousal as lines; action units as a strip chart, one row each, tinted by probability and solid
where the unit is present. Times at which a face was not found but its track goes on are hatched;
before and after a track the panel is empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from fer_assets.figures.style import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    QUIET,
    SKY,
    VERMILLION,
    grid,
    no_data,
    render,
)

MOST_TRACKS: Final = 4
"""Faces that get a panel, those seen longest."""

COLOURS: Final = {
    "neutral": "#CBD1D8",
    "anger": VERMILLION,
    "disgust": GREEN,
    "fear": PURPLE,
    "happiness": ORANGE,
    "sadness": BLUE,
    "surprise": SKY,
    "other": "#7D8793",
}
"""Of the expressions; others take what is left in order."""

VALENCE_COLOUR: Final = INK
AROUSAL_COLOUR: Final = VERMILLION
_UNIT_COLOUR: Final = "#33475B"
_UNIT_TINT: Final = "#C3CDD8"
_OUTSIDE: Final = "#F1F3F6"
_HATCH: Final = "////"

_LEAST_NAMED: Final = 0.075
"""Share of the time axis that an expression must lead for to be named in the plot itself."""

_MOST_STEPS: Final = 1500
"""Steps in time that are drawn; longer tracks are averaged down to so many."""

_WIDTH_IN: Final = 10.0
_EXPRESSIONS_IN, _MOOD_IN, _UNIT_IN, _HEADING_IN = 1.5, 1.25, 0.15, 0.75


@dataclass(frozen=True)
class AffectTrack:
    """One face over time; parts that are not known have no columns.

    Attributes:
        name: e.g. ``"face 1"``.
        times_s: (n,) ascending.
        is_filled: (n,) bool, the face was not found there.
        expressions: (n, e) probabilities.
        mood: (n, 2) valence and arousal in [-1, 1], or (n, 0).
        units: (n, u) probabilities of action units.
    """

    name: str
    times_s: NDArray[np.float64]
    is_filled: NDArray[np.bool_]
    expressions: NDArray[np.float64]
    mood: NDArray[np.float64]
    units: NDArray[np.float64]


def affect_timeline_plot(
    tracks: Sequence[AffectTrack],
    expressions: Sequence[str],
    units: Sequence[str],
    thresholds: Sequence[float],
    duration_s: float,
    title: str = "Affect over time",
) -> bytes:
    """Draw what was predicted of a video's faces.

    Args:
        tracks: its faces; the `MOST_TRACKS` seen longest are drawn, and the others counted.
        expressions: names of the expressions' columns.
        units: names of the action units' columns.
        thresholds: from which probability on each unit is present.
        duration_s: of the video.
        title: heading.

    Returns:
        A PNG; "no face" without tracks.
    """
    seen = [track for track in tracks if len(track.times_s)]
    if not seen:
        return no_data(title, "no face")
    longest = sorted(seen, key=lambda track: -len(track.times_s))[:MOST_TRACKS]
    shown = sorted(longest, key=lambda track: track.times_s[0])
    heights = _heights(shown[0])

    def draw(figure: Figure) -> None:
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
        n_rows = len(heights)
        axes = figure.subplots(
            len(shown) * n_rows, 1, sharex=True, squeeze=False, height_ratios=heights * len(shown)
        )[:, 0]
        for at, track in enumerate(shown):
            panel = iter(axes[at * n_rows : (at + 1) * n_rows])
            first = axes[at * n_rows]
            names = expressions, units
            _panel(panel, _thinned(track), names, thresholds, duration_s)
            first.set_title(_heading(track))
        _time_axis(axes[-1], duration_s)
        _legend(figure, shown, expressions, units)
        if left := len(seen) - len(shown):
            figure.text(0.99, 0.995, f"{left} more seen for a shorter time", ha="right", va="top",
                        color=QUIET)  # fmt: skip

    total = len(shown) * (sum(heights) + 0.28 * len(heights)) + _HEADING_IN
    return render(draw, height_in=total, width_in=_WIDTH_IN, max_bytes=None)


def _heights(track: AffectTrack) -> list[float]:
    """Heights of a panel's bands in inches."""
    bands = [
        (track.expressions.shape[1], _EXPRESSIONS_IN),
        (track.mood.shape[1], _MOOD_IN),
        (track.units.shape[1], _UNIT_IN * track.units.shape[1] + 0.1),
    ]
    return [height for columns, height in bands if columns]


def _heading(track: AffectTrack) -> str:
    n_filled = int(track.is_filled.sum())
    note = f", {n_filled:,} of {len(track.times_s):,} frames interpolated" if n_filled else ""
    return f"{track.name}{note}"


def _thinned(track: AffectTrack) -> AffectTrack:
    """The track with at most `_MOST_STEPS` steps, each the mean of neighbouring frames."""
    step = -(-len(track.times_s) // _MOST_STEPS)
    if step <= 1:
        return track
    starts = np.arange(0, len(track.times_s), step)
    counts = np.diff([*starts, len(track.times_s)])

    def mean(values: NDArray[Any]) -> NDArray[np.float64]:
        sums = np.add.reduceat(values.astype(np.float64), starts, axis=0)
        return sums / counts.reshape(-1, *[1] * (values.ndim - 1))

    return AffectTrack(
        track.name,
        mean(track.times_s),
        mean(track.is_filled) > 0.5,
        mean(track.expressions) if track.expressions.shape[1] else np.zeros((len(starts), 0)),
        mean(track.mood) if track.mood.shape[1] else np.zeros((len(starts), 0)),
        mean(track.units) if track.units.shape[1] else np.zeros((len(starts), 0)),
    )


def _panel(
    bands: Iterator[Axes],
    track: AffectTrack,
    names: tuple[Sequence[str], Sequence[str]],
    thresholds: Sequence[float],
    duration_s: float,
) -> None:
    """Draw the bands of one face; names are those of expressions and of action units."""
    if track.expressions.shape[1]:
        _expressions(band := next(bands), track, names[0], duration_s)
        _mark_gaps(band, track)
    if track.mood.shape[1]:
        _mood(band := next(bands), track)
        _mark_gaps(band, track)
    if track.units.shape[1]:
        _units(band := next(bands), track, names[1], thresholds)
        _mark_gaps(band, track)


def _edges(times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n + 1,) times between which each sample stands, half a step beyond the first and last."""
    if len(times_s) == 1:
        return np.array([times_s[0] - 0.02, times_s[0] + 0.02])
    middles = (times_s[1:] + times_s[:-1]) / 2
    first, last = times_s[0] - (middles[0] - times_s[0]), 2 * times_s[-1] - middles[-1]
    return np.concatenate([[first], middles, [last]])


def _expressions(axes: Axes, track: AffectTrack, names: Sequence[str], span_s: float) -> None:
    edges = _edges(track.times_s)
    tops = np.cumsum(track.expressions, axis=1)
    for at, (name, colour) in enumerate(zip(names, _colours(names), strict=True)):
        lower = tops[:, at] - track.expressions[:, at]
        axes.stairs(
            tops[:, at], edges, baseline=lower, fill=True, color=colour, linewidth=0, label=name
        )
    for start, end, leader in _leads(track.expressions):
        if edges[end] - edges[start] < _LEAST_NAMED * span_s:
            continue
        middle = (start + end) // 2
        height = tops[middle, leader] - track.expressions[middle, leader] / 2
        x = (edges[start] + edges[end]) / 2
        colour = _letters_on(_colours(names)[leader])
        axes.text(x, height, names[leader], ha="center", va="center", fontsize=8, color=colour)
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
    axes.set_ylabel("expression")


def _leads(probs: NDArray[np.float64]) -> Iterator[tuple[int, int, int]]:
    """Runs [start, end) of steps in which one expression is the most probable, and which one."""
    leaders = probs.argmax(axis=1)
    changes = np.flatnonzero(np.diff(leaders)) + 1
    bounds = [0, *changes.tolist(), len(leaders)]
    for start, end in pairwise(bounds):
        yield start, end, int(leaders[start])


def _letters_on(colour: str) -> str:
    """Dark letters on a light colour, white ones on a dark one."""
    red, green, blue = to_rgb(colour)
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"


def _mood(axes: Axes, track: AffectTrack) -> None:
    axes.axhline(0, color=QUIET, linewidth=0.8)
    for values, colour in zip(track.mood.T, (VALENCE_COLOUR, AROUSAL_COLOUR), strict=True):
        marker = "o" if len(values) == 1 else None
        axes.plot(track.times_s, values, color=colour, linewidth=1.6, marker=marker)
    axes.set_ylim(-1, 1)
    axes.set_yticks([-1, 0, 1], ["\N{MINUS SIGN}1", "0", "+1"])
    axes.set_yticks([-0.5, 0.5], minor=True)
    axes.set_ylabel("valence,\narousal")
    grid(axes)


def _units(
    axes: Axes, track: AffectTrack, names: Sequence[str], thresholds: Sequence[float]
) -> None:
    """Rows from top to bottom; pale by probability, dark where present."""
    paper, tint, solid = (np.array(to_rgb(c)) for c in ("white", _UNIT_TINT, _UNIT_COLOUR))
    probs = track.units.T[..., None]
    is_there = probs >= np.array(thresholds)[:, None, None]
    image = np.where(is_there, solid, paper + (tint - paper) * probs)
    axes.pcolorfast(_edges(track.times_s), np.arange(len(names) + 1) - 0.5, image, zorder=1)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names, fontsize=7.5)
    axes.tick_params(axis="y", length=0)
    for row in range(1, len(names)):
        axes.axhline(row - 0.5, color="white", linewidth=1.6, zorder=1.5)


def _mark_gaps(axes: Axes, track: AffectTrack) -> None:
    """Hatch where the face was filled in; shade what lies outside of the track."""
    edges = _edges(track.times_s)
    axes.set_facecolor(_OUTSIDE)
    axes.axvspan(edges[0], edges[-1], facecolor="white", linewidth=0, zorder=0)
    flags = np.concatenate([[0], track.is_filled.astype(np.int8), [0]])
    starts, ends = np.flatnonzero(np.diff(flags) > 0), np.flatnonzero(np.diff(flags) < 0)
    for start, end in zip(edges[starts], edges[ends], strict=True):
        axes.axvspan(start, end, facecolor=(1, 1, 1, 0.6), linewidth=0, zorder=2)
        axes.axvspan(
            start, end, facecolor="none", edgecolor=QUIET, hatch=_HATCH, linewidth=0, zorder=2
        )


def _time_axis(axes: Axes, duration_s: float) -> None:
    axes.set_xlim(0, max(duration_s, 1e-3))
    axes.xaxis.set_major_locator(MaxNLocator(12, steps=[1, 2, 3, 5, 6, 10]))
    if duration_s >= 120:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda t, _: f"{int(t // 60)}:{t % 60:02.0f}"))
        axes.set_xlabel("time (min:s)")
    else:
        axes.set_xlabel("time (s)")


def _legend(
    figure: Figure, shown: Sequence[AffectTrack], expressions: Sequence[str], units: Sequence[str]
) -> None:
    handles: list[Any] = []
    if expressions:
        pairs = zip(expressions, _colours(expressions), strict=True)
        handles += [Patch(color=colour, label=name) for name, colour in pairs]
    if shown[0].mood.shape[1]:
        handles.append(Line2D([], [], color=VALENCE_COLOUR, label="valence"))
        handles.append(Line2D([], [], color=AROUSAL_COLOUR, label="arousal"))
    if units:
        handles.append(Patch(color=_UNIT_COLOUR, label="action unit present"))
    if any(track.is_filled.any() for track in shown):
        label = "face not found, interpolated"
        handles.append(Patch(facecolor="white", edgecolor=QUIET, hatch=_HATCH, label=label))
    figure.legend(handles=handles, loc="outside lower left", ncols=6)


def _colours(names: Sequence[str]) -> list[str]:
    left = [colour for name, colour in COLOURS.items() if name not in names]
    extra = iter(left * len(names) or ["#000000"] * len(names))
    return [COLOURS.get(name) or next(extra) for name in names]
