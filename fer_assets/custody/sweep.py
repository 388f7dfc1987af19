"""What the actions of an erasure share: the tombstones, the challenges and their folders.

Belongs here: asking whom it is about, walking through folders. Does not belong here: what is done
with a file (`places.py`, `annotated_sources.py`).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fer_assets.challenges.spec import Challenge, ChallengeError
from fer_assets.custody.recognition import Recogniser
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.tombstones import Tombstones, read_tombstones

Counts = Mapping[str, int]


@dataclass(frozen=True)
class Sweep:
    """What the actions share.

    Attributes:
        workspace: the places.
        tombstones: the withdrawn subjects.
        is_dry: only count.
    """

    workspace: Workspace
    tombstones: Tombstones
    is_dry: bool = False

    @classmethod
    def of(cls, workspace: Workspace) -> Sweep:
        """With the tombstones as they are now."""
        return cls(workspace, read_tombstones(workspace.store))

    @cached_property
    def names(self) -> Recogniser:
        """Tells which names were withdrawn."""
        return Recogniser(self.tombstones, self.workspace.catalog.keys())

    def challenges(self) -> Iterator[Challenge]:
        """The challenges whose file can be read."""
        keys = self.workspace.catalog.keys()
        for key in keys:
            try:
                yield self.workspace.catalog.load(key)
            except ChallengeError:
                continue


def replace_file(path: Path, data: bytes) -> None:
    """Put `data` in a file's place: under a temporary name, flushed, then renamed."""
    staging = path.with_name(f".{path.name}.tmp")
    with staging.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    staging.replace(path)


def source_folders(challenge: Challenge) -> tuple[Path, ...]:
    """Folders of films and of face crops, wherever they are."""
    return (challenge.videos, *([challenge.frames] if challenge.frames else []))


def all_folders(challenge: Challenge) -> tuple[Path, ...]:
    """Every folder of a challenge, wherever it is."""
    annotations = [challenge.annotations] if challenge.annotations else []
    return (challenge.folder, *source_folders(challenge), *annotations)


def files_below(folder: Path, leave_out: Collection[Path] = ()) -> Iterator[Path]:
    """Files of a folder and all below it, in order; links and the folders left out are passed over.

    Folders are read one at a time, since one with face crops may hold millions of files.
    """
    for place, folders, files in os.walk(folder):
        here = Path(place)
        folders[:] = sorted(name for name in folders if here / name not in leave_out)
        if here not in leave_out:
            yield from (path for name in sorted(files) if not (path := here / name).is_symlink())
