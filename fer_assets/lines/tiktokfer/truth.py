"""Truth files of a challenge: who and what is really in some of its videos.

Belongs here: reading `identity_truth.csv` and `face_truth.csv`, and finding their videos.
Does not belong here: comparing anything with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import polars as pl

from fer_assets.errors import FerError
from fer_assets.lines.inputs import challenge
from fer_assets.lines.tiktokfer.names import FACE_CROPS, FACE_EMBEDDINGS, RAW_VIDEOS
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
    """Faces of known people: face_id, person.

    The file's columns are file, person and, if wanted, time_s, x_px, y_px: near that time, and the
    face whose box holds that point. Without them a row speaks of all faces of the file. A face of
    which rows of several people speak is left out, as in a file with two people and no places.

    Raises:
        FerError: a column is missing or a value is no number.
    """
    from fer_assets.identities.validation import truth_faces

    path = challenge(workspace, partition).file(IDENTITY_TRUTH_FILE)
    if path is None:
        return pl.DataFrame(schema={"face_id": pl.String, "person": pl.String})
    places = dict.fromkeys(("time_s", "x_px", "y_px"), pl.Float64)
    rows = _read(path, {"person": pl.String}, places).join(_videos(workspace, partition), on="file")
    milliseconds = (pl.col("time_s") * 1000).round().cast(pl.Int64)
    columns = ["face_id", "video_id", "timestamp_ms"]
    source = FACE_EMBEDDINGS
    if rows["x_px"].count() + rows["y_px"].count():
        source, columns = FACE_CROPS, [*columns, *_BOX]
    return truth_faces(
        rows.with_columns(timestamp_ms=milliseconds),
        workspace.data.table(source, partition, columns=columns),
    )


def _videos(workspace: Workspace, partition: str | None) -> pl.DataFrame:
    rows = workspace.data.table(RAW_VIDEOS, partition)
    return rows.select(pl.col("path").alias("file"), "video_id")


def _read(
    path: Path,
    columns: dict[str, type[pl.DataType]],
    optional: Mapping[str, type[pl.DataType]] = MappingProxyType({}),
) -> pl.DataFrame:
    wanted: dict[str, type[pl.DataType]] = {"file": pl.String, **columns}
    try:
        frame = pl.read_csv(path, infer_schema=False)
        absent = [pl.lit(None, t).alias(n) for n, t in optional.items() if n not in frame.columns]
        frame = frame.with_columns(absent)
        return frame.select(pl.col(name).cast(t) for name, t in {**wanted, **optional}.items())
    except pl.exceptions.PolarsError as error:
        raise FerError(
            str(path), expected=f"columns {', '.join(wanted)}", found=str(error).splitlines()[0]
        ) from error
