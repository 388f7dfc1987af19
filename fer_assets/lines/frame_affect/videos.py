"""Videos of an affect challenge: the pictures that a name stands for, and what is said of them.

Belongs here: the records. Does not belong here: finding them (`found.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from fer_assets.challenges.spec import Challenge
    from fer_assets.frame_affect.frames.annotations import Annotation
    from fer_assets.frame_affect.frames.crop_folders import CropFolder
    from fer_assets.frame_affect.frames.main_face import Side
    from fer_assets.sources.uploads import Upload


@dataclass(frozen=True)
class Source:
    """The pictures that one name stands for.

    Attributes:
        name: what annotation files call the video.
        path: below the challenge's folder; elsewhere from the name of the folder of videos on.
        kind: crops or film.
        place: the folder or file.
        sha256: digest of its content.
        side: which of a film's two people.
        uploader_id: salted hash of the uploader's name; None where not known.
        forbidden: why the policy forbids it; None where it does not.
        folder: its crops; None of a film.
        film: the film of the same name beside a folder of crops.
        film_place: that film.
    """

    name: str
    path: str
    kind: Literal["crops", "film"]
    place: Path
    sha256: str
    side: Side = ""
    uploader_id: str | None = None
    forbidden: str | None = None
    folder: CropFolder | None = None
    film: Upload | None = None
    film_place: Path | None = None

    @property
    def video_id(self) -> str:
        """Key of the content; of a film's two people each has one."""
        if not self.side:
            return self.sha256[:16]
        return hashlib.sha256(f"{self.sha256}/{self.side}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class AffectVideo:
    """One content.

    Attributes:
        video_id: its key.
        sources: the names that stand for it, withdrawn ones left out, by path; () if all are.
        annotations: its part in each task; of two copies the first by path that has one.
    """

    video_id: str
    sources: tuple[Source, ...]
    annotations: tuple[Annotation, ...] = ()

    @property
    def forbidden(self) -> str | None:
        """Why no copy of it may be used; None if one may."""
        reasons = [source.forbidden for source in self.sources]
        return None if None in reasons else reasons[0]


@dataclass(frozen=True)
class Absent:
    """A name without pictures, or pictures that nothing is said about.

    Attributes:
        name: the video's name.
        path: where its pictures are or should be.
        kind: crops or film.
        reason: what is missing.
        uploader_id: salted hash of the uploader's name; None where not known.
        n_crops: crops there are.
        last_frame: number of the last one.
        annotations: its part in the tasks.
    """

    name: str
    path: str
    kind: Literal["crops", "film"]
    reason: str
    uploader_id: str | None = None
    n_crops: int = 0
    last_frame: int = 0
    annotations: tuple[Annotation, ...] = ()

    @property
    def video_id(self) -> str:
        """A key by name, since there is no content to go by."""
        return hashlib.sha256(f"no frames/{self.name}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class AffectVideos:
    """All that a challenge's folders hold.

    Attributes:
        found: the challenge.
        videos: video id to content, by id.
        absent: what can't be used for want of the other half, by name.
    """

    found: Challenge
    videos: Mapping[str, AffectVideo]
    absent: tuple[Absent, ...]
