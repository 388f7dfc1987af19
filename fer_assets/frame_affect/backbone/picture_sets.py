"""Pictures that a backbone learns from, before any of them is opened: people, or expressions.

Belongs here: finding them in folders and tables, what counts and what is left out. Does not belong
here: decoding and who is held out (`data.py`), layouts (`public_data/`).

All pictures are taken for crops of one face without margins and used whole; AffectNet's photos are
cut to their boxes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from fer_assets.challenges.vocabulary import AFFECTNET_EXPRESSIONS
from fer_assets.frame_affect.backbone.specs import BackboneError
from fer_assets.public_data import affectnet
from fer_assets.public_data.pictures import LabelledPictures, PublicDataError, added, in_words
from fer_assets.public_data.readers.image_folder import CONTRADICTION, SAME, SPLITS
from fer_assets.public_data.readers.walking import NO_PICTURE, files_below, is_picture
from fer_assets.public_data.reading import ReadingSettings, read_labelled_pictures
from fer_assets.training.file_pictures import FilePictures
from fer_assets.training.pictures import EncodedPictures

C = TypeVar("C")

Digests = Callable[[Sequence[Path]], Sequence[str]]
"""Files to the SHA-256 of each."""

_VALIDATION: Final = ("val", "test")


@dataclass(frozen=True)
class PictureSet:
    """Pictures with what they should be taken for.

    Pictures in files are in the order of their digests: as good as random, whatever their folders
    are called, so that neighbours, which are read together, are not of one class.

    Attributes:
        encoded: where they are read from.
        numbers: (n,) int64 number of each there.
        targets: n classes by name.
        digests: n SHA-256 of the files' content, with the box in it where there is one; equal
            pictures are recognised by it.
        groups: n people where they are known: none of them is on both sides; None if not.
        is_held_out: whether each is held out, where the data says so; None if it does not.
        order: the classes in the order that the network should have; None for sorted.
        view: share of each picture's side that counts, in its middle.
        left_out: why pictures are not here, with counts.
        notes: what a reader of the figures must know.
    """

    encoded: EncodedPictures
    numbers: NDArray[np.int64]
    targets: tuple[str, ...]
    digests: tuple[str, ...]
    groups: tuple[str, ...] | None = None
    is_held_out: tuple[bool, ...] | None = None
    order: tuple[str, ...] | None = None
    view: float = 1.0
    left_out: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.targets)


def picture_files(source: Path) -> list[Path]:
    """All files that a data set is read from: those of a folder, or a table and what it lists.

    Raises:
        PublicDataError: there is nothing, or the table is none.
    """
    _check_there(source)
    if source.is_dir():
        return list(files_below(source, Counter()))
    if affectnet.is_there(source):
        return [source, *affectnet.read(source).paths]
    return [source, *read_labelled_pictures(source).paths]


def identity_pictures(root: Path, digests: Digests) -> PictureSet:
    """People: PERSON/picture.jpg, also below folders named train, val or test.

    Args:
        root: a folder with a folder for each person; pictures deeper in belong to that person.
        digests: of the pictures' content.

    Raises:
        BackboneError: no picture is in a person's folder.
    """
    _check_there(root)
    left_out: Counter[str] = Counter()
    paths: list[Path] = []
    people: list[str] = []
    for path in files_below(root, left_out):
        folders = list(path.relative_to(root).parts[:-1])
        while folders and folders[0].lower() in SPLITS:
            folders.pop(0)
        if not is_picture(path):
            left_out[NO_PICTURE] += 1
        elif not folders:
            left_out["in no person's folder"] += 1
        else:
            paths.append(path)
            people.append(folders[0])
    if not paths:
        raise BackboneError(
            f"identities {root}",
            expected="a folder of folders of pictures, one per person: ROOT/PERSON/x.jpg",
            found="no picture in one",
        )
    return _of_files(_Files(paths, people), digests, left_out)


def expression_pictures(source: Path, digests: Digests) -> PictureSet:
    """Expressions: AffectNet's files, class folders, or a table with columns path and label.

    Classes are AffectNet's eight; pictures of others are counted as left out. Folders train and
    val (or test), and AffectNet's two tables, say who is held out. People are kept apart where a
    table has a column for them, or a benchmark's own layout tells.

    Raises:
        PublicDataError: it is none of these, or has nothing of the eight.
    """
    _check_there(source)
    if affectnet.is_there(source):
        found = affectnet.read(source)
        files = _Files(
            found.paths, found.targets, None, found.is_validation, found.boxes, found.notes
        )
        return _of_files(files, digests, found.left_out, AFFECTNET_EXPRESSIONS)
    train, val = _parts(source)
    parts = [(train, False)] + ([] if val is None else [(val, True)])
    left_out: Counter[str] = Counter()
    rows: list[tuple[Path, str, str, bool]] = []
    for part, is_held_out in parts:
        left_out.update(part.left_out)
        people = part.people or [""] * len(part)
        for path, target, person in zip(part.paths, part.targets, people, strict=True):
            if (name := affectnet.OF_PROJECT.get(target)) is None:
                left_out[f"{target}: none of AffectNet's expressions"] += 1
            else:
                rows.append((path, name, person, is_held_out))
    if not rows:
        raise PublicDataError(
            f"expressions {source}",
            expected=f"pictures of {', '.join(AFFECTNET_EXPRESSIONS)}",
            found=in_words(added(left_out)) or "none",
        )
    paths, targets, persons, held_out = zip(*rows, strict=True)
    files = _Files(
        paths,
        targets,
        persons if train.people else None,
        None if val is None else held_out,
        notes=train.notes,
    )
    return _of_files(files, digests, left_out, AFFECTNET_EXPRESSIONS)


@dataclass(frozen=True)
class _Files:
    """Files as a reader found them; the columns are those of `PictureSet`."""

    paths: Sequence[Path]
    targets: Sequence[str]
    groups: Sequence[str] | None = None
    is_held_out: Sequence[bool] | None = None
    boxes: Sequence[affectnet.Box] | None = None
    notes: tuple[str, ...] = ()


def _of_files(
    files: _Files,
    digests: Digests,
    left_out: Mapping[str, int],
    order: tuple[str, ...] | None = None,
) -> PictureSet:
    """The set of files, in the order of their digests."""
    keys = list(digests(files.paths))
    if files.boxes is not None:  # two faces of one photo are two pictures
        keys = [f"{key} {box}" for key, box in zip(keys, files.boxes, strict=True)]
    rows = sorted(range(len(keys)), key=lambda row: (keys[row], files.paths[row]))

    def sorted_by_digest(column: Sequence[C]) -> tuple[C, ...]:
        return tuple(column[row] for row in rows)

    boxes = None if files.boxes is None else np.array(sorted_by_digest(files.boxes), np.int64)
    return PictureSet(
        FilePictures(sorted_by_digest(files.paths), boxes),
        np.arange(len(rows)),
        sorted_by_digest(files.targets),
        sorted_by_digest(keys),
        groups=None if files.groups is None else sorted_by_digest(files.groups),
        is_held_out=None if files.is_held_out is None else sorted_by_digest(files.is_held_out),
        order=order,
        left_out=added(left_out),
        notes=files.notes,
    )


def _parts(source: Path) -> tuple[LabelledPictures, LabelledPictures | None]:
    """Training and validation where folders of those names are there; else all, and None."""
    names = {path.name.lower() for path in source.iterdir()} if source.is_dir() else set()
    splits = {SPLITS[name] for name in names if name in SPLITS}
    held_out = [split for split in _VALIDATION if split in splits]
    if "train" in splits and held_out:
        train = read_labelled_pictures(source, ReadingSettings(splits=("train",)))
        if train.notes:  # a table in the folder says what is what, and knows no splits
            return train, None
        val = read_labelled_pictures(source, ReadingSettings(splits=(held_out[0],)))
        # Both have looked at all files; what is no picture counts once.
        own = {name: n for name, n in val.left_out.items() if name in (SAME, CONTRADICTION)}
        rest = {name: n for name, n in train.left_out.items() if name != f"in split {held_out[0]}"}
        return replace(train, left_out=rest), replace(val, left_out=own)
    return read_labelled_pictures(source), None


def _check_there(source: Path) -> None:
    if not source.exists():
        raise PublicDataError(
            f"pictures at {source}", expected="a folder or a table", found="nothing there"
        )
