"""What is to be seen in every frame: how much of each picture, and what follows for the truth.

Belongs here: a script's keys turned into weights, weights turned into affect. Does not belong
here: pictures.

Weights go from one key to the next along a cosine. A frame's expression is that of the pictures
with at least `DOMINATING` of the weight together; in the middle of a transition there is none.
Valence and arousal are the weighted mean of the pictures' places, an action unit is present where
pictures that show it have at least half of the weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fer_assets.demo.affect.expressions import (
    TILES,
    action_units,
    circumplex,
    expression_of_tile,
)
from fer_assets.demo.affect.script import AffectScript
from fer_assets.demo.people import NEUTRAL

DOMINATING: Final = 0.6
"""Least share of a frame's weight that makes an expression the frame's expression."""

DECIMALS: Final = 3
"""Of valence and arousal: annotation files are text, and truth and files are to be equal."""

_ROUNDING: Final = 1e-9


@dataclass(frozen=True)
class Affect:
    """What is true of each of T frames.

    Attributes:
        expression: (T,) int64, index into `AFFECT_EXPRESSIONS`; -1 where none dominates.
        valence_arousal: (T, 2) float64 in [-1, 1], rounded to `DECIMALS`.
        action_units: (T, 12) bool, in the order of `AFFECT_ACTION_UNITS`.
    """

    expression: NDArray[np.int64]
    valence_arousal: NDArray[np.float64]
    action_units: NDArray[np.bool_]


def tile_weights(script: AffectScript) -> NDArray[np.float64]:
    """How much of each of `TILES` each frame shows: (frames, tiles), rows sum to 1."""
    at, weights = [], []
    for key in script.keys:
        row = np.zeros(len(TILES))
        row[TILES.index(key.tile)] += key.apex
        row[TILES.index(NEUTRAL)] += 1 - key.apex
        at += [key.first, key.last]
        weights += [row, row]
    corners, rows = np.array(at), np.array(weights)
    frames = np.arange(1, script.n_frames + 1)
    after = np.clip(np.searchsorted(corners, frames, side="right"), 1, len(corners) - 1)
    length = np.maximum(corners[after] - corners[after - 1], 1)
    share = np.clip((frames - corners[after - 1]) / length, 0, 1)
    eased = (0.5 - 0.5 * np.cos(np.pi * share))[:, None]
    return np.asarray((1 - eased) * rows[after - 1] + eased * rows[after])


def affect_of(script: AffectScript) -> Affect:
    """What is true of each frame of `script`."""
    weights = tile_weights(script)
    by_expression = weights @ expression_of_tile()
    expression = by_expression.argmax(axis=1)
    expression[by_expression.max(axis=1) < DOMINATING - _ROUNDING] = -1
    place = np.round(weights @ circumplex(), DECIMALS) + 0.0  # no negative zero
    present = weights @ action_units(script.person) >= 0.5 - _ROUNDING
    return Affect(expression.astype(np.int64), place, present)
