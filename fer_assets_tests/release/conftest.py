"""One small challenge as the tables a release is made of."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest

from fer_assets.media.image_codec import encode_jpeg
from fer_assets.release.notice_marks import NOTICES_END, NOTICES_START
from fer_assets.release.publishing import Publication
from fer_assets.storage.schemas.tiktokfer import (
    CROWD_LABELS,
    DATASET_RELEASE,
    DEMOGRAPHICS,
    FACE_CROPS,
    FRAMES,
    IDENTITY_CLUSTERS,
    RAW_VIDEOS,
)
from fer_assets.storage.store import LocalStore

NAMES = ("angry", "kiss", "sad")


@dataclass(frozen=True)
class Tables:
    raw_videos: pl.DataFrame
    frames: pl.DataFrame
    face_crops: pl.DataFrame
    clusters: pl.DataFrame
    labels: pl.DataFrame
    demographics: pl.DataFrame


def make_tables(n_people: int = 6) -> Tables:
    """Each person: one video, 6 frames with a face: face 0 is a copy, face 1 no face, 2 unlabelled.

    A seventh frame has no face; one more video is quarantined; person 5 is excluded.
    """
    videos, frames, crops, clusters, labels, people = [], [], [], [], [], []
    for p in range(n_people):
        video, person = f"{p:016x}", f"id{p:02d}"
        videos.append(
            {
                "video_id": video,
                "path": f"{p}.mp4",
                "sha256": "0",
                "size_bytes": 1,
                "status": "accepted",
            }
        )
        clip = f"{video}/kiss/0"
        people.append(
            {
                "identity_id": person,
                "skin_tone": "V",
                "gender": "woman",
                "is_consistent": True,
                "is_simulated": True,
            }
        )
        for i in range(7):
            frames.append(
                {
                    "video_id": video,
                    "clip_id": clip,
                    "timestamp_ms": 500 * i,
                    "n_faces": int(i < 6),
                    "rotation_deg": 0,
                    "is_corrupt": False,
                }
            )
        for i in range(6):
            face = f"{video}/{500 * i}/500-500"
            expression = NAMES[i % 3]
            crops.append(
                {
                    "face_id": face,
                    "video_id": video,
                    "clip_id": clip,
                    "prompt_id": "x",
                    "expression": expression,
                    "timestamp_ms": 500 * i,
                    "x0_px": 0.0,
                    "y0_px": 0.0,
                    "x1_px": 9.0,
                    "y1_px": 9.0,
                    "detection_score": 0.9,
                    "landmarks_px": [0.0] * 10,
                    "rotation_deg": 0,
                    "face_px": 9.0,
                    "sharpness": 1.0,
                    "roll_deg": 0.0,
                    "yaw_ratio": 0.0,
                    "image": {"bytes": face.encode(), "path": f"{p}-{i}.jpg"},
                }
            )
            clusters.append(
                {
                    "face_id": face,
                    "video_id": video,
                    "track_id": f"{video}/0",
                    "identity_id": person,
                    "is_duplicate": i == 0,
                    "duplicate_of": "other" if i == 0 else None,
                    "cohesion": 0.9,
                    "is_excluded": p == 5,
                }
            )
            if i > 0:
                labels.append(
                    {
                        "face_id": face,
                        "video_id": video,
                        "identity_id": person,
                        "is_face": i != 1,
                        "label": None if i <= 2 else expression,
                        "soft_label": [{"expression": expression, "prob": 1.0}],
                        "n_answers": 5,
                        "agreement": 0.8,
                        "is_simulated": False,
                    }
                )
    videos.append(
        {
            "video_id": "f" * 16,
            "path": "bad.mp4",
            "sha256": "1",
            "size_bytes": 1,
            "status": "quarantined",
            "reason": "no picture",
        }
    )
    return Tables(
        RAW_VIDEOS.frame(videos), FRAMES.frame(frames), FACE_CROPS.frame(crops),
        IDENTITY_CLUSTERS.frame(clusters), CROWD_LABELS.frame(labels), DEMOGRAPHICS.frame(people),
    )  # fmt: skip


@pytest.fixture(scope="session")
def tables() -> Tables:
    return make_tables()


def picture(seed: int, quality: int = 95, px: int = 224) -> bytes:
    """A smooth random picture as JPEG; another quality is another file of the same picture."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (24, 24, 3)).astype(np.uint8)
    smooth = cv2.resize(coarse, (px, px), interpolation=cv2.INTER_CUBIC)
    return encode_jpeg(smooth, quality)


def make_release(n_people: int = 6, n_faces: int = 5, first: int = 0) -> pl.DataFrame:
    """One video a person, every face its own picture; the last face has no label."""
    names, splits = ("angry", "kiss", "sad"), ("train", "train", "val", "test")
    rows = []
    for p in range(first, first + n_people):
        video = f"{p:016x}"
        for i in range(n_faces):
            face, expression = f"{video}/{500 * i}/500-500", names[(p + i) % 3]
            is_last = i == n_faces - 1
            rows.append(
                {
                    "face_id": face,
                    "video_id": video,
                    "clip_id": f"{video}/{expression}/0",
                    "identity_id": f"id{p:02d}",
                    "split": splits[p % 4],
                    "prompt": expression,
                    "label": None if is_last else expression,
                    "soft_label": []
                    if is_last
                    else [
                        {"expression": expression, "prob": 0.75},
                        {"expression": "wink", "prob": 0.25},
                    ],
                    "agreement": 0.75,
                    "skin_tone": ("II", "V")[p % 2],
                    "age_group": "adult" if p else None,
                    "gender": "woman",
                    "is_simulated": False,
                    "image": {"bytes": picture(100 * p + i), "path": f"{p}-{i}.jpg"},
                }
            )
    return DATASET_RELEASE.frame(rows)


@pytest.fixture(scope="session")
def faces() -> pl.DataFrame:
    return make_release()


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "root")


def publication(**changed: object) -> Publication:
    given = {
        "key": "face-challenge",
        "title": "Face <b>Challenge</b>",
        "published_on": datetime.date(2026, 3, 1),
        "classes": ("angry", "kiss", "sad"),
        "ekman": ("angry", "sad"),
        "creator": "A Lab",
        "licence": "CC-BY-4.0",
        "terms": {"videos, source": "rendered"},
        "documents": {
            "dataset_card.md": f"# Card\n\n{NOTICES_START}\n{NOTICES_END}\n".encode(),
            "dataset_card.html": f"<h1>Card</h1>{NOTICES_START}{NOTICES_END}".encode(),
            "people.png": b"png",
        },
    }
    return Publication(**{**given, **changed})
