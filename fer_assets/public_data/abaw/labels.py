"""What annotation files say, one row per frame, whatever the task.

Belongs here: the record that the parsers fill in. Does not belong here: any file's form.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS

N_UNITS: Final = len(AFFECT_ACTION_UNITS)

MOST_FRAMES: Final = 1_000_000
"""Largest number that is taken for a frame's: nine hours at 30 per second. Files are also named
after dates, and a video's predictions take memory for each frame up to its last."""


@dataclass(frozen=True, eq=False)
class FrameLabels:
    """The annotation rows of one video, in the order of their frames.

    Attributes:
        frames: int32 (n,), numbers from 1, ascending, each once.
        expressions: int8 (n,), index into AFFECT_EXPRESSIONS, -1 for none.
        valence_arousal: float32 (n, 2) in [-1, 1], NaN in both for none.
        action_units: int8 (n, 12), 1 present, 0 absent, -1 not known.
        is_not_finite: bool (n,), the row held NaN or infinity; nothing of it is used.
    """

    frames: NDArray[np.int32]
    expressions: NDArray[np.int8]
    valence_arousal: NDArray[np.float32]
    action_units: NDArray[np.int8]
    is_not_finite: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def is_annotated(self) -> NDArray[np.bool_]:
        """bool (n,): something in the row counts."""
        has_unit = np.asarray((self.action_units >= 0).any(axis=1), np.bool_)
        return (self.expressions >= 0) | ~np.isnan(self.valence_arousal[:, 0]) | has_unit

    @property
    def sha256(self) -> str:
        """Digest of all that the rows say."""
        digest = hashlib.sha256()
        for part in (
            self.frames,
            self.expressions,
            self.valence_arousal,
            self.action_units,
            self.is_not_finite,
        ):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()

    def take(self, rows: NDArray[np.intp]) -> FrameLabels:
        """Some of the rows, in that order."""
        return FrameLabels(
            self.frames[rows],
            self.expressions[rows],
            self.valence_arousal[rows],
            self.action_units[rows],
            self.is_not_finite[rows],
        )


def frame_labels(
    is_not_finite: NDArray[np.bool_],
    *,
    frames: NDArray[np.int32] | None = None,
    expressions: NDArray[np.int8] | None = None,
    valence_arousal: NDArray[np.float32] | None = None,
    action_units: NDArray[np.int8] | None = None,
) -> FrameLabels:
    """Labels of n rows; what is not given is not annotated, frames count from 1.

    Args:
        is_not_finite: bool (n,); these rows lose all that is given for them.
        frames: int32 (n,).
        expressions: int8 (n,), -1 for none.
        valence_arousal: float32 (n, 2), NaN for none.
        action_units: int8 (n, 12), -1 for none.
    """
    n = len(is_not_finite)
    known = ~is_not_finite
    expression = np.full(n, -1, np.int8)
    affect = np.full((n, 2), np.nan, np.float32)
    units = np.full((n, N_UNITS), -1, np.int8)
    if expressions is not None:
        expression[known] = expressions[known]
    if valence_arousal is not None:
        affect[known] = valence_arousal[known]
    if action_units is not None:
        units[known] = action_units[known]
    numbers = np.arange(1, n + 1, dtype=np.int32) if frames is None else frames
    return FrameLabels(numbers, expression, affect, units, is_not_finite)
