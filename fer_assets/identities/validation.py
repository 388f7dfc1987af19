"""Identities held against truth files.

Belongs here: joining truth to faces, the paper's validation protocol, the counts. Does not belong
here: the adjusted Rand index itself (`metrics/clustering.py`), choosing thresholds.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
import polars as pl

from fer_assets.errors import FerError
from fer_assets.metrics.clustering import adjusted_rand_index
from fer_assets.storage.schemas.tiktokfer import VALIDATION_COUNTS

PAPER_RAND_INDEX: Final[Mapping[str, float]] = MappingProxyType(
    {"total": 0.90, "face-challenge": 0.89, "best-emoji-face": 0.91}
)
"""Surabhi et al., Table 2, by challenge and in total."""

_PROTOCOL_PEOPLE = 25


def truth_faces(truth: pl.DataFrame, faces: pl.DataFrame, tolerance_ms: int = 250) -> pl.DataFrame:
    """Which person each face truly is, from rows about videos or about places in them.

    A row of the truth names a person in a video; with `timestamp_ms` only near that time, with
    `x_px` and `y_px` only the face whose box holds that point. A face that rows of one person speak
    of is that person; a face that nobody speaks of, or rows of several people, gets no row.
    So a video with one person and no places labels all its faces, and a duet needs places.

    Args:
        truth: video_id, person and, optionally and nullable, timestamp_ms, x_px, y_px.
        faces: face_id, video_id, timestamp_ms, and, for places, the box of FACE_CROPS.
        tolerance_ms: how far a face's time may be from a row's, inclusive; rows nearer in time
            do not outvote others, so keep it below the sampling period.

    Returns:
        face_id, person; sorted by face_id.

    Raises:
        FerError: a column is missing.
    """
    _require(truth, "identity truth", ("video_id", "person"))
    rows = truth.select(
        "video_id",
        pl.col("person").cast(pl.String),
        *(
            pl.col(name).cast(dtype) if name in truth.columns else pl.lit(None, dtype).alias(name)
            for name, dtype in (
                ("timestamp_ms", pl.Int64),
                ("x_px", pl.Float64),
                ("y_px", pl.Float64),
            )
        ),
    ).rename({"timestamp_ms": "truth_ms"})
    inside: pl.Expr = pl.lit(True)
    if rows.get_column("x_px").count():
        _require(faces, "faces", ("x0_px", "y0_px", "x1_px", "y1_px"))
        inside = pl.col("x_px").is_null() | (
            pl.col("x_px").is_between("x0_px", "x1_px")
            & pl.col("y_px").is_between("y0_px", "y1_px")
        )
    is_near = (pl.col("timestamp_ms") - pl.col("truth_ms")).abs() <= tolerance_ms
    return (
        faces.join(rows, on="video_id")
        .filter((pl.col("truth_ms").is_null() | is_near) & inside)
        .group_by("face_id")
        .agg(pl.col("person").unique())
        .filter(pl.col("person").list.len() == 1)
        .select("face_id", pl.col("person").list.first())
        .sort("face_id")
    )


def paper_protocol_sample(clusters: pl.DataFrame, truth: pl.DataFrame, seed: int) -> pl.DataFrame:
    """A sample by the paper's protocol: 25 people in two videos, 25 people with an exact copy.

    Two faces per person: of the first 25 from two distinct videos, neither a copy of the other; of
    the others a face and its copy in another video. Where there are fewer such people, all of
    them.

    Args:
        clusters: IDENTITY_CLUSTERS.
        truth: face_id, person.
        seed: which people and faces.

    Returns:
        face_id, person; at most 100 rows, sorted by face_id.
    """
    rng = np.random.default_rng(seed)
    known = clusters.join(truth, on="face_id").sort("face_id")
    copies: dict[str, list[tuple[str, str]]] = {}
    person_of = dict(zip(known["face_id"], known["person"], strict=True))
    for face, original in known.filter("is_duplicate").select("face_id", "duplicate_of").rows():
        if person_of.get(original) == person_of[face]:
            copies.setdefault(person_of[face], []).append((original, face))
    rows: list[tuple[str, str]] = []
    people = sorted(copies)
    for person in rng.permutation(people)[:_PROTOCOL_PEOPLE] if people else []:
        pair = copies[str(person)][int(rng.integers(len(copies[str(person)])))]
        rows += [(face, str(person)) for face in pair]
    used = {person for _, person in rows}
    distinct = known.filter(~pl.col("is_duplicate") & ~pl.col("person").is_in(sorted(used)))
    several = (
        distinct.group_by("person")
        .agg(pl.col("video_id").n_unique())
        .filter(pl.col("video_id") > 1)
        .sort("person")["person"]
        .to_list()
    )
    for person in rng.permutation(several)[:_PROTOCOL_PEOPLE] if several else []:
        own = distinct.filter(pl.col("person") == str(person))
        for video in rng.permutation(own["video_id"].unique().sort().to_list())[:2]:
            of_video = own.filter(pl.col("video_id") == str(video))["face_id"]
            rows.append((of_video[int(rng.integers(len(of_video)))], str(person)))
    schema = {"face_id": pl.String, "person": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("face_id")


def validate_identities(
    clusters: pl.DataFrame, truth: pl.DataFrame, seed: int = 0, paper: str = "total"
) -> pl.DataFrame:
    """Count and score the identities of the faces whose person is known.

    Args:
        clusters: IDENTITY_CLUSTERS.
        truth: face_id, person.
        seed: of the paper's sample.
        paper: whose figure of Table 2 stands beside ours, a key of `PAPER_RAND_INDEX`.

    Returns:
        VALIDATION_COUNTS: faces, people, identities, adjusted Rand index over all known faces, and
        people and adjusted Rand index of the paper's sample, beside the paper's figures.
    """
    _require(truth, "identity truth", ("face_id", "person"))
    printed = PAPER_RAND_INDEX[paper]
    sample = paper_protocol_sample(clusters, truth, seed)
    rows = [
        *_figures(clusters, truth, "", printed),
        *_figures(clusters, sample, "paper_protocol_", printed),
    ]
    return VALIDATION_COUNTS.frame(rows)


def _figures(
    clusters: pl.DataFrame, truth: pl.DataFrame, prefix: str, printed: float
) -> list[dict[str, object]]:
    known = clusters.join(truth, on="face_id")
    reason = None if len(known) > 1 else "fewer than two faces have a known person"
    rand = None
    if reason is None:
        rand = adjusted_rand_index(known["person"].to_numpy(), known["identity_id"].to_numpy())
    return [
        _row(f"{prefix}faces", len(known)),
        _row(f"{prefix}people", known["person"].n_unique()),
        _row(f"{prefix}identities", known["identity_id"].n_unique()),
        _row(f"{prefix}adjusted_rand_index", rand, printed, reason),
    ]


def _row(
    figure: str,
    value: float | None,
    paper_value: float | None = None,
    reason: str | None = None,
) -> dict[str, object]:
    value = None if value is None else float(value)
    return {"figure": figure, "value": value, "paper_value": paper_value, "reason": reason}


def _require(table: pl.DataFrame, thing: str, columns: tuple[str, ...]) -> None:
    if missing := [name for name in columns if name not in table.columns]:
        raise FerError(
            thing,
            expected=f"columns {', '.join(columns)}",
            found=f"no {missing[0]}",
            remedy="Add the column.",
        )
