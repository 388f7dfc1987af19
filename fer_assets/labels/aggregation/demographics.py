"""Skin tone, age group and gender per person, voted over all of the person's images.

Belongs here: pooling the votes of a person's images, and whether the images agree. Does not
belong here: who a person is (`identities/`).
"""

from __future__ import annotations

import polars as pl

from fer_assets.labels.questionnaire import DEMOGRAPHICS as QUESTIONS
from fer_assets.storage.schemas.tiktokfer import DEMOGRAPHICS


def person_demographics(ballots: pl.DataFrame, faces: pl.DataFrame) -> pl.DataFrame:
    """The most frequent answer over all images of each person.

    For person p and answer a, :math:`n_{pa}` sums the votes on all images of p; the estimate is
    :math:`argmax_a n_{pa}`, null for a tie or no votes. A person is consistent if on no image more
    than half of at least two votes go to another answer: where that fails, either the images are
    hard or two people were taken for one (Surabhi et al. 2022, section 3.4).

    Args:
        ballots: face_id, skin_tone, age_group, gender, is_simulated: one row per face and worker;
            answers may be null.
        faces: face_id, identity_id: the images that show a face.

    Returns:
        DEMOGRAPHICS, one row for every identity in `faces`.
    """
    votes = ballots.join(faces.select("face_id", "identity_id"), on="face_id")
    people = (
        faces.select("identity_id")
        .unique()
        .join(
            votes.group_by("identity_id").agg(pl.col("is_simulated").any()),
            on="identity_id",
            how="left",
        )
        .with_columns(pl.col("is_simulated").fill_null(False), is_consistent=pl.lit(True))
    )
    for question in QUESTIONS:
        given = votes.filter(pl.col(question).is_not_null())
        estimate = _first_choice(given, "identity_id", question)
        dissent = _dissent(given, estimate, question)
        people = people.join(
            estimate.select("identity_id", question), on="identity_id", how="left"
        ).with_columns(
            is_consistent=pl.col("is_consistent") & ~pl.col("identity_id").is_in(dissent.to_list())
        )
    return DEMOGRAPHICS.conform(people)


def _first_choice(votes: pl.DataFrame, key: str, question: str) -> pl.DataFrame:
    """Per key: the answer with most votes (null for a tie), its votes `n` and all votes `total`."""
    counts = votes.group_by(key, question).agg(n=pl.len().cast(pl.Int64))
    is_top = pl.col("n") == pl.col("n").max()
    return counts.group_by(key).agg(
        pl.when(is_top.sum() == 1).then(pl.col(question).filter(is_top).first()).alias(question),
        total=pl.col("n").sum(),
        n=pl.col("n").max(),
    )


def _dissent(votes: pl.DataFrame, estimate: pl.DataFrame, question: str) -> pl.Series:
    """People with an image whose majority is another answer than the person's."""
    images = _first_choice(votes, "face_id", question).filter(
        (pl.col("total") >= 2) & (2 * pl.col("n") > pl.col("total"))
    )
    return (
        images.join(votes.select("face_id", "identity_id").unique(), on="face_id")
        .join(estimate.select("identity_id", person=question), on="identity_id")
        .filter(pl.col(question).ne_missing(pl.col("person")))["identity_id"]
        .unique()
    )
