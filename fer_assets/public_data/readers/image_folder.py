"""A plain folder of pictures, sorted into folders named after the expressions.

    ROOT/CLASS/**/picture.jpg        ROOT/SPLIT/CLASS/**/picture.jpg        (SPLIT: train, test...)

A picture's class is the outermost folder on its way whose name means an expression
(`class_names.py`), so a wrapping folder does no harm. Belongs here: this layout, numbered classes,
equal files. Does not belong here: a list of pictures in a table (`listing.py`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from hashlib import file_digest
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from fer_assets.compute.progress import track
from fer_assets.public_data.class_names import (
    NUMBERED,
    UNKNOWN,
    UNWANTED,
    expression_of,
    is_number,
)
from fer_assets.public_data.pictures import LabelledPictures, PublicDataError, added, in_words
from fer_assets.public_data.readers.walking import NO_PICTURE, files_below, is_picture

LAYOUT: Final = "image-folder"
PeopleFrom = Literal["nothing", "folder"]

SPLITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "train": "train", "training": "train", "trainset": "train", "train set": "train",
        "val": "val", "valid": "val", "validation": "val", "dev": "val", "eval": "val",
        "publictest": "val",
        "test": "test", "testing": "test", "testset": "test", "test set": "test",
        "privatetest": "test",
    }
)  # fmt: skip
"""Folder names that are splits, in lower case with spaces for separators, and which."""

SAME: Final = "same file again"
CONTRADICTION: Final = "same file under two classes"

_EXPECTED: Final = "folders of pictures named after expressions: ROOT/happy/*.jpg, ROOT/sad/*.jpg"


def read(
    root: Path,
    *,
    people_from: PeopleFrom = "nothing",
    splits: Collection[str] = (),
    classes: Mapping[str, str] = MappingProxyType({}),
) -> LabelledPictures:
    """List the labelled pictures of a folder.

    Args:
        root: the folder.
        people_from: "folder" if the folder below the class is a person (CLASS/PERSON/x.jpg);
            pictures that lie directly in a class folder are then left out.
        splits: only these of train, val and test; empty for all there is.
        classes: what folder names mean that don't say it themselves: {"0": "angry"}. "" leaves
            a folder out.

    Returns:
        Files that are equal byte for byte count once; where equal files lie under two classes,
        none of them counts.

    Raises:
        PublicDataError: no picture lies in a folder that means an expression.
    """
    named = {name.casefold(): expression_of(of) or of for name, of in classes.items()}
    left_out: Counter[str] = Counter()
    unknown: set[str] = set()
    rows: list[tuple[Path, str, str]] = []
    for path in files_below(root, left_out):
        folders = path.relative_to(root).parts[:-1]
        if not is_picture(path):
            left_out[NO_PICTURE] += 1
            continue
        target, place, reason = _class_of(folders, named)
        person = folders[place + 1] if target and place + 1 < len(folders) else ""
        if target is None:
            left_out[reason] += 1
            if reason == UNKNOWN:
                unknown.add([name for name in folders if not _is_split(name)][-1])
        elif splits and (split := _split_of(folders)) not in splits:
            left_out[f"in split {split or 'none'}"] += 1
        elif people_from == "folder" and not person:
            left_out["in no person's folder"] += 1
        else:
            rows.append((path, target, person))
    if not rows:
        raise _nothing(root, left_out)
    people = tuple(person for _, _, person in rows) if people_from == "folder" else None
    paths, targets = tuple(path for path, _, _ in rows), tuple(target for _, target, _ in rows)
    names = tuple(sorted(unknown))
    return distinct(
        LabelledPictures(
            LAYOUT, paths, targets, people, left_out=added(left_out), unknown_names=names
        )
    )


def _class_of(folders: Sequence[str], named: Mapping[str, str]) -> tuple[str | None, int, str]:
    """Expression, the place of its folder, and why there is none."""
    for place, folder in enumerate(folders):
        expression = named.get(folder.casefold())
        if expression is None and not _is_split(folder):
            expression = expression_of(folder)
        if expression == "":
            return None, place, UNWANTED
        if expression is not None:
            return expression, place, ""
    others = [folder for folder in folders if not _is_split(folder)]
    if not others:
        return None, 0, "in no class folder"
    if any(is_number(folder) for folder in others):
        return None, 0, NUMBERED
    return None, 0, UNKNOWN


def _is_split(folder: str) -> bool:
    return _plain(folder) in SPLITS


def _split_of(folders: Sequence[str]) -> str:
    return next((SPLITS[_plain(folder)] for folder in folders if _is_split(folder)), "")


def _plain(folder: str) -> str:
    return folder.lower().replace("_", " ").replace("-", " ").strip()


def _nothing(root: Path, left_out: Counter[str]) -> PublicDataError:
    is_numbered = bool(left_out[NUMBERED])
    return PublicDataError(
        f"folder {root}",
        expected=_EXPECTED,
        found=in_words(added(left_out)) or "no file",
        remedy="Say what the numbers mean: --class 0=angry --class 1=disgust and so on."
        if is_numbered
        else "Rename the folders, say what they mean (--class NAME=EXPRESSION), or give a table "
        "with columns path and label.",
    )


def distinct(images: LabelledPictures) -> LabelledPictures:
    """Each picture once; none of those that lie under two classes.

    Only files of equal size are read to be compared.
    """
    by_size: dict[int, list[int]] = defaultdict(list)
    for row, path in enumerate(images.paths):
        by_size[path.stat().st_size].append(row)
    doubtful = [row for rows in by_size.values() if len(rows) > 1 for row in rows]
    by_digest: dict[str, list[int]] = defaultdict(list)
    for row in track(sorted(doubtful), len(doubtful), "looking for equal files"):
        with images.paths[row].open("rb") as stream:
            by_digest[file_digest(stream, "sha256").hexdigest()].append(row)
    dropped: Counter[str] = Counter()
    gone: set[int] = set()
    for rows in by_digest.values():
        is_contradiction = len({images.targets[row] for row in rows}) > 1
        again = rows if is_contradiction else rows[1:]
        gone.update(again)
        dropped[CONTRADICTION if is_contradiction else SAME] += len(again)
    return images.take([row for row in range(len(images)) if row not in gone], dropped)
