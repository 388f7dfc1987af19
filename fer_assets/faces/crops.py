"""Rows of the face crop table from the faces of one frame.

Belongs here: a face's identifier, crop, quality and row. Does not belong here: finding faces
(`detector.py`), which frames and rotations count (`extraction.py`, `rotation.py`).
"""

from __future__ import annotations

from typing import Any

from fer_assets.faces.alignment import align
from fer_assets.faces.detections import Detections
from fer_assets.faces.quality import roll_deg, sharpness, yaw_ratio
from fer_assets.media.frames import Frame
from fer_assets.media.image_codec import encode_jpeg

Row = dict[str, Any]


def timestamp_ms(frame: Frame) -> int:
    """The frame's presentation time, rounded to milliseconds."""
    return round(1000 * frame.time_s)


def face_rows(video_id: str, target: Row, frame: Frame, found: Detections) -> list[Row]:
    """Rows of `FACE_CROPS` for one frame; one face per rounded box centre.

    Positions are given in the upright frame: the one that was searched, if the frame was turned.

    Args:
        video_id: the video.
        target: clip_id, prompt_id and expression of the frame.
        frame: the decoded frame.
        found: faces in the frame's own pixels.
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
