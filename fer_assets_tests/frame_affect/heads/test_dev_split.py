"""Videos set aside: the same for ever, about a share, with every class where that is possible."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.frame_affect.heads.dev_split import split_dev
from fer_assets.frame_affect.heads.specs import RunError
from fer_assets_tests.frame_affect.heads.material import video_ids


def test_about_the_share_and_the_same_each_time() -> None:
    videos, shows = video_ids(400), np.ones((400, 3), bool)
    first = split_dev(videos, shows, 0.15, 0)
    assert 40 <= first.is_dev.sum() <= 80
    assert (split_dev(videos, shows, 0.15, 0).is_dev == first.is_dev).all()
    assert (split_dev(videos, shows, 0.15, 1).is_dev != first.is_dev).any()
    assert first.not_in_dev == first.not_in_train == ()


def test_new_videos_move_no_other() -> None:
    videos, shows = video_ids(60), np.ones((60, 3), bool)
    few = split_dev(videos[20:], shows[20:], 0.15, 0)
    assert few.is_dev.sum() > 1
    assert (split_dev(videos, shows, 0.15, 0).is_dev[20:] == few.is_dev).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 12), st.integers(0, 2**32 - 1), st.sampled_from([0.01, 0.15, 0.5, 0.99]))
def test_both_parts_have_a_video_and_every_class_that_they_can(n: int, seed: int, share: float):
    shows = np.random.default_rng(seed).random((n, 5)) < 0.3
    split = split_dev(video_ids(n), shows, share, seed)
    assert 0 < split.is_dev.sum() < n
    for kind in range(5):
        in_dev, in_train = shows[split.is_dev, kind].any(), shows[~split.is_dev, kind].any()
        assert (kind in split.not_in_dev) == (in_train and not in_dev)
        assert (kind in split.not_in_train) == (in_dev and not in_train)
        if shows[:, kind].sum() == 1:
            assert in_dev != in_train


def test_a_class_of_two_videos_is_in_both_parts() -> None:
    for seed in range(20):
        shows = np.ones((30, 2), bool)
        shows[:, 1] = False
        shows[[3, 17], 1] = True
        split = split_dev(video_ids(30), shows, 0.1, seed)
        assert shows[split.is_dev, 1].sum() == 1
        assert split.not_in_dev == split.not_in_train == ()


def test_one_video_can_not_be_split() -> None:
    with pytest.raises(RunError, match="at least two"):
        split_dev(video_ids(1), np.ones((1, 2), bool), 0.5, 0)
