"""A root with many labelling tasks and drawn faces, for the load on the labelling page.

Belongs here: making it. Does not belong here: the load (`labelling_load.py`).
"""

from __future__ import annotations

import io
import wave
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import polars as pl

from fer_assets.challenges.vocabulary import EKMAN
from fer_assets.lines.step import run_step
from fer_assets.lines.tiktokfer import names
from fer_assets.lines.tiktokfer.tasks import LABELLING_TASKS_STEP
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets.media.image_codec import encode_jpeg
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output, rebuild
from fer_assets.storage.planning import WHOLE, Build, Unit
from fer_assets.storage.schemas import tiktokfer as t
from fer_assets.storage.schemas.catalog import ASSET_TABLES

KEY = "load"
_FACES_PER_VIDEO = 20
_PICTURES = 64


def make_root(folder: Path, n_faces: int) -> Workspace:
    """A challenge of `n_faces` faces in videos of 20, a person in two videos, up to its tasks."""
    workspace = open_workspace(folder)
    workspace.catalog.new(KEY, "Load", EKMAN, sounds=dict.fromkeys(EKMAN, _silence()))
    pictures = [_picture(seed) for seed in range(_PICTURES)]
    numbers = range(n_faces)
    faces = pl.DataFrame(
        {
            "face_id": [f"{k // _FACES_PER_VIDEO:016x}/{k}/500-500" for k in numbers],
            "video_id": [f"{k // _FACES_PER_VIDEO:016x}" for k in numbers],
            "identity_id": [f"id-{k // (2 * _FACES_PER_VIDEO):05d}" for k in numbers],
            "timestamp_ms": list(numbers),
            "picture": [k % _PICTURES for k in numbers],
        },
        schema_overrides={"timestamp_ms": pl.Int64},
    )
    parts = {
        str(key[0]): {"face_crops": _crops(rows, pictures)}
        for key, rows in faces.group_by("video_id", maintain_order=True)
    }
    _publish(workspace, names.FACE_CROPS, parts)
    clusters = faces.select(
        "face_id",
        "video_id",
        track_id=pl.col("video_id") + "/0",
        identity_id="identity_id",
        is_duplicate=pl.lit(value=False),
        duplicate_of=pl.lit(None, pl.String),
        cohesion=pl.lit(0.9, pl.Float32),
        is_excluded=pl.lit(value=False),
    )
    _publish(workspace, names.IDENTITY_CLUSTERS, {WHOLE: {"identity_clusters": clusters}})
    run_step(LABELLING_TASKS_STEP, workspace, KEY)
    return workspace


def _publish(
    workspace: Workspace, asset: str, units: Mapping[str, Mapping[str, pl.DataFrame]]
) -> None:
    rebuild(
        workspace.store,
        Build(Place(asset, KEY), ASSET_TABLES[asset], code_version=1),
        [Unit(key, {"drawn": "1"}) for key in units],
        lambda due: (Output(unit.key, units[unit.key]) for unit in due),
    )


def _crops(faces: pl.DataFrame, pictures: list[bytes]) -> pl.DataFrame:
    fixed: dict[str, object] = {
        **dict.fromkeys(("x0_px", "y0_px", "roll_deg", "yaw_ratio"), 0.0),
        **dict.fromkeys(("x1_px", "y1_px", "face_px", "sharpness"), 100.0),
        "prompt_id": EKMAN[0],
        "expression": EKMAN[0],
        "detection_score": 0.99,
        "landmarks_px": [0.0] * 10,
        "rotation_deg": 0,
    }
    rows = [
        {
            **fixed,
            "face_id": face,
            "video_id": video,
            "clip_id": f"{video}/{EKMAN[0]}/0",
            "timestamp_ms": time,
            "image": {"bytes": pictures[picture], "path": f"{time}.jpg"},
        }
        for face, video, time, picture in faces.select(
            "face_id", "video_id", "timestamp_ms", "picture"
        ).iter_rows()
    ]
    return pl.DataFrame(rows, schema=t.FACE_CROPS.dtypes)


def _picture(seed: int) -> bytes:
    """A JPEG of about the size that crops have."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (56, 56, 3), dtype=np.uint8)
    image = cv2.resize(coarse, (224, 224), interpolation=cv2.INTER_CUBIC)
    return encode_jpeg(np.asarray(image, np.uint8))


def _silence() -> bytes:
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(bytes(3200))
    return data.getvalue()
