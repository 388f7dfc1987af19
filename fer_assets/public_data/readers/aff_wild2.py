"""Aff-Wild2 in the layout of the ABAW competitions as labelled pictures: expressions alone.

    annotations/EXPR_Classification_Challenge/Validation_Set/VIDEO.txt   or  .../EXPR_Set/...
    cropped_aligned/VIDEO/00001.jpg, 00002.jpg ...

Belongs here: joining annotations and pictures. Does not belong here: the annotation files' form
(`public_data/abaw/`), what the classes mean (`label_maps.py`).
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from fer_assets.challenges.vocabulary import AFFECT_EXPRESSIONS
from fer_assets.public_data.abaw.expressions import read_expressions
from fer_assets.public_data.abaw.layout import (
    FRAME_FOLDERS,
    SET_FOLDERS,
    TASK_FOLDERS,
    video_files,
)
from fer_assets.public_data.label_maps import expression_of_code
from fer_assets.public_data.pictures import LabelledPictures, PublicDataError, added
from fer_assets.public_data.readers.walking import find_folder, is_junk, is_picture

LAYOUT: Final = "aff-wild2"
SPLIT: Final = "validation"

_LABELS: Final = TASK_FOLDERS["EXPR"]
_EXPECTED: Final = (
    "annotations/EXPR_Classification_Challenge/Validation_Set/VIDEO.txt and "
    "cropped_aligned/VIDEO/00001.jpg"
)


@dataclass
class _Rows:
    """What was read so far."""

    paths: list[Path] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def is_there(root: Path) -> bool:
    """Whether this looks like Aff-Wild2: its expression annotations are there."""
    return find_folder(root, _LABELS, passed_over=FRAME_FOLDERS) is not None


def read(root: Path, *, split: str = SPLIT, every: int = 1) -> LabelledPictures:
    """Read Aff-Wild2.

    Args:
        root: the folder that holds annotations and frames, or one above.
        split: "validation", which the paper scores, or "train".
        every: take every so many-th labelled frame of a video; 1 for all.

    Returns:
        People are annotated videos: who is in several videos is not said.

    Raises:
        PublicDataError: a folder is missing or an annotation file is not of this form.
    """
    set_names = {str(name): names for name, names in SET_FOLDERS.items()}
    if split not in set_names or every < 1:
        raise PublicDataError(
            "Aff-Wild2",
            expected=f"split {' or '.join(set_names)}, every of at least 1",
            found=f"split {split}, every {every}",
        )
    labels = find_folder(root, _LABELS, passed_over=FRAME_FOLDERS)
    labels = labels and find_folder(labels, set_names[split], depth=1)
    frames = find_folder(root, FRAME_FOLDERS)
    if labels is None or frames is None:
        missing = f"{split} annotations" if labels is None else "folder cropped_aligned"
        raise PublicDataError(f"Aff-Wild2 at {root}", expected=_EXPECTED, found=f"no {missing}")
    rows = _Rows()
    for video, file in video_files(labels).items():
        _read_video(file, frames / video, every, rows)
    if not rows.paths:
        found = ", ".join(f"{count} {reason}" for reason, count in added(rows.left_out).items())
        raise PublicDataError(f"Aff-Wild2 at {root}", expected=_EXPECTED, found=found or "no video")
    return LabelledPictures(
        LAYOUT,
        tuple(rows.paths),
        tuple(rows.targets),
        tuple(rows.people),
        left_out=added(rows.left_out),
        notes=(f"{split} set" + (f", every {every}. labelled frame" if every > 1 else ""),),
    )


def _read_video(file: Path, folder: Path, every: int, rows: _Rows) -> None:
    labels = read_expressions(file)
    known = expression_of_code(LAYOUT)
    there = _frame_files(folder)
    n_labelled = 0
    for number, code in zip(labels.frames.tolist(), labels.expressions.tolist(), strict=True):
        expression = known[AFFECT_EXPRESSIONS[code]] if code >= 0 else None
        if expression is None:
            rows.left_out["frames without a label" if code < 0 else "frames labelled other"] += 1
        elif number not in there:
            rows.left_out["labelled frames without a face crop"] += 1
        else:
            n_labelled += 1
            if (n_labelled - 1) % every:
                rows.left_out["labelled frames between those taken"] += 1
                continue
            rows.paths.append(there[number])
            rows.targets.append(expression)
            rows.people.append(file.stem)


def _frame_files(folder: Path) -> dict[int, Path]:
    """Frame number to file."""
    if not folder.is_dir():
        return {}
    files = (Path(entry.path) for entry in os.scandir(folder) if not is_junk(entry.name))
    return {int(file.stem): file for file in files if file.stem.isdecimal() and is_picture(file)}
