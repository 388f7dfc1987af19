"""Files in the form that the ABAW competitions take predictions in.

Until the fourth competition (2022): one file a video and task, named like the annotation files,
with their first line and one row per frame. From the fifth on, one file a task whose rows begin
with ``VIDEO/00001.jpg``. MTL has been one such file from the start.

Belongs here: text from predictions. Does not belong here: the predictions, where files go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_assets.challenges.vocabulary import AFFECT_EXPRESSIONS
from fer_assets.public_data.abaw import action_units, expressions, multi_task, valence_arousal
from fer_assets.public_data.abaw.labels import N_UNITS

HEADERS: Final[Mapping[str, str]] = {
    "EXPR": expressions.HEADER,
    "VA": valence_arousal.HEADER,
    "AU": action_units.HEADER,
    "MTL": multi_task.HEADER,
}
"""First line of an annotation file and of a submission, by task."""

LISTED_HEADERS: Final[Mapping[str, str]] = {
    "EXPR": f"image_location,{expressions.HEADER}",
    "VA": f"image_location,{valence_arousal.HEADER}",
    "AU": f"image_location,{action_units.HEADER}",
    "MTL": multi_task.HEADER,
}
"""First line of a file for all videos together, by task."""

ALL_FILE: Final = "predictions.txt"

Decided = Mapping[str, ArrayLike]
"""What was decided per frame of one video, n frames: for EXPR and MTL ``expression``, (n,) numbers
0 to 7; for VA and MTL ``valence_arousal``, (n, 2) in [-1, 1]; for AU and MTL ``action_units``,
(n, 12) of 0 and 1."""


def submission_files(
    task: str,
    videos: Mapping[str, tuple[ArrayLike, Decided]],
    *,
    is_listed: bool | None = None,
) -> Iterator[tuple[str, str]]:
    """The files of one task's submission.

    Args:
        task: EXPR, VA, AU or MTL.
        videos: name to the frame numbers, int (n,) ascending, and what was decided for them. A file
            per video must be about every frame from 1 on, as row and frame meet by number.
        is_listed: one file with frames named, instead of one per video; None: as the third
            competition asks, which is the one file for MTL alone.

    Yields:
        File name and text.

    Raises:
        ValueError: shapes differ, a value is off its scale, or a frame is missing where rows count.
    """
    one_file = task == "MTL" if is_listed is None else is_listed
    if task == "MTL" and not one_file:
        raise ValueError("MTL is submitted as one list")
    if one_file:
        rows = (
            f"{video}/{number:05d}.jpg,{row}"
            for video, (frames, decided) in sorted(videos.items())
            for number, row in zip(_numbers(frames), _rows(task, frames, decided), strict=True)
        )
        yield ALL_FILE, _text(LISTED_HEADERS[task], rows)
        return
    for video, (frames, decided) in sorted(videos.items()):
        if _numbers(frames) != list(range(1, len(_numbers(frames)) + 1)):
            raise ValueError(f"{task}: a file per video is about every frame from 1 on")
        yield f"{video}.txt", _text(HEADERS[task], _rows(task, frames, decided))


def _text(header: str, rows: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in (header, *rows))


def _numbers(frames: ArrayLike) -> list[int]:
    return [int(number) for number in np.asarray(frames).tolist()]


def _rows(task: str, frames: ArrayLike, decided: Decided) -> list[str]:
    n = len(_numbers(frames))
    columns: list[list[str]] = []
    if task in ("VA", "MTL"):
        affect = _checked(decided["valence_arousal"], (n, 2), -1, 1)
        columns += [[f"{value:.4f}" for value in column] for column in affect.T.tolist()]
    if task in ("EXPR", "MTL"):
        codes = _checked(decided["expression"], (n,), 0, len(AFFECT_EXPRESSIONS) - 1)
        columns.append([f"{value:.0f}" for value in codes.tolist()])
    if task in ("AU", "MTL"):
        units = _checked(decided["action_units"], (n, N_UNITS), 0, 1)
        columns += [[f"{value:.0f}" for value in column] for column in units.T.tolist()]
    return [",".join(fields) for fields in zip(*columns, strict=True)]


def _checked(
    values: ArrayLike, shape: tuple[int, ...], low: float, high: float
) -> NDArray[np.float64]:
    found = np.asarray(values, np.float64)
    if found.shape != shape or not ((found >= low) & (found <= high)).all():
        raise ValueError(f"expected {shape} within {low} and {high}, not {found.shape}")
    return found
