"""Aff-Wild2 in the layout of the ABAW competitions: aligned frames, one annotation file per video.

    annotations/EXPR_Classification_Challenge/Validation_Set/VIDEO.txt   or  .../EXPR_Set/...
    cropped_aligned/VIDEO/00001.jpg, 00002.jpg ...

An annotation file's first line names the classes (seven of them until 2021, eight since), each
further line has the number of one frame's class, -1 where it has none; its first number belongs to
00001.jpg. A video with two annotated people has files VIDEO, VIDEO_left or VIDEO_right.

Belongs here: this layout. Does not belong here: what the classes mean (`label_maps.py`).
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from fer_assets.public_data.label_maps import expression_of_code
from fer_assets.public_data.pictures import LabelledPictures, PublicDataError, added
from fer_assets.public_data.readers.walking import find_folder, is_junk, is_picture

LAYOUT: Final = "aff-wild2"
SPLIT: Final = "validation"

_LABELS: Final = ("expr_classification_challenge", "expr_recognition_challenge", "expr_set")
_SPLITS: Final = {
    "train": ("train_set", "training_set", "train"),
    "validation": ("validation_set", "val_set", "validation"),
}
_FRAMES: Final = ("cropped_aligned", "cropped_aligned_images")
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
    return find_folder(root, _LABELS) is not None


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
    if split not in _SPLITS or every < 1:
        raise PublicDataError(
            "Aff-Wild2",
            expected=f"split {' or '.join(_SPLITS)}, every of at least 1",
            found=f"split {split}, every {every}",
        )
    labels = find_folder(root, _LABELS)
    labels = labels and find_folder(labels, _SPLITS[split], depth=1)
    frames = find_folder(root, _FRAMES)
    if labels is None or frames is None:
        missing = f"{split} annotations" if labels is None else "folder cropped_aligned"
        raise PublicDataError(f"Aff-Wild2 at {root}", expected=_EXPECTED, found=f"no {missing}")
    rows = _Rows()
    for file in sorted(labels.glob("*.txt")):
        if not is_junk(file.name):
            _read_video(file, frames / file.stem, every, rows)
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
    lines = file.read_text(encoding="utf-8-sig").splitlines()
    expressions = _header(file, lines[0] if lines else "")
    there = _frame_files(folder)
    n_labelled = 0
    for number, line in enumerate(lines[1:], start=1):
        text = line.strip().rstrip(",")
        if not text:
            continue
        code = int(text) if text.removeprefix("-").isdecimal() else len(expressions)
        if not -1 <= code < len(expressions):
            raise PublicDataError(
                f"Aff-Wild2: {file.name}, line {number + 1}",
                expected=f"-1 or a number below {len(expressions)}",
                found=repr(line[:40]),
            )
        if code < 0 or (expression := expressions[code]) is None:
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


def _header(file: Path, line: str) -> list[str | None]:
    """The expression of each class number, as the file's first line names the classes."""
    known = expression_of_code(LAYOUT)
    names = [name.strip().lower() for name in line.split(",") if name.strip()]
    if not names or any(name not in known for name in names):
        raise PublicDataError(
            f"Aff-Wild2: {file.name}, line 1",
            expected="class names such as Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise",
            found=repr(line[:80]),
        )
    return [known[name] for name in names]


def _frame_files(folder: Path) -> dict[int, Path]:
    """Frame number to file."""
    if not folder.is_dir():
        return {}
    files = (Path(entry.path) for entry in os.scandir(folder) if not is_junk(entry.name))
    return {int(file.stem): file for file in files if file.stem.isdecimal() and is_picture(file)}
