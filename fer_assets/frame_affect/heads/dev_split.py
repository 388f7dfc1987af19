"""Training videos set aside: they choose epochs and thresholds, and no head learns from them.

Belongs here: which videos these are. Does not belong here: the competition's own sets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_assets.compute.seeds import SEED_LIMIT, seed_from
from fer_assets.frame_affect.heads.specs import RunError


@dataclass(frozen=True)
class DevSplit:
    """The choice.

    Attributes:
        is_dev: (n,) bool per video.
        not_in_dev: numbers of kinds that occur, but in no video set aside.
        not_in_train: numbers of kinds that occur only in videos set aside.
    """

    is_dev: NDArray[np.bool_]
    not_in_dev: tuple[int, ...]
    not_in_train: tuple[int, ...]


def split_dev(
    videos: Sequence[str], shows: NDArray[np.bool_], dev_share: float, seed: int
) -> DevSplit:
    """Set about `dev_share` of the videos aside, at least one, never all.

    A hash of the seed and the video's id decides, so that videos that are added move no other.
    Then, kind by kind: one that occurs in one part only gets a video of the other part with it,
    the one whose hash is nearest to the border, where no kind is lost on the side it leaves. With
    few videos an added one can so move others.

    Args:
        videos: the ids of n training videos.
        shows: (n, k) bool: which kinds (expressions, action units) each video shows.
        dev_share: in (0, 1).
        seed: another seed, another choice.

    Raises:
        RunError: there are fewer than two videos.
    """
    if len(videos) < 2:
        raise RunError(
            "training videos",
            expected="at least two, one of them to choose epochs and thresholds",
            found=str(len(videos)),
        )
    places = np.array([seed_from(seed, "dev", video) for video in videos]) / SEED_LIMIT
    is_dev = places < dev_share
    if not is_dev.any():
        is_dev[places.argmin()] = True
    if is_dev.all():
        is_dev[places.argmax()] = False
    occurs = shows.any(axis=0)
    for kind in np.flatnonzero(occurs):
        if not shows[is_dev, kind].any():
            _move(is_dev, shows, int(kind), places, to_dev=True)
        elif not shows[~is_dev, kind].any():
            _move(is_dev, shows, int(kind), places, to_dev=False)
    not_in_dev, not_in_train = (
        tuple(np.flatnonzero(occurs & ~shows[side].any(axis=0)).tolist())
        for side in (is_dev, ~is_dev)
    )
    return DevSplit(is_dev, not_in_dev, not_in_train)


def _move(
    is_dev: NDArray[np.bool_],
    shows: NDArray[np.bool_],
    kind: int,
    places: NDArray[np.float64],
    *,
    to_dev: bool,
) -> None:
    """Bring a video that shows the kind to the other part, if its part can spare one."""
    part = ~is_dev if to_dev else is_dev
    is_rare = shows[part].sum(axis=0) < 2
    can_go = part & shows[:, kind] & ~(shows & is_rare).any(axis=1)
    if can_go.any() and part.sum() > 1:
        order = places if to_dev else -places
        is_dev[np.where(can_go, order, np.inf).argmin()] = to_dev
