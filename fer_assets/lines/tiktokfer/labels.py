"""The step `crowd_labels`: answers become labels.

Belongs here: wiring of `labels.aggregation`. Does not belong here: its work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import polars as pl

from fer_assets.lines.step import Check, Step, Summary
from fer_assets.lines.tiktokfer.answers import n_missing
from fer_assets.lines.tiktokfer.inputs import challenge, median, one_unit, whole
from fer_assets.lines.tiktokfer.names import (
    CROWD_ANSWERS,
    CROWD_LABELS,
    IDENTITY_CLUSTERS,
    LABELLING_TASKS,
)
from fer_assets.lines.tiktokfer.tasks import label_settings, questionnaire_of
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import BuildReport, Output
from fer_assets.storage.planning import WHOLE, Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES

if TYPE_CHECKING:
    from fer_assets.labels.aggregation.combine import AggregationSettings


def _aggregation_settings(workspace: Workspace, partition: str | None) -> AggregationSettings:
    from fer_assets.labels.aggregation.combine import AggregationSettings
    from fer_assets.labels.aggregation.majority import MajoritySettings

    share = label_settings(workspace, partition).get("convincing_share")
    if share is None:
        return AggregationSettings()
    return AggregationSettings(majority=MajoritySettings(convincing_share=share))


def _labels_build(workspace: Workspace, partition: str | None) -> Build:
    from fer_assets.labels import CODE_VERSION

    settings = (
        _aggregation_settings(workspace, partition),
        questionnaire_of(workspace, partition).digest,
    )
    return Build(Place(CROWD_LABELS, partition), ASSET_TABLES[CROWD_LABELS], CODE_VERSION, settings)


def _labels_units(workspace: Workspace, partition: str | None) -> list[Unit]:
    names = (CROWD_ANSWERS, IDENTITY_CLUSTERS, LABELLING_TASKS)
    return one_unit(whole(workspace, partition, names))


def _labels_work(
    workspace: Workspace, partition: str | None, units: Sequence[Unit]
) -> Iterator[Output]:
    from fer_assets.labels.aggregation.combine import aggregate

    del units
    data = workspace.data
    found = aggregate(
        data.table(CROWD_ANSWERS, partition),
        data.table(IDENTITY_CLUSTERS, partition, "identity_clusters"),
        questionnaire_of(workspace, partition),
        _aggregation_settings(workspace, partition),
        tasks=data.table(LABELLING_TASKS, partition),
    )
    tables = {
        "crowd_labels": found.labels,
        "demographics": found.demographics,
        "workers": found.workers,
        "agreement": pl.DataFrame(
            [
                {
                    "question": question,
                    "alpha": agreement.alpha,
                    "kappa": agreement.kappa,
                    "n_items": agreement.n_items,
                    "n_answers": agreement.n_answers,
                }
                for question, agreement in sorted(found.agreement.items())
            ],
            schema=ASSET_TABLES[CROWD_LABELS]["agreement"].dtypes,
        ),
    }
    yield Output(WHOLE, tables)


def _too_few_answers(workspace: Workspace, partition: str | None) -> str | None:
    missing = n_missing(workspace, partition, workspace.data.table(CROWD_ANSWERS, partition))
    return f"{missing} answers are missing" if missing else None


def _labels_summary(workspace: Workspace, partition: str | None, report: BuildReport) -> Summary:
    from fer_assets.figures.labels import label_bars

    del report
    data, found = workspace.data, challenge(workspace, partition)
    labels = data.table(CROWD_LABELS, partition, "crowd_labels")
    people = data.table(CROWD_LABELS, partition, "demographics")
    n_labelled = labels["label"].count()
    reasons = labels.drop_nulls("reason").group_by("reason").len("faces").sort("reason")
    is_simulated = bool(labels["is_simulated"].any())
    counts = dict(labels.drop_nulls("label").group_by("label").len().sort("label").iter_rows())
    return Summary(
        figures={
            "faces": labels.height,
            "labelled": n_labelled,
            "median agreement": round(median(labels, "agreement"), 3),
            "people with inconsistent demographics": int((~people["is_consistent"]).sum()),
            "simulated": is_simulated,
        },
        pictures={"labels": label_bars(counts, found.ekman)},
        tables={
            "agreement by question": data.table(CROWD_LABELS, partition, "agreement"),
            **({"no label": reasons} if reasons.height else {}),
        },
        checks=[
            Check(
                "most_faces_labelled",
                n_labelled >= 0.5 * labels.height,
                f"{n_labelled} of {labels.height} faces have a convincing label",
            )
        ],
    )


CROWD_LABELS_STEP = Step(
    asset=CROWD_LABELS,
    description="What the crowd says of each face and person: convincing majority, Dawid-Skene "
    "soft labels, demographics per person, agreement.",
    deps=(CROWD_ANSWERS, IDENTITY_CLUSTERS, LABELLING_TASKS),
    build=_labels_build,
    units=_labels_units,
    work=_labels_work,
    summarise=_labels_summary,
    waiting=_too_few_answers,
    checks=("most_faces_labelled",),
)
