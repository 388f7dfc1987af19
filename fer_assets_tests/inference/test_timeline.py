"""What is seen between two looks."""

from __future__ import annotations

import numpy as np
import pytest

from fer_assets.inference.results import FacePrediction, FramePrediction
from fer_assets.inference.timeline import Timeline


def face(track, x, value):
    box = np.array([x, 0, x + 10, 10], np.float32)
    values = np.array([value, 1 - value], np.float32)
    return FacePrediction(track, box, np.zeros((5, 2), np.float32), 1.0, 0, values, "a", 1.0)


@pytest.fixture
def timeline():
    """Track 0 at 0.0, 0.2, (missed at 0.4) and 0.6 s; track 1 at 0.4 s only; nothing at 0.8 s."""
    looks = {
        0.0: [face(0, 0, 1.0)],
        0.2: [face(0, 20, 0.5)],
        0.4: [face(1, 100, 0.1)],
        0.6: [face(0, 60, 0.3)],
        0.8: [],
    }
    frames = [
        FramePrediction(at, time, False, tuple(faces))
        for at, (time, faces) in enumerate(looks.items())
    ]
    return Timeline.of(frames, 2)


def seen(timeline, time_s):
    return {one.track: (one.box[0], one.values[0]) for one in timeline.at(time_s)}


def test_between_two_sightings_it_is_interpolated(timeline):
    assert seen(timeline, 0.0) == {0: (0, pytest.approx(1.0))}
    assert seen(timeline, 0.15)[0] == (pytest.approx(15), pytest.approx(0.625))
    assert seen(timeline, 0.2)[0] == (pytest.approx(20), pytest.approx(0.5))
    # A missed look lies between two sightings of the same track.
    assert seen(timeline, 0.4)[0] == (pytest.approx(40), pytest.approx(0.4))


def test_at_its_ends_a_track_is_seen_while_its_look_is_the_nearest(timeline):
    assert set(seen(timeline, 0.31)) == set(seen(timeline, 0.49)) == {0, 1}
    assert set(seen(timeline, 0.29)) == set(seen(timeline, 0.51)) == {0}
    assert seen(timeline, 0.69)[0][0] == 60
    assert seen(timeline, 0.71) == {}
    # Before the first look and after the last one nothing else is nearer.
    assert set(seen(timeline, -0.5)) == {0}
    assert seen(timeline, 5.0) == {}


def test_survives_the_way_to_another_process(timeline):
    again = Timeline.from_bytes(timeline.to_bytes())
    for time_s in np.linspace(-0.1, 1, 30):
        assert seen(again, time_s) == seen(timeline, time_s)


def test_nothing_looked_at_and_nobody_seen():
    assert Timeline.of([], 2).at(0.3) == []
    assert Timeline.of([FramePrediction(0, 0.0, False, ())], 2).at(0.3) == []
