"""The step `crowd_labels`: answers become labels.

Belongs here: wiring of `labels.aggregation`. Does not belong here: its work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from fer_assets.lines.inputs import challenge, median, one_unit, whole
from fer_assets.lines.step import Check, Step, Summary
from fer_assets.lines.tiktokfer.answers import n_missing
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
    from fer_assets.labels.aggregation.estimates import soft_labels_of
    from fer_assets.labels.aggregation.majority import MajoritySettings

    given, settings = label_settings(workspace, partition), AggregationSettings()
    if (share := given.get("convincing_share")) is not None:
        settings = replace(settings, majority=MajoritySettings(convincing_share=float(share)))
    if (name := given.get("soft_labels")) is not None:
        where = f"challenge {partition}: settings.labels.soft_labels"
        settings = replace(settings, soft_labels=soft_labels_of(name, where))
    return settings


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
        "label_estimates": found.estimates,
        "suspect_labels": found.suspects,
        "demographics": found.demographics,
        "demographic_disagreements": found.disagreements,
        "workers": found.workers,
        "worker_confusion": found.confusions,
        "human_ceiling": found.ceiling,
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
    unfinished = None if found.has_converged else "a model stopped before it converged"
    yield Output(WHOLE, tables, reason=unfinished)


def _too_few_answers(workspace: Workspace, partition: str | None) -> str | None:
    missing = n_missing(workspace, partition, workspace.data.table(CROWD_ANSWERS, partition))
    return f"{missing} answers are missing" if missing else None


def _labels_summary(workspace: Workspace, partition: str | None, report: BuildReport) -> Summary:
    del report
    data = workspace.data

    def table(name: str) -> pl.DataFrame:
        return data.table(CROWD_LABELS, partition, name)

    labels, people, ceiling = table("crowd_labels"), table("demographics"), table("human_ceiling")
    n_labelled = labels["label"].count()
    reasons = labels.drop_nulls("reason").group_by("reason").len("faces").sort("reason")
    settings = _aggregation_settings(workspace, partition)
    return Summary(
        figures={
            "faces": labels.height,
            "labelled": n_labelled,
            "median agreement": round(median(labels, "agreement"), 3),
            "suspect labels": table("suspect_labels").height,
            "people with inconsistent demographics": int((~people["is_consistent"]).sum()),
            "workers left out": int(table("workers")["is_left_out"].sum()),
            "soft labels by": settings.soft_labels,
            "simulated": bool(labels["is_simulated"].any()),
            **human_figures(ceiling),
        },
        pictures=_pictures(workspace, partition, ceiling),
        tables={
            "agreement by question": table("agreement"),
            **({"human ceiling": ceiling} if ceiling.height else {}),
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


def human_figures(ceiling: pl.DataFrame) -> dict[str, float]:
    """The macro average of HUMAN_CEILING as a figure; nothing where nothing was compared."""
    average = ceiling.filter(pl.col("expression") == "all")["f1"]
    if average.is_empty():
        return {}
    return {"one worker against the others, macro F1": round(float(average[0]), 3)}


def _pictures(
    workspace: Workspace, partition: str | None, ceiling: pl.DataFrame
) -> dict[str, bytes]:
    """Aggregates only: no picture names a worker or a face."""
    from fer_assets.figures.confusions import confusion_plot
    from fer_assets.figures.labels import label_bars
    from fer_assets.figures.labels_ceiling import ceiling_plot
    from fer_assets.figures.labels_workers import worker_plot

    data = workspace.data
    labels = data.table(CROWD_LABELS, partition, "crowd_labels").drop_nulls("label")
    counts = dict(labels.group_by("label").len().sort("label").iter_rows())
    confusions = data.table(CROWD_LABELS, partition, "worker_confusion")
    classes = questionnaire_of(workspace, partition).votes
    number = {name: place for place, name in enumerate(classes)}
    matrix = np.zeros((len(classes), len(classes)))
    cells = confusions.group_by("truth", "answer").agg(pl.col("n_votes").sum())
    for truth, answer, n_votes in cells.iter_rows():
        matrix[number[truth], number[answer]] = n_votes
    return {
        "labels": label_bars(counts, challenge(workspace, partition).ekman),
        "workers": worker_plot(data.table(CROWD_LABELS, partition, "workers")),
        "confusions of the crowd": confusion_plot(
            np.rint(matrix), classes, "What workers say", axes_names=("truth", "answer"),
            counted="votes",
        ),
        "one worker against the others": ceiling_plot(ceiling),
    }  # fmt: skip


CROWD_LABELS_STEP = Step(
    asset=CROWD_LABELS,
    description="What the crowd says of each face and person: convincing majority, soft labels by "
    "Dawid-Skene, one-coin, MACE or shares of votes, demographics, agreement, the workers' "
    "quality, the human ceiling, and labels worth a second look.",
    deps=(CROWD_ANSWERS, IDENTITY_CLUSTERS, LABELLING_TASKS),
    build=_labels_build,
    units=_labels_units,
    work=_labels_work,
    summarise=_labels_summary,
    waiting=_too_few_answers,
    checks=("most_faces_labelled",),
)
