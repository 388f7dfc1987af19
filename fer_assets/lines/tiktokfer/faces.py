"""Steps from prompt clips to embeddings: `face_crops`, `face_embeddings`, `detection_validation`.

Belongs here: wiring of `faces` and of the embedders. Does not belong here: their work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from fer_assets.lines.inputs import (
    by_video,
    challenge,
    file_input,
    one_unit,
    parts,
    whole,
    with_settings,
)
from fer_assets.lines.step import Check, Step, Summary
from fer_assets.lines.tiktokfer.names import (
    DETECTION_VALIDATION,
    FACE_CROPS,
    FACE_EMBEDDINGS,
    PROMPT_CLIPS,
    RAW_VIDEOS,
)
from fer_assets.lines.tiktokfer.prompts import prompt_settings
from fer_assets.lines.tiktokfer.truth import FACE_TRUTH_FILE, face_truth
from fer_assets.lines.tiktokfer.videos import accepted_paths
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import BuildReport, Output
from fer_assets.storage.planning import WHOLE, Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES

if TYPE_CHECKING:
    from fer_assets.faces.settings import FaceSettings
    from fer_assets.media.frames import Frame
    from fer_assets.media.guarded import GuardedDecoder
    from fer_assets.prompts.settings import PromptSettings

DETECTOR = "retinaface-mnet025"
DEFAULT_EMBEDDER = "sface-128"


def _face_settings(workspace: Workspace, partition: str | None) -> FaceSettings:
    from fer_assets.faces.settings import FaceSettings

    return with_settings(FaceSettings(), challenge(workspace, partition), "faces")


def _crops_build(workspace: Workspace, partition: str | None) -> Build:
    from fer_assets.faces import CODE_VERSION
    from fer_assets.weights.registry import WEIGHTS

    settings = _face_settings(workspace, partition), prompt_settings(workspace, partition)
    return Build(
        Place(FACE_CROPS, partition),
        ASSET_TABLES[FACE_CROPS],
        CODE_VERSION,
        settings,
        {DETECTOR: str(WEIGHTS[DETECTOR].sha256)},
    )


def _crops_units(workspace: Workspace, partition: str | None) -> list[Unit]:
    clips = parts(workspace, partition, PROMPT_CLIPS, "prompt_clips")
    return [Unit(video_id, {"prompt clips": digest}) for video_id, digest in sorted(clips.items())]


def _crops_work(
    workspace: Workspace, partition: str | None, units: Sequence[Unit]
) -> Iterator[Output]:
    from fer_assets.compute.device import choose_device
    from fer_assets.compute.threads import network_callers
    from fer_assets.faces.detector import load_detector
    from fer_assets.faces.extraction import VideoFrames, extract_faces
    from fer_assets.media.errors import MediaError
    from fer_assets.media.guarded import GuardedDecoder
    from fer_assets.weights.fetching import ensure

    settings = _face_settings(workspace, partition)
    timing = prompt_settings(workspace, partition)
    clips = by_video(workspace.data.table(PROMPT_CLIPS, partition))
    paths = accepted_paths(workspace, partition)
    folder = challenge(workspace, partition).videos
    ensure(DETECTOR, workspace.weights)
    device = choose_device()
    detector = load_detector(workspace.weights, device, settings)
    with GuardedDecoder() as decoder:
        videos = []
        for unit in units:
            targets = _targets(clips[unit.key], timing)
            frames = _frames(decoder, folder / paths[unit.key], targets)
            videos.append(VideoFrames(unit.key, targets, frames))
        with closing(
            extract_faces(videos, detector, settings, network_callers(device))
        ) as extracted:
            for video_id, found in extracted:
                if isinstance(found, MediaError):
                    yield Output(video_id, {}, status="quarantined", reason=found.reason)
                    continue
                tables = {"face_crops": found.face_crops, "frames": found.frames}
                if found.face_crops.height:
                    yield Output(video_id, tables)
                else:
                    yield Output(video_id, tables, status="quarantined", reason="no face found")


def _frames(decoder: GuardedDecoder, path: Path, targets: pl.DataFrame) -> Iterator[Frame]:
    """Ask for a video's frames when the first is wanted: the decoder does one video at a time."""
    yield from decoder.sample_frames(path, targets["time_s"].to_numpy())


def _targets(clips: pl.DataFrame, settings: PromptSettings) -> pl.DataFrame:
    """clip_id, prompt_id, expression and time_s of every frame to look at."""
    from fer_assets.prompts.clips import clip_frame_times

    asked = clips.select("clip_id", "prompt_id", "expression")
    times = clip_frame_times(clips, settings)
    return times.join(asked, on="clip_id", maintain_order="left")


def _crops_summary(workspace: Workspace, partition: str | None, report: BuildReport) -> Summary:
    frames = workspace.data.table(FACE_CROPS, partition, "frames")
    n_faces = report.manifest.rows("face_crops")
    n_rotated = frames.filter(pl.col("rotation_deg") > 0).height
    per_frame = frames.group_by(pl.col("n_faces").alias("faces in frame")).len("frames")
    share = frames.filter(pl.col("n_faces") > 0).height / max(1, frames.height)
    return Summary(
        figures={
            "faces": n_faces,
            "frames": frames.height,
            "frames rotated": n_rotated,
            "frames flagged corrupt": int(frames["is_corrupt"].sum()),
            "share of frames with a face": round(share, 4),
            **_ran_on(report),
        },
        tables={"faces per frame": per_frame.sort("faces in frame")} if frames.height else {},
        checks=[Check("most_frames_have_a_face", share >= 0.5, f"{share:.1%} of frames")],
    )


def _ran_on(report: BuildReport) -> dict[str, str]:
    """Where the network ran, for the metadata; a session on anything else is not opened."""
    from fer_assets.compute.device import PROVIDERS, choose_device

    if not report.processed:
        return {}
    device = choose_device()
    return {"device": device, "provider": PROVIDERS[device]}


FACE_CROPS_STEP = Step(
    asset=FACE_CROPS,
    description="Frames of each clip at 2 per second, the faces in them by RetinaFace, aligned "
    "and cropped.",
    deps=(PROMPT_CLIPS, RAW_VIDEOS),
    build=_crops_build,
    units=_crops_units,
    work=_crops_work,
    summarise=_crops_summary,
    checks=("most_frames_have_a_face",),
    is_gpu_bound=True,
)


def embedder_name(workspace: Workspace, partition: str | None) -> str:
    """Name of the challenge's embedder in the weights registry."""
    settings = challenge(workspace, partition).settings.get("identities", {})
    return str(settings.get("embedder", DEFAULT_EMBEDDER))


def _embeddings_build(workspace: Workspace, partition: str | None) -> Build:
    from fer_assets.identities import CODE_VERSION
    from fer_assets.weights.registry import find_weight

    name = embedder_name(workspace, partition)
    return Build(
        Place(FACE_EMBEDDINGS, partition),
        ASSET_TABLES[FACE_EMBEDDINGS],
        CODE_VERSION,
        weights={name: str(find_weight(name).sha256)},
    )


def _embeddings_units(workspace: Workspace, partition: str | None) -> list[Unit]:
    crops = parts(workspace, partition, FACE_CROPS, "face_crops")
    return [Unit(video_id, {"face crops": digest}) for video_id, digest in sorted(crops.items())]


def _embeddings_work(
    workspace: Workspace, partition: str | None, units: Sequence[Unit]
) -> Iterator[Output]:
    from fer_assets.compute.device import choose_device
    from fer_assets.compute.threads import network_callers
    from fer_assets.identities.embedding import embed_parts, load_embedder
    from fer_assets.weights.fetching import ensure

    name = embedder_name(workspace, partition)
    ensure(name, workspace.weights)
    device = choose_device()
    embedder = load_embedder(name, workspace.weights, device)
    crops = (
        (unit.key, workspace.data.part(FACE_CROPS, partition, "face_crops", unit.key))
        for unit in units
    )
    with closing(embed_parts(crops, embedder, network_callers(device))) as embedded:
        for video_id, embeddings in embedded:
            yield Output(video_id, {"face_embeddings": embeddings})


def _embeddings_summary(
    workspace: Workspace, partition: str | None, report: BuildReport
) -> Summary:
    name = embedder_name(workspace, partition)
    n_faces = report.manifest.rows("face_embeddings")
    return Summary(figures={"faces": n_faces, "embedder": name, **_ran_on(report)})


FACE_EMBEDDINGS_STEP = Step(
    asset=FACE_EMBEDDINGS,
    description="Identity feature of each face crop, L2-normalised.",
    deps=(FACE_CROPS,),
    build=_embeddings_build,
    units=_embeddings_units,
    work=_embeddings_work,
    summarise=_embeddings_summary,
    is_gpu_bound=True,
)


def _validation_build(workspace: Workspace, partition: str | None) -> Build:
    from fer_assets.faces import CODE_VERSION

    del workspace
    place = Place(DETECTION_VALIDATION, partition)
    return Build(place, ASSET_TABLES[DETECTION_VALIDATION], CODE_VERSION)


def _validation_units(workspace: Workspace, partition: str | None) -> list[Unit]:
    truth = challenge(workspace, partition).file(FACE_TRUTH_FILE)
    inputs = whole(workspace, partition, (FACE_CROPS, RAW_VIDEOS))
    return one_unit({**inputs, FACE_TRUTH_FILE: file_input(truth)})


def _validation_work(
    workspace: Workspace, partition: str | None, units: Sequence[Unit]
) -> Iterator[Output]:
    from fer_assets.faces.validation import BOX, PAPER, validate_detections

    del units
    data = workspace.data
    columns = ["video_id", "timestamp_ms", *BOX]
    counts = validate_detections(
        data.table(FACE_CROPS, partition, columns=columns),
        data.table(FACE_CROPS, partition, "frames"),
        face_truth(workspace, partition),
        paper=partition if partition is not None and partition in PAPER else "total",
    )
    yield Output(WHOLE, {"validation_counts": counts})


def _validation_summary(
    workspace: Workspace, partition: str | None, report: BuildReport
) -> Summary:
    del report
    return Summary(tables={"Table 1": workspace.data.table(DETECTION_VALIDATION, partition)})


DETECTION_VALIDATION_STEP = Step(
    asset=DETECTION_VALIDATION,
    description="The detector against face_truth.csv of the challenge: the paper's Table 1.",
    deps=(FACE_CROPS, RAW_VIDEOS),
    build=_validation_build,
    units=_validation_units,
    work=_validation_work,
    summarise=_validation_summary,
)
