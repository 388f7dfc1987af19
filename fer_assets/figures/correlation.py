"""Where a prompt was heard (the paper's Figure 4).

Belongs here: the picture of one audio track and its correlation with prompts. Does not belong
here: the matched filter (`prompts`). The picture names no video and no uploader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fer_assets.figures.style import BLUE, QUIET, VERMILLION, grid, no_data, render

_BINS = 700


class Hit(Protocol):
    """A prompt that was found, as the matched filter reports it."""

    @property
    def prompt_id(self) -> str:
        """Which prompt."""

    @property
    def start_s(self) -> float:
        """Where it starts, seconds from the audio's first sample."""

    @property
    def score(self) -> float:
        """Normalised correlation there, in [-1, 1]."""

    @property
    def threshold(self) -> float:
        """The score that counts as a hit, in [-1, 1]."""


def correlation_plot(
    audio: NDArray[np.float32],
    rate_hz: float,
    traces: Mapping[str, NDArray[np.float32]],
    hits: Sequence[Hit],
    max_traces: int = 3,
    title: str = "Prompts found in the audio",
) -> bytes:
    """The audio's waveform, and below it the correlation with each found prompt, hits marked.

    Args:
        audio: mono samples (n,) at `rate_hz`; sample 0 is time 0.
        rate_hz: sampling rate of `audio` and of all traces.
        traces: by prompt id, the normalised correlation (m,) in [-1, 1] of a prompt that starts
            at sample k; NaN counts as 0.
        hits: what was found; a hit without a trace is shown on the waveform only.
        max_traces: panels at most; the prompts with the best hits come first, prompts without a
            hit are shown where panels are left.
        title: heading.

    Returns:
        A PNG; "no data" when there is no audio and no trace.
    """
    audio = np.nan_to_num(np.asarray(audio, dtype=np.float32))
    shown = _most_telling(traces, hits, max_traces)
    if not audio.size and not shown:
        return no_data(title, "no audio")
    longest = max([audio.size, *(traces[name].size for name in shown)])

    def draw(figure: Figure) -> None:
        ratios = [1.0, *[0.85] * len(shown)]
        panels = figure.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)
        top, *others = panels[:, 0]
        _waveform(top, audio, rate_hz, hits)
        top.set_title(title)
        for axes, name in zip(others, shown, strict=True):
            mine = [hit for hit in hits if hit.prompt_id == name]
            _trace(axes, name, traces[name], rate_hz, mine)
        panels[-1, 0].set_xlabel("time (s)")
        panels[-1, 0].set_xlim(0, max(longest / rate_hz, 0.1))

    return render(draw, height_in=1.9 + 1.15 * len(shown))


def _most_telling(
    traces: Mapping[str, NDArray[np.float32]], hits: Sequence[Hit], limit: int
) -> list[str]:
    """Names of the traces to show: found prompts by falling score, then the others by name."""
    best = {
        name: max((h.score for h in hits if h.prompt_id == name), default=-2.0) for name in traces
    }
    order = sorted((name for name in traces if traces[name].size), key=lambda n: (-best[n], n))
    return order[:limit]


def _waveform(axes: Axes, audio: NDArray[np.float32], rate_hz: float, hits: Sequence[Hit]) -> None:
    if audio.size:
        times, low, high = _envelope(audio, rate_hz)
        axes.fill_between(times, low, high, color=QUIET, linewidth=0.3)
    top = max(float(np.abs(audio).max(initial=0.0)), 1e-3) * 1.1
    axes.set_ylim(-top, top)
    for hit in hits:
        axes.axvline(hit.start_s, color=VERMILLION, linewidth=1.0, alpha=0.8)
    axes.set_ylabel("amplitude")


def _trace(
    axes: Axes, name: str, trace: NDArray[np.float32], rate_hz: float, hits: Sequence[Hit]
) -> None:
    times, low, high = _envelope(np.nan_to_num(trace), rate_hz)
    axes.fill_between(times, low, high, color=BLUE, linewidth=0.3)
    for threshold in sorted({hit.threshold for hit in hits}):
        axes.axhline(threshold, color=QUIET, linestyle="--", linewidth=1.0)
    for hit in hits:
        is_late = hit.start_s > 0.8 * trace.size / rate_hz  # its text would run off the picture
        axes.plot(hit.start_s, hit.score, "v", color=VERMILLION, markersize=7)
        axes.annotate(
            f"{hit.start_s:.2f} s, {hit.score:.2f}",
            (hit.start_s, hit.score),
            xytext=(-8 if is_late else 8, -2),
            textcoords="offset points",
            ha="right" if is_late else "left",
            fontsize=8.5,
            color=VERMILLION,
        )
    bottom = min(-0.3, float(low.min()) * 1.1)
    axes.set_ylim(bottom, 1.15)
    axes.set_ylabel("correlation")
    axes.set_title(name if hits else f"{name} (not found)", fontweight="normal", fontsize=9)
    grid(axes)


def _envelope(
    samples: NDArray[np.float32], rate_hz: float
) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float32]]:
    """Bin start times (b,) in s with the least and greatest sample of each bin: peaks survive."""
    starts = np.unique(
        np.linspace(0, samples.size, min(_BINS, samples.size), endpoint=False).astype(int)
    )
    low = np.minimum.reduceat(samples, starts)
    high = np.maximum.reduceat(samples, starts)
    return starts / rate_hz, low, high
