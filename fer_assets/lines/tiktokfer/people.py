"""The step over all challenges that says who is the same person: `people`.

Belongs here: its wiring, and the split each person keeps. Does not belong here: the comparing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from fer_assets.lines.inputs import materialised_partitions, one_unit
from fer_assets.lines.step import Step, Summary
from fer_assets.lines.tiktokfer.names import CROWD_LABELS, IDENTITY_CLUSTERS, PEOPLE
from fer_assets.lines.tiktokfer.splits import keep_splits
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import BuildReport, Output
from fer_assets.storage.planning import WHOLE, Build, Unit
from fer_assets.storage.registries import read_registry, write_registry
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.schemas.tiktokfer import PERSON_REGISTRY

REGISTRY = "tiktokfer/person_registry"
SPLITS = "tiktokfer/person_splits"


def _build(workspace: Workspace, partition: str | None) -> Build:
    from fer_assets.identities import CODE_VERSION

    del workspace, partition
    return Build(Place(PEOPLE), ASSET_TABLES[PEOPLE], CODE_VERSION)


def _units(workspace: Workspace, partition: str | None) -> list[Unit]:
    del partition
    data = workspace.data
    inputs = {}
    for key in materialised_partitions(workspace, IDENTITY_CLUSTERS):
        unit = data.manifest(IDENTITY_CLUSTERS, key).units[WHOLE]
        inputs[f"identities of {key}"] = unit.tables["identities"].content
    for key in materialised_partitions(workspace, CROWD_LABELS):
        unit = data.manifest(CROWD_LABELS, key).units[WHOLE]
        inputs[f"labels of {key}"] = unit.tables["crowd_labels"].content
    return one_unit(inputs)


def _work(workspace: Workspace, partition: str | None, units: Sequence[Unit]) -> Iterator[Output]:
    from fer_assets.identities.people import resolve_people

    del partition, units
    data, keys = workspace.data, materialised_partitions(workspace, IDENTITY_CLUSTERS)
    identities = {key: data.table(IDENTITY_CLUSTERS, key, "identities") for key in keys}
    before = read_registry(workspace.store, REGISTRY, None, PERSON_REGISTRY)
    found = resolve_people(identities, before, _threshold(workspace, keys))
    write_registry(workspace.store, REGISTRY, None, PERSON_REGISTRY, found.registry)
    splits = keep_splits(workspace, SPLITS, None, _label_counts(workspace, found.people))
    split = pl.col("person_id").replace_strict(splits, return_dtype=pl.String).alias("split")
    yield Output(WHOLE, {"people": found.people.with_columns(split)})


def _threshold(workspace: Workspace, keys: Sequence[str]) -> float:
    """The strictest of the challenges' own thresholds across videos."""
    data = workspace.data
    curves = [data.table(IDENTITY_CLUSTERS, key, "threshold_curve") for key in keys]
    if not curves:
        return 1.0
    used = pl.concat(curves).filter(pl.col("is_chosen") & (pl.col("step") == "across_videos"))
    return float(str(used["threshold"].max()))


def _label_counts(workspace: Workspace, people: pl.DataFrame) -> pl.DataFrame:
    """group_id, label, n: each person's images by crowd label, over all challenges."""
    data = workspace.data
    labels = [
        data.table(CROWD_LABELS, key)
        .select("identity_id", "label")
        .with_columns(pl.lit(key).alias("challenge"))
        for key in materialised_partitions(workspace, CROWD_LABELS)
    ]
    rows = people.select("challenge", "identity_id", "person_id")
    known = pl.concat(labels) if labels else rows.select("identity_id", "challenge").clear()
    if "label" not in known.columns:
        known = known.with_columns(pl.lit(None, pl.String).alias("label"))
    joined = rows.join(known, on=["challenge", "identity_id"], how="left")
    return joined.group_by(pl.col("person_id").alias("group_id"), "label").len("n")


def _summary(workspace: Workspace, partition: str | None, report: BuildReport) -> Summary:
    del partition, report
    people = workspace.data.table(PEOPLE)
    n_challenges = people.group_by("person_id").agg(pl.col("challenge").n_unique().alias("n"))
    return Summary(
        figures={
            "people": people["person_id"].n_unique(),
            "identities": people.height,
            "people in several challenges": n_challenges.filter(pl.col("n") > 1).height,
        }
    )


PEOPLE_STEP = Step(
    asset=PEOPLE,
    description="The same person across challenges, and the split that the person keeps.",
    deps=(IDENTITY_CLUSTERS, CROWD_LABELS),
    build=_build,
    units=_units,
    work=_work,
    summarise=_summary,
    is_partitioned=False,
)
