from __future__ import annotations

import importlib.util

import cv2
import numpy as np
import pytest

from fer_assets.demo import people
from fer_assets.demo.people import DemoError, list_people, load_tiles, tile_geometry


def test_ten_people_with_sixteen_tiles_each() -> None:
    found = list_people()
    assert [p.person_id for p in found] == [f"P{i:03d}" for i in range(1, 11)]
    assert {p.gender for p in found} == {"female", "male"}
    assert all(p.skin_tone in {"I", "II", "III", "IV", "V", "VI"} for p in found)
    assert len(tile_geometry()) == 160


@pytest.mark.parametrize("index", [0, 5, 8])
def test_tiles_lie_within_the_white_frames(index: int) -> None:
    person = list_people()[index]
    sheet = cv2.imread(str(person.sheet))
    _, _, stats, _ = cv2.connectedComponentsWithStats((sheet.min(axis=2) > 225).astype(np.uint8))
    frames = [s for s in stats[1:] if 450 < s[2] < 620 and 280 < s[3] < 420]
    assert len(frames) == 16
    height, width = sheet.shape[:2]
    names = [name for (owner, name) in tile_geometry() if owner == person.person_id]
    for x, y, wide, high, _ in frames:
        row, column = int((y + high / 2) * 4 // height), int((x + wide / 2) * 4 // width)
        geometry = tile_geometry()[person.person_id, names[4 * row + column]]
        x0, y0, x1, y1 = geometry.rect_px
        assert x < x0 < x1 < x + wide
        assert y < y0 < y1 < y + high
        assert geometry.size_px[0] > 0.9 * wide


def test_no_frame_and_no_label_in_a_tile() -> None:
    for name, tile in load_tiles(list_people()[0], ["neutral", "angry"]).items():
        edges = [tile[0], tile[: len(tile) // 2, 0], tile[: len(tile) // 2, -1]]
        assert max(int(edge.max()) for edge in edges) < 200, name


def test_every_face_is_within_its_tile_but_for_chin_and_forehead() -> None:
    for geometry in tile_geometry().values():
        x0, y0, x1, y1 = geometry.face_px
        width, height = geometry.size_px
        assert 0 < x0 < x1 < width
        assert -0.1 * height < y0 < y1 < 1.1 * height


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DemoError, match=r"pip install fer-assets\[demo\]"):
        list_people()
    monkeypatch.undo()
    assert importlib.util.find_spec("openpeople") is not None
