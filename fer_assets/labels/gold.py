"""Clear cases whose answer is known: reading the curator's file, and proposing more.

Belongs here: the file `gold.csv` beside a challenge's file, and faces on which workers agree in
full. Does not belong here: which of them become gold tasks (`tasks.py`) and what a failed one
means (`aggregation/ballots.py`).
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final

import polars as pl

from fer_assets.errors import FerError
from fer_assets.labels.aggregation.ballots import cast_ballots
from fer_assets.labels.questionnaire import Questionnaire

GOLD_FILE: Final = "gold.csv"
COLUMNS: Final = ("face_id", "expression")
MOST_BYTES: Final = 16 << 20


class GoldError(FerError):
    """A file of gold faces that can't be read."""


@dataclass(frozen=True)
class Gold:
    """What a gold file says.

    Attributes:
        faces: face_id, expression; each face once, sorted.
        refused: line (the first below the header is 2), face_id, expression, reason.
    """

    faces: pl.DataFrame
    refused: pl.DataFrame


def read_gold(
    data: bytes, known_faces: pl.Series, questionnaire: Questionnaire, *, name: str = GOLD_FILE
) -> Gold:
    """Read and check a gold file; rows that can't be used are kept apart with a reason.

    Args:
        data: CSV with the columns `COLUMNS`; others are ignored.
        known_faces: ids of the faces that have tasks.
        questionnaire: its `votes` are the expressions that may be gold.

    Raises:
        GoldError: no CSV in UTF-8, a column is missing, or larger than `MOST_BYTES`.
    """
    if len(data) > MOST_BYTES:
        raise GoldError(name, expected=f"at most {MOST_BYTES >> 20} MB", found=f"{len(data)} bytes")
    try:
        frame = pl.read_csv(io.BytesIO(data), infer_schema=False)
    except pl.exceptions.PolarsError as error:
        found = str(error).splitlines()[0][:200]
        raise GoldError(
            name, expected="a CSV file in UTF-8", found=found, remedy="Save it as CSV again."
        ) from error
    if missing := [column for column in COLUMNS if column not in frame.columns]:
        raise GoldError(
            name, expected=f"the column {missing[0]}", found=", ".join(frame.columns)[:200],
            remedy="Write a first line: face_id,expression",
        )  # fmt: skip
    plain = frame.select(pl.col(c).str.strip_chars().fill_null("") for c in COLUMNS)
    rows = plain.with_row_index("line", offset=2).with_columns(
        pl.col("line").cast(pl.Int64),
        n_said=pl.col("expression").n_unique().over("face_id"),
        is_first=pl.col("face_id").is_first_distinct(),
    )
    is_known = pl.col("face_id").is_in(known_faces.implode())
    reason = (
        pl.when(pl.col("face_id") == "").then(pl.lit("no face"))
        .when(~is_known).then(pl.lit("no task for this face"))
        .when(~pl.col("expression").is_in(questionnaire.votes))
        .then(pl.lit("not an expression of the questionnaire"))
        .when(pl.col("n_said") > 1).then(pl.lit("two expressions for one face"))
    )  # fmt: skip
    rows = rows.with_columns(reason=reason)
    used = rows.filter(pl.col("reason").is_null() & pl.col("is_first"))
    return Gold(
        faces=used.select(COLUMNS).sort("face_id"),
        refused=rows.drop_nulls("reason").select("line", *COLUMNS, "reason"),
    )


def propose_gold(
    answers: pl.DataFrame, questionnaire: Questionnaire, *, at_least: int = 5
) -> pl.DataFrame:
    """Faces of which at least `at_least` workers said the same and nobody anything else.

    Faces that the crowd calls ``other`` are no clear case and are left out.

    Args:
        answers: CROWD_ANSWERS.

    Returns:
        face_id, expression, n_answers, sorted by face_id.
    """
    ballots = cast_ballots(answers)
    clear = sorted(set(questionnaire.votes) - {"other"})
    return (
        ballots.group_by("face_id")
        .agg(
            pl.col("expression").first(),
            n_answers=pl.len().cast(pl.Int32),
            n_votes=pl.col("expression").count(),
            n_said=pl.col("expression").n_unique(),
        )
        .filter(
            (pl.col("n_said") == 1)
            & (pl.col("n_votes") == pl.col("n_answers"))
            & (pl.col("n_answers") >= at_least)
            & pl.col("expression").is_in(clear)
        )
        .select("face_id", "expression", "n_answers")
        .sort("face_id")
    )


def with_proposals(data: bytes | None, proposals: pl.DataFrame) -> bytes:
    """A gold file with the proposals for faces that it does not name yet; its own rows stay."""
    rows = proposals.select(COLUMNS)
    if data is None:
        return rows.write_csv().encode()
    known = pl.read_csv(io.BytesIO(data), infer_schema=False)
    new = rows.join(known.select(pl.col("face_id").str.strip_chars()), on="face_id", how="anti")
    return pl.concat([known, new], how="diagonal").write_csv().encode()
