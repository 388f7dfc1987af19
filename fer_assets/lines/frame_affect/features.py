"""The step `frame_features`: what each expression backbone sees in each frame.

Belongs here: wiring of `frame_affect.features`, its summary. Does not belong here: its work, the
backbones (`backbone.py`).

A unit is a video and a backbone: one new video costs one video, a new backbone only itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from fer_assets.lines.frame_affect.feature_speeds import Speed, write_speeds
from fer_assets.lines.frame_affect.feature_summary import features_summary
from fer_assets.lines.frame_affect.names import (
    ANNOTATED_FRAMES,
    EXPRESSION_BACKBONE,
    FRAME_FEATURES,
)
from fer_assets.lines.frame_affect.settings import AffectSettings, affect_settings
from fer_assets.lines.frame_affect.stored_backbones import stored_backbone
from fer_assets.lines.inputs import challenge, parts
from fer_assets.lines.step import Step
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output
from fer_assets.storage.planning import Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES

if TYPE_CHECKING:
    from fer_assets.frame_affect.features.extraction import VideoFeatures, VideoFrames
    from fer_assets.storage.pictures import StoredPictures

_TABLE: Final = "annotated_frames"
_COLUMNS: Final = ("face_id", "video_id", "frame", "file")
_READ_TOGETHER: Final = 64
_ENCODED_LIMIT_BYTES: Final = 64 * 1024**2


def unit_key(video_id: str, backbone: str) -> str:
    """Key of the unit with what a backbone sees in a video; "timm/ARCH" is kept as "timm-ARCH"."""
    return f"{video_id}-{backbone.replace('/', '-')}"


def stored_kinds(settings: AffectSettings) -> tuple[str, ...]:
    """Which of embeddings and scores are stored: what the challenge's heads ask for."""
    asked = set(settings.features)
    return tuple(kind for kind in ("embeddings", "scores") if asked & {kind, "both"})


def _settings(workspace: Workspace, partition: str | None) -> AffectSettings:
    return affect_settings(challenge(workspace, partition))


def _build(workspace: Workspace, partition: str | None) -> Build:
    from fer_assets.frame_affect import CODE_VERSION

    return Build(
        Place(FRAME_FEATURES, partition),
        ASSET_TABLES[FRAME_FEATURES],
        CODE_VERSION,
        {"stored": stored_kinds(_settings(workspace, partition))},
    )


def _units(workspace: Workspace, partition: str | None) -> list[Unit]:
    videos = parts(workspace, partition, ANNOTATED_FRAMES, _TABLE)
    names = _settings(workspace, partition).backbones
    stored = [stored_backbone(workspace, name) for name in names]
    backbones = {backbone.name: backbone.sha256 for backbone in stored}
    return [
        Unit(unit_key(video_id, name), {"frames": digest, "backbone": sha256})
        for video_id, digest in sorted(videos.items())
        for name, sha256 in backbones.items()
    ]


def _work(workspace: Workspace, partition: str | None, units: Sequence[Unit]) -> Iterator[Output]:
    """One backbone after the other: only one network is in memory."""
    by_backbone: dict[str, list[str]] = {}
    for unit in units:
        video_id, _, backbone = unit.key.partition("-")
        by_backbone.setdefault(backbone, []).append(video_id)
    speeds: dict[str, Speed] = {}
    for backbone, video_ids in by_backbone.items():
        yield from _seen_by(workspace, partition, backbone, video_ids, speeds)
    write_speeds(workspace, partition, speeds)


def _seen_by(
    workspace: Workspace,
    partition: str | None,
    backbone: str,
    video_ids: Sequence[str],
    speeds: dict[str, Speed],
) -> Iterator[Output]:
    from fer_assets.compute.device import choose_device
    from fer_assets.frame_affect.features.extraction import extract_features, feature_rows
    from fer_assets.frame_affect.features.source import load_feature_source

    device = choose_device()
    source = load_feature_source(
        stored_backbone(workspace, backbone), device, graphs_folder(workspace)
    )
    kinds = stored_kinds(_settings(workspace, partition))
    manifest = workspace.data.manifest(ANNOTATED_FRAMES, partition)
    total = sum(manifest.units[video_id].tables[_TABLE].rows or 0 for video_id in video_ids)
    videos = _video_frames(workspace, partition, backbone, video_ids)
    folder = challenge(workspace, partition).frames
    start, n_frames = time.perf_counter(), 0
    with closing(extract_features(videos, source, device, folder, n_frames=total)) as extracted:
        for found in extracted:
            n_frames += len(found.frames)
            video_id = found.key.partition("-")[0]
            yield _output(found, feature_rows(found, backbone, video_id, kinds))
    seconds = time.perf_counter() - start
    speeds[backbone] = Speed(source.runtime, device, n_frames, round(n_frames / seconds, 1))


def _output(found: VideoFeatures, rows: pl.DataFrame) -> Output:
    tables = {"frame_features": rows}
    if rows.height or not found.n_unreadable:
        return Output(found.key, tables)
    return Output(found.key, tables, status="quarantined", reason="no crop can be decoded")


def graphs_folder(workspace: Workspace) -> Path:
    """Where ONNX graphs of backbones are kept; they can be deleted at any time."""
    return workspace.state / "onnx_graphs"


def _video_frames(
    workspace: Workspace, partition: str | None, backbone: str, video_ids: Sequence[str]
) -> Iterator[VideoFrames]:
    """Frames of each video, its table read when its turn comes, its stored crops as they go."""
    from fer_assets.frame_affect.features.extraction import VideoFrames

    @cache
    def crops() -> StoredPictures:
        return workspace.data.pictures(
            ANNOTATED_FRAMES, partition, _TABLE, memory_limit_bytes=_ENCODED_LIMIT_BYTES
        )

    for video_id in video_ids:
        frames = workspace.data.table(
            ANNOTATED_FRAMES, partition, _TABLE, columns=_COLUMNS, units=[video_id]
        ).sort("frame")
        yield VideoFrames(unit_key(video_id, backbone), frames.height, _rows(frames, crops))


def _rows(frames: pl.DataFrame, crops: Callable[[], StoredPictures]) -> Iterator[Mapping[str, Any]]:
    """Rows as `read_picture` takes them."""
    is_stored = frames["file"].is_null()
    if not is_stored.any():
        yield from ({**row, "image": None} for row in frames.iter_rows(named=True))
        return
    numbers = crops().find(frames["face_id"])
    for start in range(0, frames.height, _READ_TOGETHER):
        some = frames.slice(start, _READ_TOGETHER)
        encoded = crops().read(numbers[start : start + _READ_TOGETHER])
        for row, data in zip(some.iter_rows(named=True), encoded, strict=True):
            yield {**row, "image": None if row["file"] else {"bytes": data, "path": None}}


FRAME_FEATURES_STEP: Final = Step(
    asset=FRAME_FEATURES,
    description="What each expression backbone sees in each frame: the input of its last layer, "
    "and the probabilities of its own expressions.",
    deps=(ANNOTATED_FRAMES, EXPRESSION_BACKBONE),
    build=_build,
    units=_units,
    work=_work,
    summarise=features_summary,
    checks=("all_frames_have_features", "features_differ"),
    is_gpu_bound=True,
)
