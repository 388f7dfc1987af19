"""Skin tone, age group and gender per person, voted over all of the person's images.

Belongs here: pooling the votes of a person's images, and whether the images agree. Does not
belong here: who a person is (`identities/`).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from fer_assets.labels.questionnaire import DEMOGRAPHICS as QUESTIONS
from fer_assets.storage.schemas.tiktokfer import DEMOGRAPHIC_DISAGREEMENTS, DEMOGRAPHICS


@dataclass(frozen=True)
class PersonDemographics:
    """DEMOGRAPHICS, and the images behind every person who is not consistent."""

    people: pl.DataFrame
    disagreements: pl.DataFrame


def person_demographics(ballots: pl.DataFrame, faces: pl.DataFrame) -> PersonDemographics:
    """The most frequent answer over all images of each person.

    For person p and answer a, :math:`n_{pa}` sums the votes on all images of p; the estimate is
    :math:`argmax_a n_{pa}`, null for a tie or no votes. A person is consistent if on no image more
    than half of at least two votes go to another answer: where that fails, either the images are
    hard or two people were taken for one (Surabhi et al. 2022, section 3.4).

    Args:
        ballots: face_id, skin_tone, age_group, gender, is_simulated: one row per face and worker;
            answers may be null.
        faces: face_id, video_id, identity_id: the images that show a face.

    Returns:
        DEMOGRAPHICS with one row for every identity in `faces`, and DEMOGRAPHIC_DISAGREEMENTS.
    """
    votes = ballots.join(faces.select("face_id", "video_id", "identity_id"), on="face_id")
    people = (
        faces.select("identity_id")
        .unique()
        .join(
            votes.group_by("identity_id").agg(pl.col("is_simulated").any()),
            on="identity_id",
            how="left",
        )
        .with_columns(pl.col("is_simulated").fill_null(False))
    )
    dissent = [DEMOGRAPHIC_DISAGREEMENTS.empty()]
    for question in QUESTIONS:
        given = votes.filter(pl.col(question).is_not_null())
        estimate = _first_choice(given, "identity_id", question)
        dissent.append(_dissent(given, estimate, question))
        people = people.join(estimate.select("identity_id", question), on="identity_id", how="left")
    disagreements = DEMOGRAPHIC_DISAGREEMENTS.conform(pl.concat(dissent))
    inconsistent = disagreements["identity_id"].unique().implode()
    people = people.with_columns(is_consistent=~pl.col("identity_id").is_in(inconsistent))
    return PersonDemographics(DEMOGRAPHICS.conform(people), disagreements)


def worst_first(disagreements: pl.DataFrame) -> pl.DataFrame:
    """For a curator: people with most disagreeing images first, their clearest images first.

    Args:
        disagreements: DEMOGRAPHIC_DISAGREEMENTS.

    Returns:
        The same rows; by people's disagreeing images, then a person's answers on the image that
        back the other answer, both falling, then by key.
    """
    n_images = pl.col("face_id").n_unique().over("identity_id")
    backing = pl.col("share") * pl.col("n_answers")
    return disagreements.sort(
        n_images, "identity_id", backing, "question", "face_id",
        descending=[True, False, True, False, False],
    )  # fmt: skip


def _first_choice(votes: pl.DataFrame, key: str, question: str) -> pl.DataFrame:
    """Per key: the answer with most votes (null for a tie), its votes `n` and all votes `total`."""
    counts = votes.group_by(key, question).agg(n=pl.len().cast(pl.Int64))
    is_top = pl.col("n") == pl.col("n").max()
    return counts.group_by(key).agg(
        pl.when(is_top.sum() == 1).then(pl.col(question).filter(is_top).first()).alias(question),
        total=pl.col("n").sum(),
        n=pl.col("n").max(),
    )


def _dissent(votes: pl.DataFrame, estimate: pl.DataFrame, question: str) -> pl.DataFrame:
    """Images whose majority is another answer than the person's: DEMOGRAPHIC_DISAGREEMENTS."""
    images = _first_choice(votes, "face_id", question).filter(
        (pl.col("total") >= 2) & (2 * pl.col("n") > pl.col("total"))
    )
    return (
        images.join(votes.select("face_id", "video_id", "identity_id").unique(), on="face_id")
        .join(estimate.select("identity_id", of_person=question), on="identity_id")
        .filter(pl.col(question).ne_missing(pl.col("of_person")))
        .select(
            "identity_id",
            "face_id",
            "video_id",
            pl.lit(question).alias("question"),
            "of_person",
            pl.col(question).alias("of_image"),
            share=pl.col("n") / pl.col("total"),
            n_answers=pl.col("total").cast(pl.Int32),
        )
    )
