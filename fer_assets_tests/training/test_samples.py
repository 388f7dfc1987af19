"""Samples: decoded once or on demand alike."""

from __future__ import annotations

import numpy as np
import pytest

from fer_assets.media.image_codec import ImageError, encode_jpeg
from fer_assets.training.samples import make_samples, shrink
from fer_assets_tests.training.tiny import bar_samples, bars


def test_beyond_the_memory_limit_the_pictures_are_the_same() -> None:
    kept, on_demand = bar_samples(12, 0), bar_samples(12, 0, memory_limit_bytes=1000)
    assert kept.is_decoded
    assert not on_demand.is_decoded
    rows = np.array([3, 0, 11, 3])
    np.testing.assert_array_equal(kept.images(rows), on_demand.images(rows))
    assert kept.images(rows).shape == (4, 32, 32, 3)


def test_a_part_gives_the_whole_s_pictures() -> None:
    whole = bar_samples(12, 0)
    part = whole.take(np.array([5, 2, 9])).take(np.array([2, 0]))
    np.testing.assert_array_equal(part.images(np.array([0, 1])), whole.images(np.array([9, 5])))
    np.testing.assert_array_equal(part.targets, whole.targets[[9, 5]])


def test_shrinks_without_aliasing() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[::2] = 200
    small = shrink(stripes, 16)
    assert small.shape == (16, 16, 3)
    np.testing.assert_allclose(small, 100, atol=1)


def test_a_view_is_the_middle() -> None:
    image = np.zeros((40, 40, 3), np.uint8)
    image[10:30, 10:30] = 255
    assert shrink(image, 20, view=0.5).min() == 255
    assert shrink(image, 20, view=0.6).min() == 0
    part = bar_samples(4, 0, view=0.5)
    on_demand = bar_samples(4, 0, view=0.5, memory_limit_bytes=1)
    rows = np.arange(4)
    np.testing.assert_array_equal(part.images(rows), on_demand.images(rows))
    assert not np.array_equal(part.images(rows), bar_samples(4, 0).images(rows))


def test_refuses_targets_that_do_not_fit() -> None:
    images, targets = bars(3, 0)
    encoded = [encode_jpeg(image) for image in images]
    with pytest.raises(ValueError, match="outside"):
        make_samples(encoded, targets + 3, 3, 32)
    with pytest.raises(ValueError, match="targets"):
        make_samples(encoded, targets[:2], 3, 32)


def test_a_broken_picture_is_an_error_that_counts() -> None:
    images, targets = bars(4, 0)
    encoded = [encode_jpeg(image) for image in images]
    encoded[1], encoded[2] = encoded[1][: len(encoded[1]) // 2], b""
    with pytest.raises(ImageError, match="2 that can't be decoded"):
        make_samples(encoded, targets, 3, 32)
