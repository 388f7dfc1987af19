"""The rows of a release: faces with their labels, people and splits.

Belongs here: joining the tables into DATASET_RELEASE and POOLED_RELEASE, and looking for people
in two splits. Does not belong here: choosing splits (`splits.py`) and counting (`counts.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from fer_assets.release.splits import Split
from fer_assets.storage.schemas.tiktokfer import DATASET_RELEASE, POOLED_RELEASE


def build_release(
    face_crops: pl.DataFrame,
    clusters: pl.DataFrame,
    labels: pl.DataFrame,
    demographics: pl.DataFrame,
    splits: Mapping[str, Split],
) -> pl.DataFrame:
    """One row per face that the crowd saw as a face, exact copies left out.

    A face without a convincing label stays, with a null label: its prompt and its soft label can
    still be trained on. People that two identities merged into are in the split ``excluded``.

    Args:
        face_crops: FACE_CROPS; images are carried over as they are.
        clusters: IDENTITY_CLUSTERS.
        labels: CROWD_LABELS.
        demographics: DEMOGRAPHICS.
        splits: identity_id to split, from `assign_splits`.

    Returns:
        DATASET_RELEASE.

    Raises:
        ValueError: a person without a split.
    """
    faces = face_crops.select("face_id", "video_id", "clip_id", "image", prompt="expression").join(
        clusters.filter(~pl.col("is_duplicate")).select("face_id", "identity_id", "is_excluded"),
        on="face_id",
    )
    seen = labels.filter("is_face").select(
        "face_id", "label", "soft_label", "agreement", "is_simulated"
    )
    people = demographics.select(
        "identity_id", "skin_tone", "age_group", "gender", people_simulated="is_simulated"
    )
    rows = (
        faces.join(seen, on="face_id")
        .join(people, on="identity_id", how="left")
        .join(_split_table(splits, "identity_id"), on="identity_id", how="left")
        .with_columns(
            split=pl.when("is_excluded").then(pl.lit("excluded")).otherwise("split"),
            is_simulated=pl.col("is_simulated") | pl.col("people_simulated").fill_null(False),
        )
    )
    _all_have_a_split(rows, "identity_id")
    return DATASET_RELEASE.conform(rows.select(*DATASET_RELEASE.dtypes))


def pool_releases(
    releases: Mapping[str, pl.DataFrame], people: pl.DataFrame, splits: Mapping[str, Split]
) -> pl.DataFrame:
    """All challenges' releases as one, with splits by person over all of them.

    Rows that are ``excluded`` in their challenge stay so. A face that is in two challenges,
    because the same file was put into both, is kept in the first by name.

    Args:
        releases: challenge key to DATASET_RELEASE.
        people: PEOPLE; its own split column is not looked at.
        splits: person_id to split.

    Returns:
        POOLED_RELEASE.

    Raises:
        ValueError: an identity that is no person, or a person without a split.
    """
    if not releases:
        return POOLED_RELEASE.empty()
    pooled = pl.concat(
        releases[name].with_columns(challenge=pl.lit(name, dtype=pl.String))
        for name in sorted(releases)
    )
    rows = (
        pooled.unique("face_id", keep="first", maintain_order=True)
        .join(
            people.select("challenge", "identity_id", "person_id"),
            on=["challenge", "identity_id"],
            how="left",
        )
        .join(_split_table(splits, "person_id"), on="person_id", how="left", suffix="_of_person")
        .with_columns(
            split=pl.when(pl.col("split") == "excluded").then("split").otherwise("split_of_person")
        )
    )
    if n_lost := rows["person_id"].null_count():
        raise ValueError(f"{n_lost} faces of identities that are not in people")
    _all_have_a_split(rows, "person_id")
    return POOLED_RELEASE.conform(rows.select(*POOLED_RELEASE.dtypes))


def leakage(release: pl.DataFrame, group: str) -> list[str]:
    """Groups with rows in more than one of train, val and test, sorted; empty is good.

    Args:
        release: DATASET_RELEASE or POOLED_RELEASE.
        group: column to look at: ``identity_id``, ``person_id`` or ``video_id``. A duet puts two
            people's faces in one video, so videos may be in two splits where people are not.
    """
    used = release.filter(pl.col("split") != "excluded")
    spread = used.group_by(group).agg(n=pl.col("split").n_unique()).filter(pl.col("n") > 1)
    return spread[group].sort().to_list()


def _split_table(splits: Mapping[str, Split], key: str) -> pl.DataFrame:
    return pl.DataFrame(
        {key: list(splits.keys()), "split": list(splits.values())},
        schema={key: pl.String, "split": pl.String},
    )


def _all_have_a_split(rows: pl.DataFrame, key: str) -> None:
    without = rows.filter(pl.col("split").is_null())
    if not without.is_empty():
        raise ValueError(f"{without[key].n_unique()} values of {key} have no split")
