"""Steps to the releases: `dataset_release`, and over all challenges `pooled_release`.

Belongs here: wiring of `release`. Does not belong here: its work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import polars as pl

from fer_assets.errors import FerError
from fer_assets.lines.inputs import challenge, materialised_partitions, one_unit, whole
from fer_assets.lines.step import Check, Step, Summary
from fer_assets.lines.tiktokfer.faces import embedder_name
from fer_assets.lines.tiktokfer.names import (
    CROWD_LABELS,
    DATASET_RELEASE,
    FACE_CROPS,
    FACE_EMBEDDINGS,
    IDENTITY_CLUSTERS,
    PEOPLE,
    POOLED_RELEASE,
    PROMPT_CLIPS,
    RAW_VIDEOS,
)
from fer_assets.lines.tiktokfer.publications import publish_current, release_key
from fer_assets.lines.tiktokfer.release_card import (
    CARD_PAGE,
    beside_challenge,
    beside_pool,
    built_version,
    counts_of,
    losses_of,
    stored_release,
)
from fer_assets.lines.tiktokfer.release_settings import ALWAYS, release_settings
from fer_assets.lines.tiktokfer.splits import keep_splits
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import BuildReport, Output
from fer_assets.storage.planning import WHOLE, Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES

if TYPE_CHECKING:
    from fer_assets.release.near_duplicates import NearDuplicateSettings, Resolved

__all__ = ["DATASET_RELEASE_STEP", "POOLED_RELEASE_STEP", "SPLITS", "counts_of"]

SPLITS = "tiktokfer/identity_splits"
_INPUTS = (
    CROWD_LABELS,
    IDENTITY_CLUSTERS,
    FACE_CROPS,
    FACE_EMBEDDINGS,
    PROMPT_CLIPS,
    RAW_VIDEOS,
)
_CHECKS = ("people_are_disjoint", "no_near_duplicates_across_splits")


class LeakError(FerError):
    """A person, or a picture, would be in two splits; nothing is published."""


def _build(workspace: Workspace, partition: str | None) -> Build:
    from fer_assets.release import CODE_VERSION
    from fer_assets.release.splits import SplitSettings

    settings = (
        SplitSettings(),
        _near_settings(workspace, [partition]),
        release_settings(workspace, partition).licence,
    )
    place = Place(DATASET_RELEASE, partition)
    return Build(place, ASSET_TABLES[DATASET_RELEASE], CODE_VERSION, settings)


def _near_settings(workspace: Workspace, partitions: Sequence[str | None]) -> NearDuplicateSettings:
    """What counts as one picture: the strictest of the challenges' own thresholds of copies."""
    from fer_assets.release.near_duplicates import NearDuplicateSettings
    from fer_assets.weights.registry import find_weight

    found = []
    for partition in partitions:
        given = challenge(workspace, partition).settings.get("identities", {})
        default = find_weight(embedder_name(workspace, partition)).thresholds
        if "duplicate" in given:
            found.append(float(given["duplicate"]))
        elif default is not None:
            found.append(default.duplicate)
    return NearDuplicateSettings(cosine=max(found)) if found else NearDuplicateSettings()


def _units(workspace: Workspace, partition: str | None) -> list[Unit]:
    return one_unit(whole(workspace, partition, _INPUTS))


def _work(workspace: Workspace, partition: str | None, units: Sequence[Unit]) -> Iterator[Output]:
    from fer_assets.release.build import build_release
    from fer_assets.release.near_duplicates import resolve_near_duplicates

    del units
    data = workspace.data
    clusters = data.table(IDENTITY_CLUSTERS, partition, "identity_clusters")
    labels = data.table(CROWD_LABELS, partition, "crowd_labels")
    labelled = clusters.select("face_id", "identity_id").join(
        labels.select("face_id", "label"), on="face_id", how="left"
    )
    counts = labelled.group_by(pl.col("identity_id").alias("group_id"), "label").len("n")
    release = build_release(
        data.table(FACE_CROPS, partition, "face_crops"),
        clusters,
        labels,
        data.table(CROWD_LABELS, partition, "demographics"),
        keep_splits(workspace, SPLITS, partition, counts),
    )
    refuse_leaks(release, "identity_id", str(Place(DATASET_RELEASE, partition)))
    found = resolve_near_duplicates(
        release, data.table(FACE_EMBEDDINGS, partition), _near_settings(workspace, [partition])
    )
    refuse_near_duplicates(found, str(Place(DATASET_RELEASE, partition)))
    beside = beside_challenge(workspace, partition, found.release, found.pairs.height)
    tables = {"dataset_release": found.release, "near_duplicates": found.pairs}
    if beside.group_losses is not None:
        tables["losses_by_group"] = beside.group_losses
    yield Output(WHOLE, tables, blobs=beside.blobs)


def refuse_leaks(release: pl.DataFrame, group: str, place: str) -> None:
    """Raise before anything is published if a person is in two splits.

    Raises:
        LeakError: naming how many people leak; no id is named.
    """
    from fer_assets.release.build import leakage

    if leaks := leakage(release, group):
        raise LeakError(
            place,
            expected="every person in one split",
            found=f"{len(leaks)} in several",
            remedy="The registry of splits contradicts itself: put back one of its backups.",
        )


def refuse_near_duplicates(found: Resolved, place: str) -> None:
    """Raise before anything is published if one picture is in two splits all the same.

    Raises:
        LeakError: naming how many pairs are left; no id is named.
    """
    from fer_assets.release.near_duplicates import leaks_left

    if n_left := leaks_left(found.release, found.pairs):
        raise LeakError(
            place,
            expected="no picture in two splits",
            found=f"{n_left} pairs of near duplicates across splits",
            remedy="Merge the people they show with identity_corrections.csv.",
        )


def _checks(release: pl.DataFrame, pairs: pl.DataFrame, group: str) -> list[Check]:
    """The published rows looked at once more, for the page."""
    from fer_assets.release.build import leakage
    from fer_assets.release.near_duplicates import leaks_left

    n_leaks, n_pairs = len(leakage(release, group)), leaks_left(release, pairs)
    return [
        Check(_CHECKS[0], n_leaks == 0, f"{n_leaks} people in more than one split"),
        Check(_CHECKS[1], n_pairs == 0, f"{n_pairs} near duplicates in different splits"),
    ]


def _figures(
    workspace: Workspace, place: Place, release: pl.DataFrame, pairs: pl.DataFrame
) -> dict[str, int | float | str | bool]:
    """Counts and the version; publishes it where the settings say so."""
    from fer_assets.release.card import videos_in_several_splits

    if release_settings(workspace, place.partition).publish == ALWAYS and release.height:
        publish_current(workspace, place.partition, note="published by the build")
    version = built_version(workspace, place.asset, place.partition)
    return {
        "version": version or "none",
        "published": is_published(workspace, place.partition, version),
        "faces": release.height,
        "labelled": release["label"].count(),
        "near duplicates across splits": pairs.height,
        "faces left out for them": _left_out(pairs),
        "videos with people of several splits": videos_in_several_splits(release),
    }


def is_published(workspace: Workspace, partition: str | None, version: str | None) -> bool:
    """Whether a version of this name is published."""
    from fer_assets.release.versions import versions

    key = release_key(workspace, partition)
    return any(found.name == version for found in versions(workspace.store, key))


def _left_out(pairs: pl.DataFrame) -> int:
    faces = pl.concat(
        [
            pairs.filter("is_excluded")["face_id"],
            pairs.filter("other_is_excluded")["other_id"],
        ]
    )
    return faces.n_unique()


def _summary(workspace: Workspace, partition: str | None, report: BuildReport) -> Summary:
    from fer_assets.figures.stages import counts_over_stages_plot

    del report
    data, release = workspace.data, stored_release(workspace, partition)
    pairs = data.table(DATASET_RELEASE, partition, "near_duplicates")
    counts = counts_of(workspace, partition)
    blobs = data.blobs(DATASET_RELEASE, partition)
    return Summary(
        figures=_figures(workspace, Place(DATASET_RELEASE, partition), release, pairs),
        pictures={
            "from videos to people": counts_over_stages_plot(
                {
                    "videos": counts.videos,
                    "frames": counts.frames,
                    "distinct faces": counts.distinct_faces,
                    "labelled faces": release["label"].count(),
                    "people": counts.distinct_individuals,
                }
            ),
            **{
                title: data.blob(DATASET_RELEASE, partition, name)
                for title, name in _SHOWN.items()
                if name in blobs
            },
        },
        tables={
            "faces by split": release.group_by("split").len("faces").sort("split"),
            "left after each step": losses_of(workspace, partition, release),
        },
        files={"dataset card": blobs[CARD_PAGE]},
        checks=_checks(release, pairs, "identity_id"),
    )


_SHOWN = {
    "Ekman expressions": "figure-6-ekman.png",
    "beyond Ekman": "figure-7-beyond-ekman.png",
    "who drops out where": "losses-faces.png",
}


DATASET_RELEASE_STEP = Step(
    asset=DATASET_RELEASE,
    description="Labelled faces with identity, demographics and identity-disjoint splits, no "
    "picture in two of them; its dataset card.",
    deps=_INPUTS,
    build=_build,
    units=_units,
    work=_work,
    summarise=_summary,
    checks=_CHECKS,
)


def _pooled_build(workspace: Workspace, partition: str | None) -> Build:
    from fer_assets.release import CODE_VERSION

    del partition
    keys = materialised_partitions(workspace, DATASET_RELEASE)
    settings = _near_settings(workspace, keys), release_settings(workspace, None).licence
    return Build(Place(POOLED_RELEASE), ASSET_TABLES[POOLED_RELEASE], CODE_VERSION, settings)


def _pooled_units(workspace: Workspace, partition: str | None) -> list[Unit]:
    del partition
    inputs = whole(workspace, None, (PEOPLE,))
    for key in materialised_partitions(workspace, DATASET_RELEASE):
        inputs[key] = workspace.data.manifest(DATASET_RELEASE, key).data_version
        features = workspace.data.manifest(FACE_EMBEDDINGS, key).data_version
        inputs[f"embeddings of {key}"] = features
    return one_unit(inputs)


def _pooled_work(
    workspace: Workspace, partition: str | None, units: Sequence[Unit]
) -> Iterator[Output]:
    from fer_assets.release.build import pool_releases
    from fer_assets.release.near_duplicates import resolve_near_duplicates

    del partition, units
    data, keys = workspace.data, materialised_partitions(workspace, DATASET_RELEASE)
    people = data.table(PEOPLE)
    release = pool_releases(
        {key: data.table(DATASET_RELEASE, key, "dataset_release") for key in keys},
        people,
        dict(people.select("person_id", "split").iter_rows()),
    )
    refuse_leaks(release, "person_id", POOLED_RELEASE)
    embeddings = [data.table(FACE_EMBEDDINGS, key) for key in keys]
    found = resolve_near_duplicates(
        release, pl.concat(embeddings) if embeddings else None, _near_settings(workspace, keys)
    )
    refuse_near_duplicates(found, POOLED_RELEASE)
    place = Place(POOLED_RELEASE)
    beside = beside_pool(workspace, place, found.release, found.pairs.height)
    tables = {"pooled_release": found.release, "near_duplicates": found.pairs}
    yield Output(WHOLE, tables, blobs=beside.blobs)


def _pooled_summary(workspace: Workspace, partition: str | None, report: BuildReport) -> Summary:
    del partition, report
    data = workspace.data
    columns = ["challenge", "person_id", "video_id", "face_id", "label", "split"]
    release = data.table(POOLED_RELEASE, columns=columns)
    pairs = data.table(POOLED_RELEASE, None, "near_duplicates")
    by_challenge = release.group_by("challenge").agg(
        pl.len().alias("faces"), pl.col("person_id").n_unique().alias("people")
    )
    figures = _figures(workspace, Place(POOLED_RELEASE), release, pairs)
    return Summary(
        figures={**figures, "people": release["person_id"].n_unique()},
        tables={"faces by challenge": by_challenge.sort("challenge")},
        files={"dataset card": data.blobs(POOLED_RELEASE)[CARD_PAGE]},
        checks=_checks(release, pairs, "person_id"),
    )


POOLED_RELEASE_STEP = Step(
    asset=POOLED_RELEASE,
    description="All challenges' releases together, people disjoint across challenges.",
    deps=(PEOPLE, DATASET_RELEASE, FACE_EMBEDDINGS),
    build=_pooled_build,
    units=_pooled_units,
    work=_pooled_work,
    summarise=_pooled_summary,
    checks=_CHECKS,
    is_partitioned=False,
)
