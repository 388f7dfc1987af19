"""Predictions as a table: one row per face, frame without a face, and file that can't be used.

Belongs here: the columns and filling them. Does not belong here: the values (`predictor.py`), the
files they are written to (`runs.py`).

| column | unit, range | meaning |
| --- | --- | --- |
| source | | the file, as a path below the folder that was given |
| status | face, interpolated, no face, unusable | what the row stands for |
| reason | | why a file can't be used (`media/reasons.py`) |
| frame | from 0 | number among the frames of the file that were looked at |
| time_s | s | presentation time from the container's start; null for a picture |
| is_corrupt | | the decoder flagged damage in the frame |
| track | from 0 | the same face of a file over time has one number |
| x0_px, y0_px, x1_px, y1_px | px | box in the picture as it is displayed, from its top left edge |
| detection_score | [0, 1] | confidence of the detector; null where interpolated |
| rotation_deg | 0, 90, 180, 270 | how far the frame was turned counter-clockwise for it; likewise |
| expression, prob | [0, 1] | the most probable class |
| prob_CLASS | [0, 1] | probability of each class; they sum to 1 |
| valence, arousal | [-1, 1] | with an affect model: negative to positive, passive to active |
| prob_AU01, … | [0, 1] | with an affect model: probability of the action unit |
| AU01, … | | whether it is present: its probability reaches the head's threshold for it |

An interpolated row stands for a frame in which a face was not found although its track goes on:
box and values lie on the lines between the sightings around it. Values are smoothed, if that was
asked for, before anything is decided by them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from fer_assets.inference.measures import Columns
from fer_assets.inference.results import FacePrediction, FilePrediction, FramePrediction
from fer_assets.inference.value_layout import ValueLayout, presences

_FIXED: dict[str, Any] = {
    "source": pl.String,
    "status": pl.String,
    "reason": pl.String,
    "frame": pl.Int32,
    "time_s": pl.Float64,
    "is_corrupt": pl.Boolean,
    "track": pl.Int32,
    "x0_px": pl.Float32,
    "y0_px": pl.Float32,
    "x1_px": pl.Float32,
    "y1_px": pl.Float32,
    "detection_score": pl.Float32,
    "rotation_deg": pl.Int32,
    "expression": pl.String,
    "prob": pl.Float32,
}


def table_schema(layout: ValueLayout) -> dict[str, Any]:
    """Columns and dtypes of the table; values that are no probabilities keep their own names."""
    decided = [name for _, group in _presences(layout) for name in group.names]
    return (
        _FIXED
        | dict.fromkeys(_value_columns(layout), pl.Float32)
        | dict.fromkeys(decided, pl.Boolean)
    )


def prediction_table(
    found: FilePrediction, layout: ValueLayout, *, is_picture: bool
) -> pl.DataFrame:
    """The rows of one file.

    Args:
        found: its prediction.
        layout: of the predictor's values.
        is_picture: it has no time.

    Returns:
        A polars frame of `table_schema`.
    """
    if found.error is not None:
        rows = [{"source": found.name, "status": "unusable", "reason": found.error.reason}]
        return pl.DataFrame(rows, schema=table_schema(layout))
    names = _value_columns(layout)
    rows = []
    for frame in found.frames:
        shared = _frame_row(found.name, frame, is_picture)
        rows += [shared | _face_row(face, layout, names) for face in frame.faces]
        if not frame.faces:
            rows.append(shared)
    return pl.DataFrame(rows, schema=table_schema(layout))


def _presences(layout: ValueLayout) -> list[tuple[slice, Columns]]:
    return [(span, group) for span, group in layout.spans() if group.kind == "presence"]


def _value_columns(layout: ValueLayout) -> list[str]:
    return [
        name if group.kind == "value" else f"prob_{name}"
        for group in layout.groups
        for name in group.names
    ]


def _frame_row(name: str, frame: FramePrediction, is_picture: bool) -> dict[str, Any]:
    return {
        "source": name,
        "status": "no face",
        "frame": frame.frame,
        "time_s": None if is_picture else frame.time_s,
        "is_corrupt": frame.is_corrupt,
    }


def _face_row(face: FacePrediction, layout: ValueLayout, names: Sequence[str]) -> dict[str, Any]:
    box = dict(zip(("x0_px", "y0_px", "x1_px", "y1_px"), face.box.tolist(), strict=True))
    row = {
        "status": "interpolated" if face.is_filled else "face",
        "track": face.track,
        **box,
        "detection_score": None if face.is_filled else face.detection_score,
        "rotation_deg": None if face.is_filled else face.rotation_deg,
        "expression": face.expression or None,
        "prob": face.prob if face.expression else None,
        **dict(zip(names, face.values.tolist(), strict=True)),
    }
    for span, group in _presences(layout):
        row |= zip(group.names, presences(face.values[span], group.thresholds), strict=True)
    return row
