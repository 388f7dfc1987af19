"""Pictures: broken ones are named, each block is read once and forgotten, images as decoded."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from fer_assets.media.image_codec import ImageError, decode_image, encode_jpeg
from fer_assets.training.file_pictures import FilePictures
from fer_assets.training.order import BLOCK_PICTURES
from fer_assets.training.pictures import ListedPictures, read_pictures, shrink
from fer_assets_tests.training.tiny import bars

FILES = [encode_jpeg(image) for image in bars(6, 0)[0]]


def other_file(image: NDArray[np.uint8], suffix: str) -> bytes:
    is_done, data = cv2.imencode(suffix, image)
    assert is_done
    return bytes(data)


@pytest.mark.parametrize("memory_limit_bytes", [10**9, 1])
def test_what_can_t_be_decoded_is_not_whole(memory_limit_bytes: int) -> None:
    image = bars(1, 1)[0][0]
    png, webp = other_file(image, ".png"), other_file(image, ".webp")
    damaged = [
        b"",
        b"not a picture",
        FILES[0][: len(FILES[0]) // 2],
        FILES[0][:-40],
        png[: len(png) // 2],
        webp[:100],
    ]
    files = ListedPictures([FILES[1], *damaged, png, webp])
    numbers = np.arange(len(files))
    found = read_pictures(files, numbers, 32, memory_limit_bytes=memory_limit_bytes)
    np.testing.assert_array_equal(np.flatnonzero(found.is_whole), [0, 7, 8])
    expected = [shrink(decode_image(files.files[n]), 32) for n in (8, 0, 7)]
    np.testing.assert_array_equal(found.images(np.array([8, 0, 7])), expected)
    if memory_limit_bytes == 1:
        with pytest.raises(ImageError):
            found.images(np.array([0, 2]))


class Stored:
    """Six files over and over, in blocks; notes what is read and forgotten."""

    def __init__(self) -> None:
        self.log: list[int | None] = []

    def __len__(self) -> int:
        return 5 * BLOCK_PICTURES

    def read(self, numbers: NDArray[np.int64]) -> list[bytes]:
        self.log.extend(sorted(set((numbers // BLOCK_PICTURES).tolist())))
        return [FILES[number % 6] for number in numbers]

    def forget(self) -> None:
        self.log.append(None)


def test_blocks_are_read_one_after_the_other_and_forgotten() -> None:
    stored = Stored()
    numbers = np.random.default_rng(0).permutation(len(stored))[:200]
    found = read_pictures(stored, numbers, 8)
    assert found.is_whole.all()
    runs = [block for at, block in enumerate(stored.log) if at == 0 or stored.log[at - 1] != block]
    assert runs == [0, None, 1, None, 2, None, 3, None, 4, None]
    rows = np.array([17, 3, 199])
    expected = [shrink(decode_image(FILES[numbers[row] % 6]), 8) for row in rows]
    np.testing.assert_array_equal(found.images(rows), expected)


def test_beyond_the_limit_the_same_pictures_are_read_again() -> None:
    stored = Stored()
    numbers = np.array([5000, 3, 2048, 77])
    kept = read_pictures(stored, numbers, 8, view=0.5)
    on_demand = read_pictures(stored, numbers, 8, view=0.5, memory_limit_bytes=100)
    assert on_demand.decoded is None
    rows = np.array([2, 2, 0, 3, 1])
    np.testing.assert_array_equal(kept.images(rows), on_demand.images(rows))


def test_no_picture_at_all() -> None:
    found = read_pictures(ListedPictures([]), np.empty(0, np.int64), 8)
    assert len(found) == 0
    assert found.images(np.empty(0, np.int64)).shape == (0, 8, 8, 3)


@pytest.mark.parametrize("memory_limit_bytes", [10**9, 1])
def test_files_are_cut_to_their_boxes(memory_limit_bytes: int, tmp_path: Path) -> None:
    image = bars(1, 3, size=60)[0][0]
    for name in ("whole.png", "outside.png", "gone.png"):
        (tmp_path / name).write_bytes(other_file(image[..., ::-1], ".png"))
    (tmp_path / "gone.png").unlink()
    paths = [tmp_path / name for name in ("whole.png", "whole.png", "outside.png", "gone.png")]
    boxes = np.array([[10, 20, 30, 15], [-5, 40, 25, 80], [60, 0, 5, 5], [0, 0, 9, 9]])
    pictures = read_pictures(
        FilePictures(paths, boxes), np.arange(4), 32, memory_limit_bytes=memory_limit_bytes
    )
    assert pictures.is_whole.tolist() == [True, True, False, False]
    inside = [shrink(image[20:35, 10:40], 32), shrink(image[40:60, 0:20], 32)]
    np.testing.assert_array_equal(pictures.images(np.array([0, 1])), np.stack(inside))
