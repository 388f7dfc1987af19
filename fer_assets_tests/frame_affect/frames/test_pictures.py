"""A frame's picture: the middle of a stored crop, or a file as it is."""

from __future__ import annotations

import numpy as np
import pytest

from fer_assets.frame_affect.frames.pictures import (
    TEMPLATE_SQUARE_PX,
    read_picture,
    template_square,
)
from fer_assets.media.face_template import ARCFACE_TEMPLATE, crop_template
from fer_assets.media.image_codec import ImageError, encode_jpeg

CROP = np.random.default_rng(0).integers(0, 255, (224, 224, 3)).astype(np.uint8)


def _row(**known):
    return {"video_id": "v", "frame": 3, "file": None, "image": None, **known}


def test_stored_crop_is_cut_to_the_template():
    picture = read_picture(_row(image={"bytes": encode_jpeg(CROP), "path": "x.jpg"}), None)
    assert picture.shape == (180, 180, 3)
    # of 224 px: the template's 112 px span 179.2, both around the same centre
    points = crop_template() - (224 - TEMPLATE_SQUARE_PX) / 2
    scale = TEMPLATE_SQUARE_PX / 112
    expected = (ARCFACE_TEMPLATE + 0.5) * scale - 0.5
    np.testing.assert_allclose(points, expected, atol=0.4)


def test_both_sides_lose_the_same():
    turned = template_square(CROP[:, ::-1])
    np.testing.assert_array_equal(turned, template_square(CROP)[:, ::-1])
    with pytest.raises(ValueError, match="stored crop"):
        template_square(CROP[:112, :112])


def test_file_is_taken_whole(tmp_path):
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "00003.jpg").write_bytes(encode_jpeg(CROP[:112, :100]))
    assert read_picture(_row(file="v/00003.jpg"), tmp_path).shape == (112, 100, 3)


def test_what_can_not_be_read_names_the_frame(tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    for file in ("bad.jpg", "gone.jpg"):
        with pytest.raises(ImageError, match="frame 3 of video v; expected JPEG"):
            read_picture(_row(file=file), tmp_path)
    with pytest.raises(ImageError, match="frame 3"):
        read_picture(_row(image={"bytes": b"", "path": "x"}), None)
    with pytest.raises(ValueError, match="no picture"):
        read_picture(_row(), tmp_path)
