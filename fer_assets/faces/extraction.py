"""Sampled frames of a video to rows of the face crop and frame tables.

Belongs here: working through a video in bounded batches, and the rows' identifiers. Does not
belong here: which frames are sampled (`prompts/`), decoding them (`media/`), finding faces
(`detector.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import polars as pl

from fer_assets.compute.progress import track
from fer_assets.faces.alignment import align
from fer_assets.faces.detections import Detections
from fer_assets.faces.detector import FaceDetector
from fer_assets.faces.quality import roll_deg, sharpness, yaw_ratio
from fer_assets.faces.settings import FaceSettings
from fer_assets.media.frames import Frame
from fer_assets.media.image_codec import encode_jpeg
from fer_assets.storage.schemas.tiktokfer import FACE_CROPS, FRAMES

Row = dict[str, Any]


@dataclass(frozen=True)
class FaceTables:
    """What one video gives.

    Attributes:
        face_crops: conforms to `FACE_CROPS`.
        frames: conforms to `FRAMES`; a frame without a face has a row here only.
    """

    face_crops: pl.DataFrame
    frames: pl.DataFrame


def extract_faces(
    video_id: str,
    targets: pl.DataFrame,
    frames: Iterable[Frame],
    detector: FaceDetector,
    settings: FaceSettings,
) -> FaceTables:
    """Find, align and encode every face in the sampled frames of one video.

    A frame that is the nearest to several targets counts once, for the first of them. Memory
    holds `settings.frames_at_once` frames and the encoded crops.

    Args:
        video_id: the video's id.
        targets: clip_id, prompt_id, expression and time_s of each frame asked for.
        frames: decoded frames in order; `Frame.index` is the row of `targets`.
        detector: from `load_detector`.
        settings: how many frames are held at a time.

    Returns:
        Both tables, conformed. Detections in frames flagged as corrupt are kept; their frames
        say so.
    """
    rows = list(targets.iter_rows(named=True))
    crops: list[Row] = []
    seen: list[Row] = []
    reported = track(_distinct(frames), len(rows), "finding faces")
    while batch := list(islice(reported, settings.frames_at_once)):
        images = [frame.image for frame in batch]
        for frame, found in zip(batch, detector.detect(images), strict=True):
            target = rows[frame.index]
            faces = _face_rows(video_id, target, frame, found)
            crops.extend(faces)
            seen.append(
                {
                    "video_id": video_id,
                    "clip_id": target["clip_id"],
                    "timestamp_ms": timestamp_ms(frame),
                    "n_faces": len(faces),
                    "rotation_deg": found.rotation_deg,
                    "is_corrupt": frame.is_corrupt,
                }
            )
    return FaceTables(FACE_CROPS.frame(crops), FRAMES.frame(seen))


def timestamp_ms(frame: Frame) -> int:
    """The frame's presentation time, rounded to milliseconds."""
    return round(1000 * frame.time_s)


def _distinct(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Each presentation time once: frames that follow several close targets come repeatedly."""
    times: set[int] = set()
    for frame in frames:
        if timestamp_ms(frame) not in times:
            times.add(timestamp_ms(frame))
            yield frame


def _face_rows(video_id: str, target: Row, frame: Frame, found: Detections) -> list[Row]:
    """Rows of the face crop table for one frame; one face per rounded box centre.

    Positions are given in the upright frame: the one that was searched, if the frame was turned.
    """
    height, width = frame.image.shape[:2]
    crops = align(frame.image, found.landmarks)
    found = found.upright(height, width)
    if found.rotation_deg in (90, 270):
        height, width = width, height
    rows: dict[str, Row] = {}
    for place, crop in enumerate(crops):
        x0, y0, x1, y1 = found.boxes[place].tolist()
        centre_x = round(1000 * (x0 + x1) / 2 / width)
        centre_y = round(1000 * (y0 + y1) / 2 / height)
        face_id = f"{video_id}/{timestamp_ms(frame)}/{centre_x}-{centre_y}"
        if face_id in rows:
            continue
        landmarks = found.landmarks[place]
        rows[face_id] = {
            "face_id": face_id,
            "video_id": video_id,
            "clip_id": target["clip_id"],
            "prompt_id": target["prompt_id"],
            "expression": target["expression"],
            "timestamp_ms": timestamp_ms(frame),
            "x0_px": x0,
            "y0_px": y0,
            "x1_px": x1,
            "y1_px": y1,
            "detection_score": float(found.scores[place]),
            "landmarks_px": landmarks.ravel().tolist(),
            "rotation_deg": found.rotation_deg,
            "face_px": float(found.sizes[place]),
            "sharpness": sharpness(crop),
            "roll_deg": roll_deg(landmarks),
            "yaw_ratio": yaw_ratio(landmarks),
            "image": {"bytes": encode_jpeg(crop), "path": f"{face_id.replace('/', '_')}.jpg"},
        }
    return list(rows.values())
