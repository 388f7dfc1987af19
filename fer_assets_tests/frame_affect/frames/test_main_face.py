"""Tracks of boxes and the face that counts, on paths drawn for the purpose."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.frame_affect.frames.main_face import MAX_GAP, face_tracks, main_faces


def _faces(*paths):
    """Paths of (frames, x0, size, step per frame) as frames, boxes and whose each is."""
    rows = [
        (frame, x0 + step * at, 50.0, x0 + step * at + size, 50.0 + size, who)
        for who, (numbers, x0, size, step) in enumerate(paths)
        for at, frame in enumerate(numbers)
    ]
    rows.sort(key=lambda row: (row[0], row[1]))
    table = np.array(rows, np.float64).reshape(-1, 6)
    return table[:, 0].astype(np.int64), table[:, 1:5], table[:, 5].astype(int)


def test_two_people_are_two_tracks():
    frames, boxes, who = _faces((range(1, 40), 0, 40, 2), (range(1, 40), 300, 60, -2))
    tracks = face_tracks(frames, boxes)
    assert len(set(tracks)) == 2
    assert all(len(set(tracks[who == person])) == 1 for person in (0, 1))


def test_a_track_survives_a_short_gap_only():
    short, boxes, _ = _faces(([1, 2, 3, 3 + MAX_GAP], 0, 40, 0))
    assert len(set(face_tracks(short, boxes))) == 1
    long, boxes, _ = _faces(([1, 2, 3, 4 + MAX_GAP], 0, 40, 0))
    assert len(set(face_tracks(long, boxes))) == 2


def test_the_lasting_large_face_is_the_main_one():
    passer_by = (range(10, 15), 200, 80, 0)
    far_away = (range(1, 31), 500, 20, 0)
    frames, boxes, who = _faces((range(1, 31), 0, 60, 1), passer_by, far_away)
    rows = main_faces(frames, boxes)
    assert rows is not None
    assert frames[rows].tolist() == list(range(1, 31))
    assert set(who[rows]) == {0}


def test_frames_without_the_main_face_take_the_next():
    frames, boxes, who = _faces((range(1, 21), 0, 60, 0), (range(15, 31), 300, 40, 0))
    rows = main_faces(frames, boxes)
    assert who[rows].tolist() == [0] * 20 + [1] * 10


def test_left_and_right_of_two_people():
    background = (range(1, 31), 400, 15, 0)
    frames, boxes, who = _faces((range(1, 31), 0, 50, 1), (range(6, 26), 200, 60, -1), background)
    left, right = main_faces(frames, boxes, "left"), main_faces(frames, boxes, "right")
    assert set(who[left]) == {0}
    assert set(who[right][frames[right] > 5]) <= {1, 2}
    assert set(who[right][(frames[right] > 5) & (frames[right] < 26)]) == {1}
    assert len(set(frames[left])) == len(left)


def test_one_person_has_no_sides():
    frames, boxes, _ = _faces((range(1, 31), 0, 50, 1))
    assert main_faces(frames, boxes, "left") is None
    nothing = np.zeros(0, np.int64), np.zeros((0, 4))
    assert main_faces(*nothing, "right") is None
    assert main_faces(*nothing).tolist() == []


def test_one_of_two_seen_alone_keeps_the_side():
    frames, boxes, who = _faces((range(1, 11), 0, 50, 0), (range(1, 31), 200, 50, 0))
    left, right = main_faces(frames, boxes, "left"), main_faces(frames, boxes, "right")
    assert frames[left].tolist() == list(range(1, 11))
    assert frames[right].tolist() == list(range(1, 31))
    assert set(who[right]) == {1}


BOXES = st.tuples(st.integers(1, 8), st.integers(0, 100), st.integers(0, 100), st.integers(5, 60))


@settings(max_examples=60, deadline=None)
@given(st.lists(BOXES, max_size=20))
def test_at_most_one_face_a_frame_and_none_twice(rows):
    rows = sorted(rows)
    frames = np.array([row[0] for row in rows], np.int64)
    boxes = np.array([[x, y, x + s, y + s] for _, x, y, s in rows], np.float64).reshape(-1, 4)
    tracks = face_tracks(frames, boxes)
    assert len({*zip(frames.tolist(), tracks.tolist(), strict=True)}) == len(rows)
    main = main_faces(frames, boxes)
    assert frames[main].tolist() == sorted(set(frames.tolist()))
    left, right = main_faces(frames, boxes, "left"), main_faces(frames, boxes, "right")
    assert (left is None) == (right is None)
    if left is not None:
        assert not set(left.tolist()) & set(right.tolist())
        assert set(frames[left]) | set(frames[right]) == set(frames)
