"""Steps to the releases: `dataset_release`, and over all challenges `pooled_release`.

Belongs here: wiring of `release`. Does not belong here: its work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import polars as pl

from fer_assets.errors import FerError
from fer_assets.lines.step import Check, Step, Summary
from fer_assets.lines.tiktokfer.faces import DETECTOR, embedder_name
from fer_assets.lines.tiktokfer.inputs import challenge, materialised_partitions, one_unit, whole
from fer_assets.lines.tiktokfer.names import (
    CROWD_LABELS,
    DATASET_RELEASE,
    FACE_CROPS,
    IDENTITY_CLUSTERS,
    PEOPLE,
    POOLED_RELEASE,
    RAW_VIDEOS,
)
from fer_assets.lines.tiktokfer.splits import keep_splits
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.digests import sha256_bytes
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import BuildReport, Output
from fer_assets.storage.parts import parquet_bytes
from fer_assets.storage.planning import WHOLE, Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES

if TYPE_CHECKING:
    from fer_assets.release.counts import Counts

SPLITS = "tiktokfer/identity_splits"
CARD = "dataset_card.md"


class LeakError(FerError):
    """A person would be in two splits; nothing is published."""


def _build(workspace: Workspace, partition: str | None) -> Build:
    from fer_assets.release import CODE_VERSION
    from fer_assets.release.splits import SplitSettings

    del workspace
    place = Place(DATASET_RELEASE, partition)
    return Build(place, ASSET_TABLES[DATASET_RELEASE], CODE_VERSION, SplitSettings())


def _units(workspace: Workspace, partition: str | None) -> list[Unit]:
    names = (CROWD_LABELS, IDENTITY_CLUSTERS, FACE_CROPS, RAW_VIDEOS)
    return one_unit(whole(workspace, partition, names))


def _work(workspace: Workspace, partition: str | None, units: Sequence[Unit]) -> Iterator[Output]:
    from fer_assets.release.build import build_release

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
    card = _card(workspace, partition, release).encode()
    yield Output(WHOLE, {"dataset_release": release}, blobs={CARD: card})


def refuse_leaks(release: pl.DataFrame, group: str, place: str) -> None:
    """Raise before anything is published if a person is in two splits.

    Raises:
        LeakError: naming how many people leak; no id is named.
    """
    from fer_assets.release.build import leakage

    if leaks := leakage(release, group):
        raise LeakError(
            place, expected="every person in one split", found=f"{len(leaks)} in several"
        )


def _disjoint(release: pl.DataFrame, group: str) -> Check:
    """The published rows looked at once more, for the page."""
    from fer_assets.release.build import leakage

    n_leaks = len(leakage(release, group))
    return Check("people_are_disjoint", n_leaks == 0, f"{n_leaks} people in more than one split")


def counts_of(workspace: Workspace, partition: str | None) -> Counts:
    """The challenge's row of the paper's Table 4."""
    from fer_assets.release.counts import dataset_counts

    data = workspace.data
    return dataset_counts(
        data.table(RAW_VIDEOS, partition),
        data.table(FACE_CROPS, partition, "frames"),
        data.table(FACE_CROPS, partition, columns=["face_id", "video_id"]),
        data.table(IDENTITY_CLUSTERS, partition, "identity_clusters"),
    )


def _losses(
    workspace: Workspace, partition: str | None, release: pl.DataFrame | None = None
) -> pl.DataFrame:
    from fer_assets.release.counts import losses

    data = workspace.data
    return losses(
        data.table(RAW_VIDEOS, partition),
        data.table(FACE_CROPS, partition, "frames"),
        data.table(FACE_CROPS, partition, columns=["face_id", "video_id"]),
        data.table(IDENTITY_CLUSTERS, partition, "identity_clusters"),
        data.table(CROWD_LABELS, partition, "crowd_labels"),
        _without_images(workspace, partition) if release is None else release,
    )


def _without_images(workspace: Workspace, partition: str | None) -> pl.DataFrame:
    """The release's rows, their crops left where they are."""
    schema = ASSET_TABLES[DATASET_RELEASE]["dataset_release"]
    columns = [name for name in schema.dtypes if name != "image"]
    return workspace.data.table(DATASET_RELEASE, partition, columns=columns)


def _card(workspace: Workspace, partition: str | None, release: pl.DataFrame) -> str:
    from fer_assets.release.card import CardFacts, dataset_card, release_version
    from fer_assets.weights.registry import find_weight

    weights = [find_weight(name) for name in (DETECTOR, embedder_name(workspace, partition))]
    facts = CardFacts(
        title=challenge(workspace, partition).name,
        version=release_version(sha256_bytes(parquet_bytes(release))),
        counts=counts_of(workspace, partition),
        losses=_losses(workspace, partition, release),
        methods=[
            "Prompts found by a normalised matched filter, frames at 2 per second of each clip.",
            f"Faces by {weights[0].name}, identities by {weights[1].name} and Chinese whispers.",
            "Labels by a convincing majority, soft labels by Dawid-Skene.",
        ],
        licences={f"weights {weight.name}": weight.licence for weight in weights},
    )
    return dataset_card(release, facts)


def _summary(workspace: Workspace, partition: str | None, report: BuildReport) -> Summary:
    from fer_assets.figures.stages import counts_over_stages_plot

    del report
    release = _without_images(workspace, partition)
    counts = counts_of(workspace, partition)
    return Summary(
        figures={"faces": release.height, "labelled": release["label"].count()},
        pictures={
            "from videos to people": counts_over_stages_plot(
                {
                    "videos": counts.videos,
                    "frames": counts.frames,
                    "distinct faces": counts.distinct_faces,
                    "labelled faces": release["label"].count(),
                    "people": counts.distinct_individuals,
                }
            )
        },
        tables={
            "faces by split": release.group_by("split").len("faces").sort("split"),
            "left after each step": _losses(workspace, partition),
        },
        files={"dataset card": workspace.data.blobs(DATASET_RELEASE, partition)[CARD]},
        checks=[_disjoint(release, "identity_id")],
    )


DATASET_RELEASE_STEP = Step(
    asset=DATASET_RELEASE,
    description="Labelled faces with identity, demographics and identity-disjoint splits.",
    deps=(CROWD_LABELS, IDENTITY_CLUSTERS, FACE_CROPS, RAW_VIDEOS),
    build=_build,
    units=_units,
    work=_work,
    summarise=_summary,
    checks=("people_are_disjoint",),
)


def _pooled_build(workspace: Workspace, partition: str | None) -> Build:
    from fer_assets.release import CODE_VERSION

    del workspace, partition
    return Build(Place(POOLED_RELEASE), ASSET_TABLES[POOLED_RELEASE], CODE_VERSION)


def _pooled_units(workspace: Workspace, partition: str | None) -> list[Unit]:
    del partition
    inputs = whole(workspace, None, (PEOPLE,))
    for key in materialised_partitions(workspace, DATASET_RELEASE):
        inputs[key] = workspace.data.manifest(DATASET_RELEASE, key).data_version
    return one_unit(inputs)


def _pooled_work(
    workspace: Workspace, partition: str | None, units: Sequence[Unit]
) -> Iterator[Output]:
    from fer_assets.release.build import pool_releases

    del partition, units
    data, keys = workspace.data, materialised_partitions(workspace, DATASET_RELEASE)
    people = data.table(PEOPLE)
    release = pool_releases(
        {key: data.table(DATASET_RELEASE, key) for key in keys},
        people,
        dict(people.select("person_id", "split").iter_rows()),
    )
    refuse_leaks(release, "person_id", POOLED_RELEASE)
    yield Output(WHOLE, {"pooled_release": release})


def _pooled_summary(workspace: Workspace, partition: str | None, report: BuildReport) -> Summary:
    del partition, report
    release = workspace.data.table(POOLED_RELEASE, columns=["challenge", "person_id", "split"])
    by_challenge = release.group_by("challenge").agg(
        pl.len().alias("faces"), pl.col("person_id").n_unique().alias("people")
    )
    return Summary(
        figures={"faces": release.height, "people": release["person_id"].n_unique()},
        tables={"faces by challenge": by_challenge.sort("challenge")},
        checks=[_disjoint(release, "person_id")],
    )


POOLED_RELEASE_STEP = Step(
    asset=POOLED_RELEASE,
    description="All challenges' releases together, people disjoint across challenges.",
    deps=(PEOPLE, DATASET_RELEASE),
    build=_pooled_build,
    units=_pooled_units,
    work=_pooled_work,
    summarise=_pooled_summary,
    checks=("people_are_disjoint",),
    is_partitioned=False,
)
