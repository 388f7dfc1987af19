"""Where the files of the ABAW competitions are, whatever the release calls its folders.

Belongs here: names of folders and files. Does not belong here: what is in them (a module each),
pictures (`readers/aff_wild2.py`, `frame_affect/`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, TypeVar

from fer_assets.public_data.pictures import PublicDataError
from fer_assets.public_data.readers.walking import find_folder, is_junk

Set = Literal["train", "validation"]

K = TypeVar("K", bound=str)

TASK_FOLDERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "EXPR": (
            "expr_classification_challenge",
            "expr_recognition_challenge",
            "expr_set",
        ),
        "VA": ("va_estimation_challenge", "va_set"),
        "AU": ("au_detection_challenge", "au_set"),
        "MTL": ("mtl_challenge", "multi_task_learning_challenge", "mtl_set", "mtl"),
    }
)
"""Task to the names of its folder in the releases from 2020 on, in lower case."""

SET_FOLDERS: Final[Mapping[Set, tuple[str, ...]]] = MappingProxyType(
    {
        "train": ("train_set", "training_set", "train"),
        "validation": ("validation_set", "val_set", "validation", "val"),
    }
)

FRAME_FOLDERS: Final = ("cropped_aligned", "cropped_aligned_images")

_LIST: Final = re.compile(r"(train|val)(?:ing|idation)?(?:_set)?(?:_annotations?)?\.(?:txt|csv)")
_TEST: Final = re.compile(r"(?:^|[^a-z])test(?:[^a-z]|$)")
_TEST_TASKS: Final = (
    ("MTL", re.compile(r"mtl|multi.?task")),
    ("EXPR", re.compile(r"expr")),
    ("VA", re.compile(r"valence|arousal|(?:^|[^a-z])va(?:[^a-z]|$)")),
    ("AU", re.compile(r"action.?unit|(?:^|[^a-z])aus?(?:[^a-z]|$)")),
)
_DEPTH: Final = 2
_NO_LISTS: Final = frozenset(
    {*FRAME_FOLDERS, *(n for names in SET_FOLDERS.values() for n in names)}
)


@dataclass(frozen=True)
class AbawFiles:
    """The annotation files below one folder.

    Attributes:
        videos: task EXPR, VA or AU and set, to video to its file.
        lists: set to the MTL list.
        tests: task to the list of what is to be predicted without annotation.
    """

    videos: Mapping[tuple[str, Set], Mapping[str, Path]]
    lists: Mapping[Set, Path]
    tests: Mapping[str, Path]

    def __bool__(self) -> bool:
        return bool(self.videos or self.lists or self.tests)


def find_files(root: Path) -> AbawFiles:
    """The annotation files below `root`, at most three folders down.

    A file of a task is ``TASK_FOLDER/SET_FOLDER/VIDEO.txt``; the MTL lists lie in their folder, or
    in `root` with ``annotations`` in their names; a test list is a text file with ``test`` and the
    task in its name.

    Raises:
        PublicDataError: there are two files for one video, or two lists of one set.
    """
    videos: dict[tuple[str, Set], Mapping[str, Path]] = {}
    for task, names in TASK_FOLDERS.items():
        folder = _find(root, names) if task != "MTL" else None
        for set_name, set_names in SET_FOLDERS.items():
            of_set = folder and find_folder(folder, set_names, depth=1)
            if of_set and (found := video_files(of_set)):
                videos[task, set_name] = found
    lists: dict[Set, Path] = {}
    of_lists = _find(root, TASK_FOLDERS["MTL"])
    candidates = [file for file in _text_files(root, 0) if "annotation" in file.name.lower()]
    for file in [*candidates, *(_text_files(of_lists, 1) if of_lists else ())]:
        if match := _LIST.fullmatch(file.name.lower()):
            _add(lists, "train" if match[1] == "train" else "validation", file)
    return AbawFiles(videos, lists, _tests(root))


def video_files(folder: Path) -> dict[str, Path]:
    """Video to its annotation file, of one task and set.

    Raises:
        PublicDataError: there are two for one.
    """
    found: dict[str, Path] = {}
    for file in _text_files(folder, 0):
        _add(found, file.stem, file)
    return found


def _find(root: Path, names: tuple[str, ...]) -> Path | None:
    return find_folder(root, names, passed_over=FRAME_FOLDERS)


def _add(found: dict[K, Path], key: K, file: Path) -> None:
    if key in found:
        raise PublicDataError(
            f"annotations {key}",
            expected="one file",
            found=f"{found[key].name} and {file.name}",
            remedy="Take one of them away.",
        )
    found[key] = file


def _tests(root: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in _text_files(root, _DEPTH):
        name = file.stem.lower()
        tasks = [task for task, said in _TEST_TASKS if said.search(name)]
        if _TEST.search(name) and tasks:
            found.setdefault(tasks[0], file)
    return found


def _text_files(folder: Path, depth: int) -> Iterator[Path]:
    """Text files in a folder and so many levels below, by path; not in folders of one per video."""
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    for entry in entries:
        if is_junk(entry.name):
            continue
        if depth and entry.is_dir() and entry.name.lower() not in _NO_LISTS:
            yield from _text_files(entry, depth - 1)
        elif entry.suffix.lower() in (".txt", ".csv") and entry.is_file():
            yield entry
