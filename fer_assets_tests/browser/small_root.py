"""A root with a few dozen drawn faces, made in well under two seconds: no video, no network.

What is asked about in the review, by construction (threshold 0.60):

- person 0 in videos 0 to 2, and in video 3 an identity that is nearly person 0: merge?
- person 1 in videos 4 and 5; one of its faces is drawn from person 2: belongs?
- person 2 in videos 6 and 7
- a single drawn square in video 8: is it a face?
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.challenges.vocabulary import EKMAN
from fer_assets.lines.tiktokfer import names
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets.media.image_codec import encode_jpeg
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output, rebuild
from fer_assets.storage.planning import WHOLE, Build, Unit
from fer_assets.storage.schemas import tiktokfer as t
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets_tests.labels.page.roots import silence

KEY = "drawn-faces"
THRESHOLD = 0.60
LONE = "id-square"
RUDE = '<img src=x onerror="alert(1)">=1+1'
_SKINS = ((224, 184, 150), (150, 100, 70), (245, 215, 190), (180, 180, 180), (120, 120, 130))


def make_root(folder: Path, n_videos: int = 9) -> Workspace:
    """A challenge up to labelling tasks, and a few labels to look at; the first videos of it."""
    workspace = open_workspace(folder)
    workspace.catalog.new(KEY, "Drawn Faces", EKMAN, sounds=dict.fromkeys(EKMAN, silence()))
    faces = _faces(n_videos)
    by_video = {str(k[0]): rows for k, rows in faces.group_by("video_id", maintain_order=True)}
    crops = {video: {"face_crops": _crops(rows)} for video, rows in by_video.items()}
    publish(workspace, names.FACE_CROPS, crops)
    embeddings = {v: {"face_embeddings": _embeddings(rows)} for v, rows in by_video.items()}
    publish(workspace, names.FACE_EMBEDDINGS, embeddings)
    publish_identities(workspace, faces)
    publish(workspace, names.CROWD_LABELS, {WHOLE: {"suspect_labels": _suspects(faces)}})
    publish(workspace, names.CROWD_ANSWERS, {WHOLE: {"answer_flags": _remarks(faces)}})
    publish_tasks(workspace)
    return workspace


def publish_tasks(workspace: Workspace) -> None:
    """Labelling tasks of the faces that are there."""
    from fer_assets.lines.step import run_step
    from fer_assets.lines.tiktokfer.tasks import LABELLING_TASKS_STEP

    run_step(LABELLING_TASKS_STEP, workspace, KEY)


def publish_identities(workspace: Workspace, faces: pl.DataFrame) -> None:
    """The clustering of these faces."""
    clusters = faces.select(
        "face_id",
        "video_id",
        track_id=pl.col("video_id") + "/0",
        identity_id="identity_id",
        is_duplicate=pl.lit(value=False),
        duplicate_of=pl.lit(None, pl.String),
        cohesion=_cohesion(faces),
        is_excluded=pl.lit(value=False),
    )
    curve = pl.DataFrame(
        [{"step": "across_videos", "threshold": THRESHOLD, "fold": -1, "ari": None,
          "is_chosen": True}],
        schema=t.THRESHOLD_CURVE.dtypes,
    )  # fmt: skip
    publish(
        workspace,
        names.IDENTITY_CLUSTERS,
        {WHOLE: {"identity_clusters": clusters, "threshold_curve": curve}},
    )


def publish(
    workspace: Workspace,
    asset: str,
    units: Mapping[str, Mapping[str, pl.DataFrame]],
    partition: str | None = KEY,
) -> None:
    """Put an asset's tables there, by unit."""
    schemas = ASSET_TABLES[asset]
    # Every call is a new input, so that tables can be replaced.
    drawn = str(len(workspace.store.list(Place(asset, partition).folder)))
    wanted = [Unit(key, {"drawn": drawn}) for key in units]
    rebuild(
        workspace.store,
        Build(Place(asset, partition), schemas, code_version=1),
        wanted,
        lambda due: (Output(unit.key, units[unit.key]) for unit in due),
    )


def _faces(n_videos: int) -> pl.DataFrame:
    """face_id, video_id, timestamp_ms, person (as drawn), identity_id, feature."""
    rng = np.random.default_rng(4)
    centres = np.eye(32, dtype=np.float64)[:5]
    # Person 3 is drawn like person 0 and stands 0.55 away from it: just below the threshold.
    centres[3] = 0.55 * centres[0] + np.sqrt(1 - 0.55**2) * centres[3]
    owners = [0, 0, 0, 3, 1, 1, 2, 2, 4][:n_videos]
    rows = []
    for number, owner in enumerate(owners):
        video = f"{number:016x}"
        for shot in range(1 if owner == 4 else 4):
            person = 2 if (number, shot) == (4, 2) else owner
            feature = centres[person] + 0.05 * rng.standard_normal(32)
            rows.append(
                {
                    "face_id": f"{video}/{500 * shot}/500-{400 + shot}",
                    "video_id": video,
                    "timestamp_ms": 500 * shot,
                    "person": person,
                    "identity_id": LONE if owner == 4 else f"id-{owner:04d}",
                    "feature": (feature / np.linalg.norm(feature)).tolist(),
                }
            )
    return pl.DataFrame(rows)


def _cohesion(faces: pl.DataFrame) -> pl.Series:
    features = np.array(faces["feature"].to_list())
    videos, owners = faces["video_id"].to_list(), faces["identity_id"].to_list()
    found = []
    for at, feature in enumerate(features):
        own = [k for k, owner in enumerate(owners) if owner == owners[at] and k != at]
        rest = [k for k in own if videos[k] != videos[at]] or own
        mean = features[rest].mean(axis=0) if rest else feature
        found.append(float(feature @ mean / np.linalg.norm(mean)))
    return pl.Series("cohesion", np.clip(found, -1, 1), dtype=pl.Float32)


def _crops(faces: pl.DataFrame) -> pl.DataFrame:
    rows = [
        {
            "face_id": row["face_id"],
            "video_id": row["video_id"],
            "clip_id": f"{row['video_id']}/{EKMAN[at % 5]}/0",
            "prompt_id": EKMAN[at % 5],
            "expression": EKMAN[at % 5],
            "timestamp_ms": row["timestamp_ms"],
            **dict.fromkeys(("x0_px", "y0_px"), 0.0),
            **dict.fromkeys(("x1_px", "y1_px", "face_px"), 100.0),
            "detection_score": 0.99,
            "landmarks_px": [0.0] * 10,
            "rotation_deg": 0,
            "sharpness": 100.0,
            "roll_deg": 0.0,
            "yaw_ratio": 0.0,
            "image": {"bytes": encode_jpeg(_draw(row["person"], at)), "path": f"{at}.jpg"},
        }
        for at, row in enumerate(faces.to_dicts())
    ]
    return pl.DataFrame(rows, schema=t.FACE_CROPS.dtypes)


def _embeddings(faces: pl.DataFrame) -> pl.DataFrame:
    return faces.select(
        "face_id",
        "video_id",
        "timestamp_ms",
        embedder=pl.lit("drawn"),
        embedding=pl.col("feature").cast(pl.List(pl.Float32)),
    )


def _suspects(faces: pl.DataFrame) -> pl.DataFrame:
    return faces.head(3).select(
        "face_id",
        "video_id",
        cause=pl.lit("low agreement"),
        label=pl.lit("angry"),
        suggestion=pl.lit("disgust"),
        score=pl.lit(0.2),
    )


def _remarks(faces: pl.DataFrame) -> pl.DataFrame:
    """A worker passed a face over, with words that are more than words."""
    return (
        faces.head(1)
        .select("face_id", "video_id")
        .with_columns(
            task_id=pl.lit("t"),
            worker_id=pl.lit("w"),
            kind=pl.lit("skip"),
            reason=pl.lit("other"),
            comment=pl.lit(RUDE),
            is_simulated=pl.lit(value=False),
        )
    )


def _draw(person: int, mood: int) -> NDArray[np.uint8]:
    image = np.full((224, 224, 3), 120 + 20 * person, np.uint8)
    if person == 4:
        cv2.rectangle(image, (60, 60), (160, 160), (60, 70, 80), -1)
        return image
    skin = _SKINS[0 if person == 3 else person]
    cv2.ellipse(image, (112, 115), (70, 90), 0, 0, 360, skin, -1)
    for x in (85, 139):
        cv2.circle(image, (x, 95), 9, (30, 30, 40), -1)
    cv2.ellipse(image, (112, 160), (30, 4 + 5 * (mood % 4)), 0, 0, 180, (150, 40, 50), 4)
    return image
