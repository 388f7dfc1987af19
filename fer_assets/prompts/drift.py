"""How fast a recording's clock runs against the prompts' own.

Belongs here: the speeds worth trying, and measuring the speed at found prompts. Does not belong
here: searching.

A recording that runs 0.1 % fast moves the end of a prompt of 1.5 s by 24 samples at 16 kHz, enough
to wash out everything above a few hundred hertz. One video has one clock, so it is measured once.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fer_assets.prompts.matched_filter import exact_scores, stretch_of, unit_shape
from fer_assets.prompts.resampling import at_speed
from fer_assets.prompts.templates import PromptTemplate

Found = tuple[NDArray[np.float64], int]
"""A prompt at hand: its template at speed 1, and its first sample in the sound."""

_N_PARTS = 12
# How far the ends of a template may slip, in periods of the frequency below which most of its
# energy lies, before a speed in between has to be tried.
_SLIP_PERIODS = 0.2
_ENERGY_SHARE = 0.9
# A speed other than 1 has to raise the scores by this much to be believed.
_GAIN = 1.01
# Distance of the speeds that the last polish compares.
_POLISH = 3e-5


@lru_cache(maxsize=16)
def trial_speeds(
    templates: tuple[PromptTemplate, ...], reach: float, top_hz: float = np.inf
) -> tuple[float, ...]:
    """Speeds within 1 - `reach` to 1 + `reach` that together miss no prompt, nearest to 1 first.

    The spacing is set by the template that tolerates least, listened to up to `top_hz`.
    """
    step = min((_tolerance(template, top_hz) for template in templates), default=1.0)
    count = int(np.ceil(reach / step - 1e-9))
    offsets = np.arange(1, count + 1) * (reach / count) if count else np.zeros(0)
    return (1.0, *(1 + sign * float(offset) for offset in offsets for sign in (1, -1)))


def _tolerance(template: PromptTemplate, heard_hz: float) -> float:
    """Distance between two trial speeds, for one template listened to up to `heard_hz`."""
    shape = template.samples.astype(np.float64)
    power = np.square(np.abs(np.fft.rfft(shape - shape.mean())))
    share = np.cumsum(power) / power.sum()
    top_hz = max(float(np.searchsorted(share, _ENERGY_SHARE)) / template.duration_s, 100.0)
    top_hz = min(top_hz, heard_hz)
    return 2 * _SLIP_PERIODS / (top_hz * template.duration_s / 2)


def keeps_time(audio: NDArray[np.float32], found: Sequence[Found], reach: float) -> bool:
    """Whether the first and the last third of each prompt at hand lie where speed 1 puts them.

    A cheap test that spares most sounds the measurement: off by a sample at most, a prompt loses
    nothing.

    Args:
        audio: (n,) mono.
        found: per prompt its template at speed 1 and its first sample in `audio`.
        reach: largest deviation of the speed to think of.
    """
    for shape, lag in found:
        third = shape.size // 3
        slack = int(np.ceil(reach * shape.size / 2)) + 4
        for start in (0, shape.size - third):
            part = (shape[start : start + third]).astype(np.float32)
            window = stretch_of(audio, lag + start - slack, 2 * slack + third)
            scores = np.correlate(window.astype(np.float32), part - part.mean(), "valid")
            if abs(int(np.argmax(scores)) - slack) > 1:
                return False
    return True


def measure_speed(
    audio: NDArray[np.float32],
    found: Sequence[Found],
    speed: float,
    reach: float,
) -> float:
    """The speed at which the prompts at hand fit best.

    Each prompt is cut into parts whose best lag is free; a line of lags over the parts is a speed.

    Args:
        audio: (n,) mono.
        found: per prompt its template at speed 1 and its first sample in `audio`.
        speed: the speed at which it was found.
        reach: largest deviation from `speed` to look at.

    Returns:
        A speed; `speed` itself unless another one fits clearly better.
    """
    offsets = np.linspace(-reach, reach, 2 * max(1, round(reach / 2e-5)) + 1)
    total = np.zeros(offsets.size)
    for template, lag in found:
        total += _fit(audio, at_speed(template, speed), lag, offsets)
    best = int(np.argmax(total))
    if total[best] < _GAIN * total[offsets.size // 2]:
        return speed
    return _polished(audio, found, speed * (1 + float(offsets[best])))


def _fit(
    audio: NDArray[np.float32], shape: NDArray[np.float64], lag: int, offsets: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Best correlation over lags, per speed offset."""
    edges = np.linspace(0, shape.size, _N_PARTS + 1).astype(int)
    slip = int(np.ceil(np.abs(offsets).max() * shape.size / 2)) + 1
    # At the wrong speed the template may have locked on by either end.
    slack = slip + 8
    reach = slip + slack
    lags = np.arange(-slack, slack + 1)
    total = np.zeros((offsets.size, lags.size))
    for start, stop in itertools.pairwise(edges.tolist()):
        part = shape[start:stop]
        window = stretch_of(audio, lag + start - reach, 2 * reach + part.size)
        scores = np.correlate(window, part - part.mean(), "valid")
        # Faster sound brings later parts earlier, seen from the middle of the prompt.
        centre = (start + stop) / 2 - shape.size / 2
        places = reach + lags[None, :] - (offsets * centre)[:, None]
        total += np.interp(places, np.arange(scores.size), scores)
    return np.asarray(total.max(axis=1))


def _polished(audio: NDArray[np.float32], found: Sequence[Found], speed: float) -> float:
    """The top of a parabola through the exact scores at `speed` and on either side of it."""
    totals = []
    for offset in (-_POLISH, 0.0, _POLISH):
        total = 0.0
        for template, lag in found:
            shape = at_speed(template, speed + offset)
            total += float(exact_scores(audio, unit_shape(shape), lag - 24, 49).max())
        totals.append(total)
    before, here, after = totals
    bend = before - 2 * here + after
    if bend >= 0:
        return speed
    return speed + _POLISH * float(np.clip(0.5 * (before - after) / bend, -1, 1))
