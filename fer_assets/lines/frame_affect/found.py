"""What an affect challenge's folders hold now: annotated videos, their pictures, what is missing.

Belongs here: matching names of annotations with folders of crops and films, withdrawals, policy.
Does not belong here: reading annotations (`frame_affect/frames/annotations.py`), the step
(`frames.py`).

A video's pictures are its folder of crops; without one, the film of its name; for ``NAME_left`` and
``NAME_right`` also the film NAME, of which one of two people is taken. A film beside a folder of
crops only tells how many frames there are. A film that nothing is said about is there to be
predicted; a folder of crops that nothing is said about is another task's, and left alone.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fer_assets.errors import FerError
from fer_assets.lines.frame_affect.videos import Absent, AffectVideo, AffectVideos, Source
from fer_assets.lines.inputs import challenge
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.tombstones import Tombstones, read_salt, read_tombstones, salted_hash

if TYPE_CHECKING:
    from fer_assets.challenges.spec import Challenge
    from fer_assets.frame_affect.frames.annotations import Annotation
    from fer_assets.frame_affect.frames.crop_folders import CropFolder
    from fer_assets.frame_affect.frames.main_face import Side
    from fer_assets.sources.uploads import Upload, UploadNote

WITHDRAWN: Final = "withdrawn"
_SIDES: Final[tuple[Side, ...]] = ("left", "right")


@dataclass(frozen=True)
class _Place:
    """The folders of one challenge, and who withdrew."""

    found: Challenge
    salt: str
    tombstones: Tombstones
    notes: Mapping[str, UploadNote]
    folders: Mapping[str, CropFolder]
    films: Mapping[str, Sequence[Upload]] = field(default_factory=dict)

    @property
    def frames(self) -> Path:
        """Folder of the folders of crops."""
        if self.found.frames is None:
            raise ValueError(f"{self.found.key} is no affect challenge")
        return self.found.frames

    def path(self, folder: Path, below: str) -> str:
        """As `Source.path`."""
        base = self.found.folder
        known = folder.relative_to(base) if folder.is_relative_to(base) else Path(folder.name)
        return (known / below).as_posix()

    def crops_path(self, name: str) -> str:
        return self.path(self.frames, name)

    def film_path(self, film: Upload) -> str:
        return self.path(self.found.videos, film.path)

    def uploader(self, name: str) -> str | None:
        note = self.notes.get(name)
        if note is None or not note.uploader:
            return None
        return salted_hash(self.salt, "uploader", note.uploader)

    def is_withdrawn(self, name: str, path: str, uploader_id: str | None) -> bool:
        key = self.found.key
        covers = self.tombstones.covers
        return (
            covers("file", f"{key}/{path}")
            or covers("name", f"{key}/{name}")
            or (uploader_id is not None and covers("uploader", uploader_id))
        )

    def is_out(self, name: str) -> bool:
        """Whether a name is withdrawn, whatever there is of it."""
        return self.is_withdrawn(name, self.crops_path(name), self.uploader(name))

    def film(self, stem: str) -> Upload | None:
        """The film of a name.

        Raises:
            FerError: there are two.
        """
        found = self.films.get(stem, ())
        if len(found) > 1:
            raise FerError(
                f"films called {stem}",
                expected="one film per name, as annotations go by name",
                found=" and ".join(film.path for film in found[:2]),
                remedy="Rename one, with its annotation files.",
            )
        return found[0] if found else None


def find_affect_videos(workspace: Workspace, partition: str | None) -> AffectVideos:
    """Look through a challenge's folders; unchanged pictures are not read again.

    Raises:
        FerError: there are neither crops nor films, crops but no annotations, two films of one
            name, or a video in two sets of a task.
    """
    from fer_assets.frame_affect.frames.annotations import find_annotations, refuse_leaks

    place = _look(workspace, partition)
    if place.found.annotations is None:
        raise ValueError(f"{place.found.key} is no affect challenge")
    has_only_films = place.films and not place.folders and not place.found.annotations.is_dir()
    annotations = [] if has_only_films else find_annotations(place.found.annotations)
    names = _names({annotation.name for annotation in annotations}, place)
    sources, gone = _split(place, _sources(workspace, place, names))
    live = [
        annotation
        for annotation in annotations
        if annotation.name not in gone and not place.is_out(annotation.name)
    ]
    refuse_leaks(live, {name: source.video_id for name, source in sources.items()})
    by_name: dict[str, list[Annotation]] = {}
    for annotation in live:
        by_name.setdefault(annotation.name, []).append(annotation)
    videos = _videos(sources.values(), by_name)
    for source in gone.values():
        videos.setdefault(source.video_id, AffectVideo(source.video_id, ()))
    absent = [*_without_pictures(place, by_name, sources), *_not_annotated(place, set(names))]
    ordered = {key: videos[key] for key in sorted(videos)}
    return AffectVideos(place.found, ordered, tuple(sorted(absent, key=lambda a: (a.name, a.kind))))


def _names(annotated: set[str], place: _Place) -> list[str]:
    """Names of what is annotated or in a test list, and of the films that nothing is said about."""
    spoken_for = annotated | set(place.folders)
    spoken_for |= {name.removesuffix(f"_{side}") for name in annotated for side in _SIDES}
    return sorted(annotated | (set(place.films) - spoken_for))


def _look(workspace: Workspace, partition: str | None) -> _Place:
    from fer_assets.frame_affect.frames.crop_folders import list_crop_folders
    from fer_assets.sources.uploads import find_uploads, read_uploaders

    found = challenge(workspace, partition)
    notes = read_uploaders(found.file("uploads.csv"))
    salt = read_salt(workspace.store)
    frames = found.frames
    if frames is None or not (frames.is_dir() or found.videos.is_dir()):
        raise FerError(
            f"challenge {found.key}",
            expected=f"crops in {frames} or films in {found.videos}",
            found="neither folder",
            remedy="Mount or create one; `frames` and `videos` in challenge.toml say where.",
        )
    films: dict[str, list[Upload]] = {}
    if found.videos.is_dir():
        cache = workspace.state / "hashes" / f"{partition}.json"
        for film in find_uploads(found.videos, notes, salt, cache):
            films.setdefault(Path(film.path).stem, []).append(film)
    tombstones = read_tombstones(workspace.store)
    return _Place(found, salt, tombstones, notes, list_crop_folders(frames), films)


def _sources(workspace: Workspace, place: _Place, names: Sequence[str]) -> list[Source]:
    from fer_assets.frame_affect.frames.crop_folders import folder_digests

    wanted = [place.folders[name] for name in names if name in place.folders]
    cache = workspace.state / "hashes" / f"{place.found.key}.frames.json"
    digests = folder_digests(place.frames, cache, wanted)
    found: list[Source] = []
    for name in names:
        if name in digests:
            found.append(_crops(place, name, digests[name]))
        elif source := _film(place, name):
            found.append(source)
    return found


def _crops(place: _Place, name: str, sha256: str) -> Source:
    film, _ = _film_of(place, name)
    folder = place.folders[name]
    uploader_id = place.uploader(name) or (film.uploader_id if film else None)
    note = place.notes.get(name)
    changed = datetime.datetime.fromtimestamp(folder.changed_s, datetime.UTC).date()
    return Source(
        name=name,
        path=place.crops_path(name),
        kind="crops",
        place=place.frames / name,
        sha256=sha256,
        uploader_id=uploader_id,
        forbidden=_forbidden(
            place, note.age if note else None, (note.since if note else None) or changed
        ),
        folder=folder,
        film=film,
        film_place=place.found.videos / film.path if film else None,
    )


def _film(place: _Place, name: str) -> Source | None:
    film, side = _film_of(place, name)
    if film is None:
        return None
    return Source(
        name=name,
        path=place.film_path(film),
        kind="film",
        place=place.found.videos / film.path,
        sha256=film.sha256,
        side=side,
        uploader_id=film.uploader_id or place.uploader(name),
        forbidden=_forbidden(place, film.age, film.since),
    )


def _film_of(place: _Place, name: str) -> tuple[Upload | None, Side]:
    """The film of a name, and which of its two people the name means."""
    if (film := place.film(name)) is not None:
        return film, ""
    for side in _SIDES:
        stem = name.removesuffix(f"_{side}")
        if stem != name and (film := place.film(stem)) is not None:
            return film, side
    return None, ""


def _forbidden(place: _Place, age: int | None, since: datetime.date | None) -> str | None:
    from fer_assets.sources.permission import today, why_forbidden

    return why_forbidden(place.found.policy, today(), site=None, age=age, since=since)


def _split(place: _Place, sources: Iterable[Source]) -> tuple[dict[str, Source], dict[str, Source]]:
    """Name to source: those that may be used, and those that were withdrawn."""
    kept: dict[str, Source] = {}
    gone: dict[str, Source] = {}
    for source in sources:
        paths = [source.path, *([place.film_path(source.film)] if source.film else [])]
        if any(place.is_withdrawn(source.name, path, source.uploader_id) for path in paths):
            gone[source.name] = source
        else:
            kept[source.name] = source
    return kept, gone


def _videos(
    sources: Iterable[Source], annotations: Mapping[str, Sequence[Annotation]]
) -> dict[str, AffectVideo]:
    videos: dict[str, AffectVideo] = {}
    for source in sorted(sources, key=lambda source: (source.path, source.name)):
        video = videos.get(source.video_id) or AffectVideo(source.video_id, ())
        known = {annotation.task for annotation in video.annotations}
        more = [a for a in annotations.get(source.name, ()) if a.task not in known]
        videos[source.video_id] = replace(
            video,
            sources=(*video.sources, source),
            annotations=(*video.annotations, *more),
        )
    return videos


def _without_pictures(
    place: _Place,
    annotations: Mapping[str, Sequence[Annotation]],
    sources: Mapping[str, Source],
) -> list[Absent]:
    from fer_assets.frame_affect.frames.tables import NO_FRAMES

    return [
        Absent(
            name,
            place.crops_path(name),
            "crops",
            NO_FRAMES,
            place.uploader(name),
            annotations=tuple(of_name),
        )
        for name, of_name in annotations.items()
        if name not in sources
    ]


def _not_annotated(place: _Place, names: set[str]) -> list[Absent]:
    from fer_assets.frame_affect.frames.tables import NOT_ANNOTATED

    found = [
        Absent(
            name,
            place.crops_path(name),
            "crops",
            NOT_ANNOTATED,
            place.uploader(name),
            folder.n_crops,
            folder.last_frame,
        )
        for name, folder in place.folders.items()
        if name not in names
    ]
    return [a for a in found if not place.is_withdrawn(a.name, a.path, a.uploader_id)]
