"""The drawing is where it belongs, at any size, and leaves the rest of the picture alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.figures.predictions import FaceMark, FacePainter

NAMES = ("angry", "clenched-teeth", "smiling")
BARS = (("clenched-teeth", 0.62), ("smiling", 0.3), ("angry", 0.08))
BLUE, VERMILLION = (0, 114, 178), (213, 94, 0)


def grey(height, width):
    return np.full((height, width, 3), 128, np.uint8)


def changed(image, drawn):
    rows, columns = np.nonzero((image != drawn).any(axis=2))
    return columns.min(), rows.min(), columns.max(), rows.max()


@pytest.mark.parametrize(("height", "width"), [(360, 640), (1080, 1920), (1920, 1080), (640, 360)])
def test_box_and_panel(height, width):
    image = grey(height, width)
    side = min(height, width) // 2
    x0, y0 = width // 2 - side // 2, height // 8
    mark = FaceMark((x0, y0, x0 + side, y0 + side), 1, BARS)
    drawn = FacePainter(height, width, NAMES).draw(image, [mark])
    assert (image == 128).all()
    assert tuple(drawn[y0 + side // 2, x0]) == VERMILLION
    assert (drawn[y0 + side // 2, x0 + side // 2] == 128).all()
    below = drawn[y0 + side + side // 20 :]
    # White letters on dark paper, and bars as long as the probabilities.
    assert (below == 255).all(axis=2).any() and (below.max(axis=2) < 90).any()
    near = np.abs(below.astype(int) - VERMILLION).max(axis=2) < 12
    panel = changed(grey(*below.shape[:2]), below)
    assert near.any(axis=0).sum() == pytest.approx(0.62 * (panel[2] - panel[0]), rel=0.1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 700), st.integers(1, 700))
def test_anything_can_be_drawn(seed, height, width):
    rng = np.random.default_rng(seed)
    boxes = rng.uniform(-0.5, 1.5, (4, 4)) * (width, height, width, height)
    low, high = np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])
    marks = [
        FaceMark((*a, *b), at, BARS[: at % 4])
        for at, (a, b) in enumerate(zip(low.tolist(), high.tolist(), strict=True))
    ]
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    drawn = FacePainter(height, width, NAMES).draw(image, marks)
    assert drawn.shape == image.shape and drawn.dtype == np.uint8


def test_panels_do_not_cover_other_faces():
    image = grey(400, 800)
    upper, lower = (300, 40, 420, 160), (300, 200, 420, 320)
    painter = FacePainter(400, 800, NAMES)
    drawn = painter.draw(image, [FaceMark(upper, 0, BARS), FaceMark(lower, 1, BARS)])
    for x0, y0, x1, y1 in (upper, lower):
        assert (drawn[y0 + 8 : y1 - 8, x0 + 8 : x1 - 8] == 128).all()


def test_a_panel_keeps_its_side_over_time():
    painter, image = FacePainter(300, 400, NAMES), grey(300, 400)
    sides = []
    for at in range(40):
        # About where the room below begins to be too small.
        y1 = 222 + (at % 7)
        drawn = painter.draw(image, [FaceMark((150, 100, 250, y1), 0, BARS)])
        sides.append(bool((drawn[:90] != 128).any()))
    assert len(set(sides)) == 1


def test_a_small_face_gets_one_line_and_no_bars_no_panel():
    image = grey(360, 640)
    painter = FacePainter(360, 640, NAMES)
    box = (300.0, 100.0, 330.0, 140.0)
    small = changed(image, painter.draw(image, [FaceMark(box, 0, BARS)]))
    wide = changed(image, painter.draw(image, [FaceMark((200, 60, 400, 200), 0, BARS)]))
    assert small[3] - 140 < (wide[3] - 200) / 2
    bare = changed(image, painter.draw(image, [FaceMark(box, 0, ())]))
    assert bare[3] < 146


def test_mood_and_signs_are_below_the_bars():
    """The panel grows by one block of one height, whatever is in it; the dot is where it should."""
    image, box = grey(720, 1280), (500.0, 60.0, 800.0, 300.0)
    heights = []
    for mood, signs in ((None, None), ((0.9, 0.9), ()), ((-0.9, -0.9), ("AU01", "AU12") * 6)):
        mark = FaceMark(box, 1, BARS, mood, signs)
        drawn = FacePainter(720, 1280, NAMES).draw(image, [mark])
        x0, y0, x1, y1 = changed(image[320:], drawn[320:])
        heights.append(y1 - y0)
        if mood is not None:
            block = drawn[320 + y0 + heights[0] : 320 + y1, x0 : x0 + (x1 - x0) // 3]
            near = np.abs(block.astype(int) - VERMILLION).max(axis=2) < 12
            rows, columns = np.nonzero(near)
            middle = np.array([columns.mean() / block.shape[1], rows.mean() / block.shape[0]])
            is_right, is_up = middle[0] > 0.5, middle[1] < 0.3
            assert (is_right, is_up) == (mood[0] > 0, mood[1] > 0)
    assert heights[0] < heights[1] == heights[2]


def test_a_panel_with_mood_leaves_the_face_where_a_corner_is_free():
    image, box = grey(512, 512), (130.0, 120.0, 380.0, 440.0)
    mark = FaceMark(box, 0, BARS, (0.1, 0.1), ("AU06",))
    drawn = FacePainter(512, 512, NAMES).draw(image, [mark])
    x0, y0, x1, y1 = (int(side) for side in box)
    inside = (drawn != image).any(axis=2)[y0 + 6 : y1 - 6, x0 + 6 : x1 - 6]
    assert inside.mean() < 0.1
