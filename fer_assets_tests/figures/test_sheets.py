import cv2
import numpy as np
import pytest

from fer_assets.figures.png import FigureError
from fer_assets.figures.sheets import contact_sheet

RED, BLUE = (200, 30, 30), (30, 30, 200)


def patch(colour: tuple[int, int, int], height: int = 224, width: int = 224) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def decode(jpeg: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)[..., ::-1].astype(int)


def share_of(sheet: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((np.abs(sheet - colour).max(axis=2) < 40).sum())


def test_one_row_per_group_in_order_and_colours_kept() -> None:
    sheet = decode(contact_sheet([("a", [patch(RED)] * 3), ("b", [patch(BLUE)] * 2)]))
    half = sheet.shape[0] // 2
    assert share_of(sheet[:half], RED) == pytest.approx(3 * 96 * 96, rel=0.05)
    assert share_of(sheet[half:], BLUE) == pytest.approx(2 * 96 * 96, rel=0.05)
    assert share_of(sheet[:half], BLUE) == 0


def test_a_row_ends_at_its_limit() -> None:
    sheet = decode(contact_sheet([("a", [patch(RED)] * 9)], thumb_px=64, max_per_group=4))
    assert share_of(sheet, RED) == pytest.approx(4 * 64 * 64, rel=0.05)


def test_odd_shapes_are_not_distorted() -> None:
    sheet = decode(contact_sheet([("a", [patch(RED, 200, 100)])]))
    assert share_of(sheet, RED) == pytest.approx(96 * 48, rel=0.08)


def test_same_faces_same_bytes_and_titles_are_written() -> None:
    groups = [("person one $x", [patch(RED)])]
    assert contact_sheet(groups) == contact_sheet(groups)
    assert contact_sheet(groups) != contact_sheet([("person two", [patch(RED)])])


def test_no_groups_empty_groups_and_very_many_groups() -> None:
    assert decode(contact_sheet([])).shape[0] < 60
    assert decode(contact_sheet([("nobody", [])])).shape[1] >= 360
    many = decode(contact_sheet([(f"{i}", [patch(RED, 8, 8)]) for i in range(400)], thumb_px=8))
    assert many.shape[0] < 151 * 40


@pytest.mark.parametrize(
    "image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)]
)
def test_what_is_not_an_image_is_refused(image: np.ndarray) -> None:
    with pytest.raises(FigureError, match="uint8"):
        contact_sheet([("a", [image])])


def test_sizes_below_one_are_refused() -> None:
    with pytest.raises(FigureError, match="at least 1"):
        contact_sheet([], thumb_px=0)
