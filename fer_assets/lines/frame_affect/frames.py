"""The step `annotated_frames`: which frames of which videos have a face and an annotation.

Belongs here: units, their inputs and outputs, the accepted videos. Does not belong here: what the
folders hold (`found.py`), films (`films.py`), the rules of counting (`frame_affect/`), the summary
(`frames_summary.py`).

A unit is one video by content. The unit `SUMMARY` holds names that have no content to go by:
annotations without pictures, pictures without annotation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Final

import polars as pl

from fer_assets.lines.frame_affect.films import (
    FilmFrames,
    face_settings,
    film_faces,
    film_length,
)
from fer_assets.lines.frame_affect.found import WITHDRAWN, find_affect_videos
from fer_assets.lines.frame_affect.frames_summary import frames_summary
from fer_assets.lines.frame_affect.names import ANNOTATED_FRAMES
from fer_assets.lines.frame_affect.videos import Absent, AffectVideo, AffectVideos, Source
from fer_assets.lines.step import Step
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.digests import sha256_json
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output
from fer_assets.storage.manifests import read_manifest
from fer_assets.storage.planning import SUMMARY, Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.schemas.frame_affect import AFFECT_VIDEOS
from fer_assets.storage.schemas.frame_affect import ANNOTATED_FRAMES as FRAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fer_assets.frame_affect.frames.tables import TaskPart
    from fer_assets.media.guarded import GuardedDecoder

SAME_CONTENT: Final = "same content as another video"
_SEEN: Final = ("content", "faces")
"""Inputs that the crops of a film follow from."""


def _build(workspace: Workspace, partition: str | None) -> Build:
    from fer_assets.frame_affect import CODE_VERSION

    return Build(
        Place(ANNOTATED_FRAMES, partition),
        ASSET_TABLES[ANNOTATED_FRAMES],
        CODE_VERSION,
        confirms_removal=workspace.confirms_removal,
    )


def _units(workspace: Workspace, partition: str | None) -> list[Unit]:
    here = find_affect_videos(workspace, partition)
    _, faces = face_settings(workspace, partition)
    units = [Unit(key, _inputs(video, faces)) for key, video in here.videos.items()]
    absent = [
        (one.name, one.path, one.reason, one.uploader_id, one.n_crops, _said(one))
        for one in here.absent
    ]
    return [*units, Unit(SUMMARY, {"without the other half": sha256_json(absent)})]


def _inputs(video: AffectVideo, faces: str) -> dict[str, str]:
    if not video.sources:
        return {"withdrawal": WITHDRAWN}
    first = video.sources[0]
    names = [(s.path, s.name, s.kind, s.uploader_id, s.forbidden) for s in video.sources]
    inputs = {
        "content": first.sha256,
        "annotations": sha256_json(_said(video)),
        "uploads": sha256_json(names),
    }
    if first.folder is None:
        return {**inputs, "faces": faces}
    film = first.film.sha256 if first.film else "none"
    return {**inputs, "files": first.folder.files, "film": film}


def _said(video: AffectVideo | Absent) -> list[tuple[str, str, str]]:
    return sorted((a.task, a.set, a.sha256) for a in video.annotations)


def _work(workspace: Workspace, partition: str | None, units: Sequence[Unit]) -> Iterator[Output]:
    from fer_assets.media.guarded import GuardedDecoder

    here = find_affect_videos(workspace, partition)
    films: list[tuple[Unit, AffectVideo]] = []
    with GuardedDecoder() as decoder:
        for unit in units:
            if unit.key == SUMMARY:
                continue
            video = here.videos[unit.key]
            reason = video.forbidden if video.sources else WITHDRAWN
            if reason is not None:
                yield Output(unit.key, {}, status="quarantined", reason=reason)
            elif video.sources[0].folder is None:
                films.append((unit, video))
            else:
                yield _of_crops(video, decoder)
    yield from _of_films(workspace, partition, films)
    if any(unit.key == SUMMARY for unit in units):
        yield _without_other_half(here)


def _of_crops(video: AffectVideo, decoder: GuardedDecoder) -> Output:
    from fer_assets.frame_affect.frames.crop_folders import crop_files
    from fer_assets.frame_affect.frames.tables import crop_frames

    first = _usable(video)[0]
    folder = first.folder
    if folder is None:
        raise ValueError("a film has no folder of crops")
    if folder.problem is not None:
        return _output(video, FilmFrames(FRAMES.empty(), folder.last_frame, None, folder.problem))
    n_frames = max([folder.last_frame, *(a.last_frame for a in video.annotations)])
    if first.film is not None and first.film_place is not None:
        n_frames = max(n_frames, film_length(decoder, first.film_place))
    rows = crop_frames(video.video_id, folder.name, crop_files(first.place))
    return _output(video, FilmFrames(rows, n_frames))


def _usable(video: AffectVideo) -> list[Source]:
    """The copies that the policy allows; the first of them is the one that is read."""
    return [source for source in video.sources if source.forbidden is None]


def _of_films(
    workspace: Workspace, partition: str | None, films: Sequence[tuple[Unit, AffectVideo]]
) -> Iterator[Output]:
    """Faces are searched for unless they are stored or the film is annotated in vain."""
    to_search: dict[str, AffectVideo] = {}
    for unit, video in films:
        parts = _parts(video)
        stored = _stored_frames(workspace, partition, unit)
        if stored is not None:
            yield _output(video, stored, parts)
        elif parts and not any(part.labels is None or part.n_valid() for part in parts):
            yield _output(video, FilmFrames(FRAMES.empty()), parts)
        else:
            to_search[unit.key] = video
    if to_search:
        sources = [_usable(video)[0] for video in to_search.values()]
        with closing(film_faces(workspace, partition, sources)) as searched:
            for source, found in searched:
                yield _output(to_search[source.video_id], found)


def _stored_frames(workspace: Workspace, partition: str | None, unit: Unit) -> FilmFrames | None:
    """A film's crops from the last build, where only what is said of it changed."""
    build = _build(workspace, partition)
    manifest = read_manifest(workspace.store, build.place)
    entry = manifest.units.get(unit.key) if manifest else None
    if entry is None or entry.provenance.code_version != build.code_version:
        return None
    if any(entry.provenance.inputs.get(name) != unit.inputs[name] for name in _SEEN):
        return None
    frames = workspace.data.part(ANNOTATED_FRAMES, partition, "annotated_frames", unit.key)
    known = workspace.data.part(ANNOTATED_FRAMES, partition, "affect_videos", unit.key)
    if not frames.height or not known.height:
        return None
    n_frames, rate_hz = known.select("n_frames", "frame_rate_hz").row(0)
    return FilmFrames(frames, n_frames, rate_hz)


def _parts(video: AffectVideo | Absent) -> list[TaskPart]:
    from fer_assets.frame_affect.frames.tables import TaskPart

    return [TaskPart(a.task, a.set, a.read()) for a in video.annotations]


def _output(
    video: AffectVideo, found: FilmFrames, parts: Sequence[TaskPart] | None = None
) -> Output:
    from fer_assets.frame_affect.frames.tables import (
        NO_TASK,
        annotation_table,
        video_task_row,
        video_tasks,
    )

    parts = _parts(video) if parts is None else parts
    numbers = found.frames["frame"].to_list()
    tasks = [
        video_task_row(video.video_id, part, found.n_frames, numbers, found.reason)
        for part in parts
    ]
    used = {task["task"] for task in tasks if task["status"] == "used"}
    # What nothing is said about is there to be predicted.
    reason = found.reason or (None if used or not parts else NO_TASK)
    tables = {
        "affect_videos": _video_rows(video, found, reason),
        "video_tasks": video_tasks(tasks),
    }
    if reason is None:
        kept = [part for part in parts if part.task in used]
        tables["annotated_frames"] = found.frames
        tables["frame_annotations"] = annotation_table(video.video_id, kept, found.n_frames)
    status: Final = "quarantined" if reason else "ok"
    return Output(video.video_id, tables, status=status, reason=reason)


def _video_rows(video: AffectVideo, found: FilmFrames, reason: str | None) -> pl.DataFrame:
    """One row per name; of the copies that may be used the first by path is accepted."""
    rows: list[dict[str, object]] = []
    taken: Source | None = None
    for source in video.sources:
        status, why = "accepted", reason
        if source.forbidden or why:
            status, why = "quarantined", source.forbidden or why
        elif taken is not None:
            status, why = "duplicate", SAME_CONTENT
        taken = taken or (source if status == "accepted" else None)
        rows.append(
            {
                "video_id": video.video_id,
                "path": source.path,
                "name": source.name,
                "uploader_id": source.uploader_id,
                "kind": source.kind,
                "status": status,
                "reason": why,
                "n_frames": found.n_frames,
                "n_crops": found.frames.height,
                "frame_rate_hz": found.frame_rate_hz,
            }
        )
    return AFFECT_VIDEOS.frame(rows)


def _without_other_half(here: AffectVideos) -> Output:
    from fer_assets.frame_affect.frames.tables import video_task_row, video_tasks

    videos: list[dict[str, object]] = []
    tasks: list[dict[str, object]] = []
    for absent in here.absent:
        known: Mapping[str, object] = {
            "video_id": absent.video_id,
            "path": absent.path,
            "name": absent.name,
            "uploader_id": absent.uploader_id,
            "kind": absent.kind,
            "status": "quarantined",
            "reason": absent.reason,
            "n_frames": absent.last_frame,
            "n_crops": absent.n_crops,
            "frame_rate_hz": None,
        }
        videos.append(dict(known))
        tasks += [
            video_task_row(absent.video_id, part, 0, (), absent.reason) for part in _parts(absent)
        ]
    tables = {"affect_videos": AFFECT_VIDEOS.frame(videos), "video_tasks": video_tasks(tasks)}
    return Output(SUMMARY, tables)


ANNOTATED_FRAMES_STEP = Step(
    asset=ANNOTATED_FRAMES,
    description="Frames of the challenge's videos with a face crop and what they are annotated "
    "with: expression, valence and arousal, action units. Invalid, missing and surplus rows are "
    "counted, videos without pictures quarantined with a reason; films without annotation are "
    "only predicted; a video in two sets of a task is an error.",
    deps=(),
    build=_build,
    units=_units,
    work=_work,
    summarise=frames_summary,
    checks=("has_annotations", "no_leak", "few_excluded"),
    is_gpu_bound=True,
)


def video_table(workspace: Workspace, partition: str | None) -> pl.DataFrame:
    """Rows of AFFECT_VIDEOS of the accepted videos, one per video."""
    rows = workspace.data.table(ANNOTATED_FRAMES, partition, "affect_videos")
    return rows.filter(pl.col("status") == "accepted")
