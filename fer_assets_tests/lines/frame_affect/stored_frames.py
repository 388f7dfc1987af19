"""A made-up affect challenge whose assets up to the heads are stored: annotations, features, heads.

Annotations and features follow from the same hidden numbers, and heads are fitted to them by least
squares, so that scores are neither perfect nor chance; nothing here trains.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import polars as pl

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS
from fer_assets.frame_affect.heads.head import OUTPUTS, Head, head_bytes
from fer_assets.frame_affect.heads.specs import RunSpec
from fer_assets.frame_affect.heads.targets import read_targets
from fer_assets.lines.frame_affect.features import unit_key
from fer_assets.lines.frame_affect.names import (
    AFFECT_HEADS,
    ANNOTATED_FRAMES,
    EXPRESSION_BACKBONE,
    FRAME_FEATURES,
)
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output, rebuild
from fer_assets.storage.planning import Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.schemas.frame_affect import (
    AFFECT_HEADS as HEADS,
)
from fer_assets.storage.schemas.frame_affect import (
    AFFECT_VIDEOS,
    AU_THRESHOLDS,
    BACKBONES,
    FRAME_ANNOTATIONS,
    HEAD_VIDEOS,
    VIDEO_TASKS,
)
from fer_assets.storage.schemas.frame_affect import (
    ANNOTATED_FRAMES as FRAMES,
)
from fer_assets_tests.frame_affect.heads.material import (
    BACKBONE,
    annotations,
    features,
    latents,
    video_ids,
)

KEY = "affect"
N_FRAMES = 40
SETS = ("train", "train", "train", "validation", "validation", "validation", "test")
VIDEOS = dict(zip(video_ids(len(SETS)), SETS, strict=True))
NO_FACE = video_ids(len(SETS) + 1)[-1]
"""An annotated validation video in which no frame has a face."""
THRESHOLDS = np.linspace(0.3, 0.7, 12)
SETTINGS = """
[settings.affect]
backbones = ["affect-test"]
features = ["embeddings", "both"]
heads = ["linear"]
smoothing = "mean"
window = 5
"""


def gaps(video: str) -> list[int]:
    """Frames of a video in which no face was found: at both ends and inside."""
    first = int(video, 16) % 3
    return [*range(1, 2 + first), 11, 12, 20 + first, N_FRAMES]


def put(workspace: Workspace, asset: str, outputs: Iterable[Output], note: str = "") -> None:
    """Store an asset's units as they are; another note is another content's provenance."""
    by_key = {output.key: output for output in outputs}
    place = Place(asset, None if asset == EXPRESSION_BACKBONE else KEY)
    units = [Unit(key, {"made": f"up{note}{key}"}) for key in by_key]
    build = Build(place, ASSET_TABLES[asset], 1)
    rebuild(workspace.store, build, units, lambda due: [by_key[unit.key] for unit in due])


def hidden(video: str) -> np.ndarray:
    return latents(N_FRAMES, int(video, 16))


def said_of(video: str, tasks: Iterable[str]) -> pl.DataFrame:
    """Annotations of one video for tasks, every seventh frame left out."""
    rows = [FRAME_ANNOTATIONS.empty(), *(annotations(video, task, hidden(video)) for task in tasks)]
    return pl.concat(rows).filter(pl.col("frame") % 7 != 0)


def put_frames(workspace: Workspace, tasks: Iterable[str] = tuple(OUTPUTS)) -> None:
    """Annotated frames: every video is in the same set of all tasks."""
    tasks = tuple(tasks)
    put(workspace, ANNOTATED_FRAMES, [_frames(video, tasks) for video in [*VIDEOS, NO_FACE]])


def _frames(video: str, tasks: tuple[str, ...]) -> Output:
    own_set = VIDEOS.get(video, "validation")
    is_blind = video == NO_FACE
    said = FRAME_ANNOTATIONS.empty() if own_set == "test" else said_of(video, tasks)
    lost = list(range(1, N_FRAMES + 1)) if is_blind else gaps(video)
    counts = dict.fromkeys(("n_invalid", "n_not_finite", "n_beyond", "n_without_row"), 0)
    rows = [
        {
            "video_id": video,
            "task": task,
            "set": own_set,
            "status": "excluded" if is_blind else "used",
            "reason": "no annotated frame has a crop" if is_blind else None,
            "n_rows": N_FRAMES,
            "n_annotated": 0 if own_set == "test" else N_FRAMES - N_FRAMES // 7,
            "n_usable": 0 if own_set == "test" or is_blind else N_FRAMES - len(lost),
            **counts,
        }
        for task in tasks
    ]
    known = {
        "video_id": video,
        "path": f"cropped_aligned/{video}",
        "name": f"video-{int(video, 16)}",
        "uploader_id": None,
        "kind": "crops",
        "status": "quarantined" if is_blind else "accepted",
        "reason": "no task can use it" if is_blind else None,
        "n_frames": N_FRAMES,
        "n_crops": N_FRAMES - len(lost),
        "frame_rate_hz": None,
    }
    crops = [
        {
            "face_id": f"{video}/frame-{frame}",
            "video_id": video,
            "frame": frame,
            "time_s": None,
            "file": f"{video}/{frame:05d}.jpg",
            "detection_score": None,
            "image": None,
        }
        for frame in range(1, N_FRAMES + 1)
        if frame not in lost
    ]
    tables = {"affect_videos": AFFECT_VIDEOS.frame([known]), "video_tasks": VIDEO_TASKS.frame(rows)}
    if is_blind:
        return Output(video, tables, status="quarantined", reason="no task can use it")
    tables |= {"annotated_frames": FRAMES.frame(crops), "frame_annotations": said}
    return Output(video, tables)


def put_features(workspace: Workspace, but: str = "") -> None:
    """Features of every crop; none of the video `but`, whose crops could not be decoded."""
    outputs = []
    for video in VIDEOS:
        rows = features(video, hidden(video)).filter(~pl.col("frame").is_in(gaps(video)))
        outputs.append(
            Output(
                unit_key(video, BACKBONE),
                {"frame_features": rows.clear() if video == but else rows},
            )
        )
    put(workspace, FRAME_FEATURES, outputs, but)


def fitted(task: str, what: str, videos: Iterable[str]) -> Head:
    """A linear head by least squares on some videos."""
    inputs, wanted = [], []
    for video in videos:
        said = annotations(video, task, hidden(video))
        seen = features(video, hidden(video))
        parts = {"embeddings": ["embedding"], "both": ["embedding", "scores"]}[what]
        inputs.append(np.hstack([np.array(seen[name].to_list()) for name in parts]))
        targets = read_targets(task, said)
        expression = 4.0 * np.eye(8)[targets.expression] if task in ("EXPR", "MTL") else None
        affect = np.arctanh(np.clip(targets.affect, -0.99, 0.99)) if task in ("VA", "MTL") else None
        units = 4.0 * targets.action_units - 2 if task in ("AU", "MTL") else None
        wanted.append(np.hstack([p for p in (expression, affect, units) if p is not None]))
    x = np.hstack([np.vstack(inputs), np.ones((sum(map(len, inputs)), 1))])
    solved, *_ = np.linalg.lstsq(x, np.vstack(wanted), rcond=None)
    layer = (solved[:-1].T.astype(np.float32), solved[-1].astype(np.float32))
    thresholds = THRESHOLDS if task in ("AU", "MTL") else None
    return Head(task, what, (layer,), thresholds)  # type: ignore[arg-type]


def put_heads(workspace: Workspace, tasks: Iterable[str] = tuple(OUTPUTS)) -> None:
    """Heads of every protocol on embeddings and both; the final ones only of embeddings."""
    train = [video for video, own in VIDEOS.items() if own == "train"]
    both = [video for video, own in VIDEOS.items() if own != "test"]
    learned: Mapping[str, list[str]] = {"held-out": train[:2], "paper": train, "final": both}
    outputs = []
    for task in tasks:
        for what in ("embeddings", "both"):
            for protocol, videos in learned.items():
                spec = RunSpec(task, BACKBONE, what, "linear", protocol)  # type: ignore[arg-type]
                outputs.append(_head(spec, videos, train[2:] if protocol == "held-out" else []))
    put(workspace, AFFECT_HEADS, outputs)


def _head(spec: RunSpec, train: list[str], dev: list[str]) -> Output:
    head = fitted(spec.task, spec.features, train)
    row = {
        "run": spec.name,
        "task": spec.task,
        "backbone": spec.backbone,
        "features": spec.features,
        "head": spec.head,
        "protocol": spec.protocol,
        "seed": 0,
        "n_inputs": head.n_inputs,
        "n_train": len(train) * N_FRAMES,
        "n_dev": len(dev) * N_FRAMES,
        "best_epoch": 0,
        "dev_score": None,
    }
    thresholds = (
        []
        if head.thresholds is None
        else [
            {"run": spec.name, "action_unit": unit, "threshold": float(threshold), "f1": 0.5}
            for unit, threshold in zip(AFFECT_ACTION_UNITS, THRESHOLDS, strict=True)
        ]
    )
    videos = [
        {"run": spec.name, "video_id": video, "part": part, "n_frames": N_FRAMES}
        for part, found in (("train", train), ("dev", dev))
        for video in found
    ]
    tensors, card = head_bytes(head)
    return Output(
        spec.name,
        {
            "affect_heads": HEADS.frame([row]),
            "au_thresholds": AU_THRESHOLDS.frame(thresholds),
            "head_videos": HEAD_VIDEOS.frame(videos),
        },
        {f"{spec.name}.safetensors": tensors, f"{spec.name}.json": card},
    )


def put_backbone(workspace: Workspace, architecture: str) -> None:
    """The row of the backbone; its network is nowhere needed."""
    row = {
        "backbone": BACKBONE,
        "architecture": architecture,
        "image_px": 224,
        "n_parameters": 1,
        "n_embedding": 24,
        "classes": [],
        "weights": "made up",
        "licence": "none",
        "sha256": "0" * 64,
        "n_identities": 0,
        "n_identity_images": 0,
        "n_expression_images": 0,
        "identity_accuracy": None,
        "expression_accuracy": None,
        "paper_accuracy": None,
    }
    put(workspace, EXPRESSION_BACKBONE, [Output(BACKBONE, {"backbones": BACKBONES.frame([row])})])


def affect_workspace(root: Path, architecture: str = "tf_efficientnet_b0") -> Workspace:
    """A workspace whose challenge `KEY` has everything up to its heads."""
    folder = root / "challenges" / KEY
    (folder / "annotations").mkdir(parents=True)
    (folder / "challenge.toml").write_text(f'name = "Made up"\nkind = "affect"\n{SETTINGS}')
    workspace = open_workspace(root)
    put_frames(workspace)
    put_features(workspace)
    put_backbone(workspace, architecture)
    put_heads(workspace)
    return workspace
