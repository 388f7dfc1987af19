"""The plot over time shows what is there, where it is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_EXPRESSIONS
from fer_assets.figures.affect_timeline import (
    COLOURS,
    MOST_TRACKS,
    AffectTrack,
    affect_timeline_plot,
)

THRESHOLDS = (0.5,) * 12


def track(times_s, expression=0, name="face 1", is_filled=None, unit_probs=0.0):
    n = len(times_s)
    probs = np.zeros((n, 8))
    probs[:, expression] = 1
    filled = np.zeros(n, np.bool_) if is_filled is None else np.asarray(is_filled)
    units = np.full((n, 12), unit_probs)
    return AffectTrack(name, np.asarray(times_s), filled, probs, np.zeros((n, 2)), units)


def drawn(tracks, duration_s=10.0):
    png = affect_timeline_plot(
        tracks, AFFECT_EXPRESSIONS, AFFECT_ACTION_UNITS, THRESHOLDS, duration_s, "film.mp4"
    )
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def columns_of(image, colour, least=40):
    """Columns in which at least so many pixels are of a colour."""
    wanted = np.array(to_rgb(colour)) * 255
    near = np.abs(image.astype(float) - wanted).max(axis=2) < 14
    return np.flatnonzero(near.sum(axis=0) >= least)


def test_expressions_stand_where_they_were_seen():
    times = np.arange(0, 10, 0.1)
    one = track(times)
    changing = np.where(times < 5, 1, 4)
    one.expressions[:] = np.eye(8)[changing]
    image = drawn([one])
    anger, happiness = (columns_of(image, COLOURS[name]) for name in ("anger", "happiness"))
    # One after the other, each over half of the axis.
    assert abs(int(anger.max()) - int(happiness.min())) < 8
    assert np.ptp(anger) == pytest.approx(np.ptp(happiness), rel=0.05)
    assert columns_of(image, COLOURS["fear"]).size == 0


def test_a_track_of_half_the_video_covers_half_the_axis():
    whole = columns_of(drawn([track(np.arange(0, 10, 0.1), 5)]), COLOURS["sadness"])
    half = columns_of(drawn([track(np.arange(0, 5, 0.1), 5)]), COLOURS["sadness"])
    assert np.ptp(half) == pytest.approx(np.ptp(whole) / 2, rel=0.03)


def test_units_are_dark_where_present():
    dark = columns_of(drawn([track(np.arange(0, 10, 0.1), unit_probs=0.5)]), "#33475B", 100)
    pale = columns_of(drawn([track(np.arange(0, 10, 0.1), unit_probs=0.49)]), "#33475B", 100)
    assert np.ptp(dark) > 800 and not len(pale)


def test_filled_frames_are_marked():
    times = np.arange(0, 10, 0.1)
    plain, marked = (
        drawn([track(times)]),
        drawn([track(times, is_filled=(times > 4) & (times < 6))]),
    )
    height = min(len(plain), len(marked)) * 2 // 3
    changed = (plain[60:height] != marked[60:height]).any(axis=2).sum(axis=0)
    middle = np.flatnonzero(changed > 100)
    assert middle.min() > 400 and middle.max() < 850


def test_as_many_panels_as_there_is_room_for():
    times = np.arange(0, 10, 0.1)
    many = [track(times[: 20 + at], at % 8, f"face {at}") for at in range(MOST_TRACKS + 3)]
    one, most, more = (drawn(many[:n]) for n in (1, MOST_TRACKS, MOST_TRACKS + 3))
    assert 3 * len(one) < len(most) == len(more)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 4000), st.booleans(), st.booleans(), st.booleans())
def test_anything_can_be_drawn(seed, n, has_expressions, has_mood, has_units):
    rng = np.random.default_rng(seed)
    has_mood |= not (has_expressions or has_units)
    one = AffectTrack(
        "face $1$",
        np.cumsum(rng.uniform(0.001, 0.1, n)),
        rng.random(n) < 0.2,
        rng.dirichlet(np.ones(8), n).reshape(n, 8)[:, : 8 * has_expressions],
        rng.uniform(-1, 1, (n, 2 * has_mood)),
        rng.random((n, 12 * has_units)),
    )
    png = affect_timeline_plot(
        [one],
        AFFECT_EXPRESSIONS if has_expressions else (),
        AFFECT_ACTION_UNITS if has_units else (),
        THRESHOLDS if has_units else (),
        float(one.times_s[-1]) if n else 0.0,
        "a $film$ \N{SNOWMAN}",
    )
    assert png.startswith(b"\x89PNG")


def test_no_face_says_so():
    assert drawn([]).shape[0] < 300
    assert np.array_equal(drawn([]), drawn([track([])]))
