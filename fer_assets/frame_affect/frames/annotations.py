"""All annotations of a challenge: which video is in which set of which task, and no leak.

Belongs here: bringing files and lists together, refusing a video in two sets. Does not belong
here: the files' form (`public_data/abaw/`), the videos themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from fer_assets.challenges.vocabulary import AFFECT_TASKS
from fer_assets.compute.progress import track
from fer_assets.errors import FerError
from fer_assets.public_data.abaw.action_units import read_action_units
from fer_assets.public_data.abaw.expressions import read_expressions
from fer_assets.public_data.abaw.labels import FrameLabels
from fer_assets.public_data.abaw.layout import find_files
from fer_assets.public_data.abaw.multi_task import read_multi_task
from fer_assets.public_data.abaw.test_lists import read_test_list
from fer_assets.public_data.abaw.valence_arousal import read_valence_arousal
from fer_assets.storage.digests import sha256_file, sha256_json

Set = Literal["train", "validation", "test"]

_READERS: Final = {
    "EXPR": read_expressions,
    "VA": read_valence_arousal,
    "AU": read_action_units,
}


class AnnotationError(FerError):
    """A challenge's annotations can't be used."""


@dataclass(frozen=True)
class Annotation:
    """One video's part in one task.

    Attributes:
        task: one of AFFECT_TASKS.
        set: train, validation, or test: listed, without annotation.
        name: what the video is called.
        file: the file or list that says so.
        sha256: digest of what is said.
        last_frame: number of the last frame that a test list asks for; 0 elsewhere.
        listed: its rows in an MTL list; None elsewhere.
    """

    task: str
    set: Set
    name: str
    file: Path
    sha256: str
    last_frame: int = 0
    listed: FrameLabels | None = field(default=None, repr=False, compare=False)

    def read(self) -> FrameLabels | None:
        """Its rows; None in a test set.

        Raises:
            PublicDataError: naming file and line of what can't be read.
        """
        if self.set == "test" or self.task == "MTL":
            return self.listed
        return _READERS[self.task](self.file)

    @property
    def place(self) -> str:
        """File, set and task for an error's text."""
        return "/".join(self.file.parts[-3:])


@lru_cache(maxsize=4)
def _listed(file: Path, sha256: str) -> Mapping[str, FrameLabels]:
    """A run asks for the lists several times; the digest tells when one changed."""
    del sha256
    return read_multi_task(file)


def find_annotations(root: Path) -> list[Annotation]:
    """All annotations below `root`, by task, set and name.

    Raises:
        AnnotationError: there are none.
        PublicDataError: a list can't be read.
    """
    files = find_files(root) if root.is_dir() else None
    if not files:
        raise AnnotationError(
            f"annotations {root}",
            expected="EXPR_Classification_Challenge/{Train_Set,Validation_Set}/VIDEO.txt, "
            "VA_Estimation_Challenge, AU_Detection_Challenge, or MTL_Challenge/train_set.txt",
            found="none of them" if files is not None else "no such folder",
            remedy="`annotations` in challenge.toml says where they are.",
        )
    found: list[Annotation] = []
    n_files = sum(map(len, files.videos.values()))
    rows = (
        Annotation(task, set_name, name, file, sha256_file(file))
        for (task, set_name), by_name in files.videos.items()
        for name, file in by_name.items()
    )
    found.extend(track(rows, n_files, "hashing annotations"))
    for set_name, file in files.lists.items():
        labels = _listed(file, sha256_file(file))
        found.extend(
            Annotation("MTL", set_name, name, file, rows.sha256, listed=rows)
            for name, rows in labels.items()
        )
    for task, file in files.tests.items():
        asked = read_test_list(file)
        found.extend(
            Annotation(task, "test", name, file, sha256_json(frames), max(frames, default=0))
            for name, frames in asked.items()
        )
    return sorted(found, key=lambda a: (AFFECT_TASKS.index(a.task), a.set, a.name))


def refuse_leaks(annotations: Iterable[Annotation], video_ids: Mapping[str, str]) -> None:
    """Raise if a video is in two sets of one task, under one name or as a copy under another.

    Args:
        annotations: all that will be used.
        video_ids: name to the id of its content, where that is known.

    Raises:
        AnnotationError: naming both files.
    """
    first: dict[tuple[str, str], Annotation] = {}
    for annotation in annotations:
        for video in (annotation.name, video_ids.get(annotation.name, annotation.name)):
            other = first.setdefault((annotation.task, video), annotation)
            if other.set != annotation.set:
                copy = "" if other.name == annotation.name else " (the same pictures)"
                raise AnnotationError(
                    f"{annotation.task}: a video in two sets",
                    expected=f"each video in one of {other.set} and {annotation.set}",
                    found=f"{other.name} in {other.place} and {annotation.name}{copy} in "
                    f"{annotation.place}",
                    remedy="Take it out of one of them: scores on it would mean nothing.",
                )
