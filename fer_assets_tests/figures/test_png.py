import base64
import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.image import imread

from fer_assets.figures.png import (
    MAX_MARKDOWN_BYTES,
    MAX_PNG_BYTES,
    FigureError,
    as_markdown,
    encode_png,
)

IMAGES = arrays(
    np.uint8,
    st.tuples(st.integers(1, 14), st.integers(1, 14), st.just(3)),
    elements=st.integers(0, 255),
)


def decode(png: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


@settings(max_examples=60, deadline=None)
@given(IMAGES)
def test_few_colours_survive_exactly(image: np.ndarray) -> None:
    np.testing.assert_array_equal(decode(encode_png(image)), image)


def test_many_colours_stay_close_and_the_commonest_are_exact() -> None:
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (120, 120, 3), dtype=np.uint8)
    image[:60] = (0, 114, 178)
    decoded = decode(encode_png(image))
    assert (decoded[:60] == (0, 114, 178)).all()
    assert len(np.unique(decoded.reshape(-1, 3), axis=0)) <= 256
    assert np.abs(decoded[60:].astype(int) - image[60:]).mean() < 40


def test_smooth_shades_are_hardly_changed() -> None:
    ramp = np.linspace(0, 255, 400).astype(np.uint8)
    image = np.stack(
        [np.tile(ramp, (50, 1)), np.tile(ramp[::-1], (50, 1)), np.full((50, 400), 90)], 2
    )
    assert np.abs(decode(encode_png(image.astype(np.uint8))).astype(int) - image).max() <= 9


def test_another_decoder_agrees() -> None:
    image = np.random.default_rng(0).integers(0, 4, (9, 7, 3), dtype=np.uint8) * 60
    read = imread(io.BytesIO(encode_png(image)))[..., :3]
    np.testing.assert_array_equal(np.round(read * 255).astype(np.uint8), image)


def test_markdown_holds_the_same_bytes_and_a_safe_text() -> None:
    png = encode_png(np.zeros((4, 4, 3), np.uint8))
    markdown = as_markdown(png, "a [b](c)\nd")
    text, data = markdown.removeprefix("![").split("](data:image/png;base64,")
    assert base64.b64decode(data.removesuffix(")")) == png
    assert "[" not in text and "]" not in text and "\n" not in text


def test_markdown_refuses_what_is_too_large() -> None:
    assert len(as_markdown(b"x" * MAX_PNG_BYTES, "y" * 900)) <= MAX_MARKDOWN_BYTES
    with pytest.raises(FigureError, match="65536"):
        as_markdown(b"x" * (MAX_PNG_BYTES + 1000), "y")
