"""Truth files of a challenge: who and what is really in some of its videos.

Belongs here: reading `identity_truth.csv` and `face_truth.csv`, and finding their videos.
Does not belong here: comparing anything with them.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from fer_assets.errors import FerError
from fer_assets.lines.tiktokfer.inputs import challenge
from fer_assets.lines.tiktokfer.names import FACE_EMBEDDINGS, RAW_VIDEOS
from fer_assets.lines.workspace import Workspace

IDENTITY_TRUTH_FILE = "identity_truth.csv"
FACE_TRUTH_FILE = "face_truth.csv"

_BOX = ("x0_px", "y0_px", "x1_px", "y1_px")


def face_truth(workspace: Workspace, partition: str | None) -> pl.DataFrame:
    """True faces of some frames: video_id, timestamp_ms and the box, null for "no face here".

    The file's columns are file, time_s, x0_px, y0_px, x1_px, y1_px; without it there are no rows.

    Raises:
        FerError: a column is missing or a value is no number.
    """
    path = challenge(workspace, partition).file(FACE_TRUTH_FILE)
    schema = {"video_id": pl.String, "timestamp_ms": pl.Int64, **dict.fromkeys(_BOX, pl.Float64)}
    if path is None:
        return pl.DataFrame(schema=schema)
    rows = _read(path, {"time_s": pl.Float64, **dict.fromkeys(_BOX, pl.Float64)})
    timestamp = (pl.col("time_s") * 1000).round().cast(pl.Int64).alias("timestamp_ms")
    found = rows.join(_videos(workspace, partition), on="file").with_columns(timestamp)
    return found.select(*schema)


def identity_truth(workspace: Workspace, partition: str | None) -> pl.DataFrame:
    """Faces of known people: face_id, person. The file's columns are file, person.

    A file with several people in it is left out: its faces can't be told apart by file.

    Raises:
        FerError: a column is missing.
    """
    path = challenge(workspace, partition).file(IDENTITY_TRUTH_FILE)
    if path is None:
        return pl.DataFrame(schema={"face_id": pl.String, "person": pl.String})
    rows = _read(path, {"person": pl.String}).unique(["file", "person"])
    single = rows.filter(pl.col("file").is_unique())
    faces = workspace.data.table(FACE_EMBEDDINGS, partition).select("face_id", "video_id")
    videos = single.join(_videos(workspace, partition), on="file").select("video_id", "person")
    known = faces.join(videos.unique("video_id", keep="first"), on="video_id")
    return known.select("face_id", "person").sort("face_id")


def _videos(workspace: Workspace, partition: str | None) -> pl.DataFrame:
    rows = workspace.data.table(RAW_VIDEOS, partition)
    return rows.select(pl.col("path").alias("file"), "video_id")


def _read(path: Path, columns: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    wanted: dict[str, type[pl.DataType]] = {"file": pl.String, **columns}
    try:
        frame = pl.read_csv(path, infer_schema=False)
        return frame.select(pl.col(name).cast(dtype) for name, dtype in wanted.items())
    except pl.exceptions.PolarsError as error:
        raise FerError(
            str(path), expected=f"columns {', '.join(wanted)}", found=str(error).splitlines()[0]
        ) from error
