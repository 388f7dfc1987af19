"""The step `labelling_tasks`, and what all steps about labels read first.

Belongs here: wiring of `labels`. Does not belong here: its work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fer_assets.lines.step import Step, Summary
from fer_assets.lines.tiktokfer.inputs import challenge, one_unit, whole
from fer_assets.lines.tiktokfer.names import FACE_CROPS, IDENTITY_CLUSTERS, LABELLING_TASKS
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import BuildReport, Output
from fer_assets.storage.manifests import read_manifest
from fer_assets.storage.planning import WHOLE, Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES

if TYPE_CHECKING:
    from fer_assets.labels.questionnaire import Questionnaire
    from fer_assets.labels.tasks import TaskSettings


def questionnaire_of(workspace: Workspace, partition: str | None) -> Questionnaire:
    """The questionnaire with the challenge's own expressions."""
    from fer_assets.labels.questionnaire import load_questionnaire

    found = challenge(workspace, partition)
    return load_questionnaire().with_expressions(found.ekman, found.beyond_ekman)


def label_settings(workspace: Workspace, partition: str | None) -> dict[str, float]:
    """What the challenge's file sets for labels."""
    settings = challenge(workspace, partition).settings.get("labels", {})
    return {name: float(value) for name, value in settings.items()}


def _task_settings(workspace: Workspace, partition: str | None) -> TaskSettings:
    from fer_assets.labels.tasks import TaskSettings

    given, default = label_settings(workspace, partition), TaskSettings()
    return TaskSettings(
        batch_size=int(given.get("batch_size", default.batch_size)),
        answers_wanted=int(given.get("answers_per_face", default.answers_wanted)),
    )


def _tasks_build(workspace: Workspace, partition: str | None) -> Build:
    from fer_assets.labels import CODE_VERSION

    settings = _task_settings(workspace, partition), questionnaire_of(workspace, partition).digest
    return Build(
        Place(LABELLING_TASKS, partition), ASSET_TABLES[LABELLING_TASKS], CODE_VERSION, settings
    )


def _tasks_units(workspace: Workspace, partition: str | None) -> list[Unit]:
    return one_unit(whole(workspace, partition, (IDENTITY_CLUSTERS, FACE_CROPS)))


def _tasks_work(
    workspace: Workspace, partition: str | None, units: Sequence[Unit]
) -> Iterator[Output]:
    from fer_assets.labels.tasks import make_tasks

    del units
    data = workspace.data
    clusters = data.table(IDENTITY_CLUSTERS, partition, "identity_clusters")
    prompts = data.table(FACE_CROPS, partition, columns=["face_id", "expression"])
    is_known = read_manifest(workspace.store, Place(LABELLING_TASKS, partition)) is not None
    tasks = make_tasks(
        clusters.join(prompts, on="face_id"),
        questionnaire_of(workspace, partition),
        _task_settings(workspace, partition),
        previous=data.table(LABELLING_TASKS, partition) if is_known else None,
    )
    yield Output(WHOLE, {"labelling_tasks": tasks})


def _tasks_summary(workspace: Workspace, partition: str | None, report: BuildReport) -> Summary:
    del report
    tasks = workspace.data.table(LABELLING_TASKS, partition)
    return Summary(
        figures={
            "tasks": tasks.height,
            "batches": tasks["batch_id"].n_unique(),
            "gold tasks": int(tasks["is_gold"].sum()),
            "answers wanted": int(tasks["answers_wanted"].sum()),
        }
    )


LABELLING_TASKS_STEP = Step(
    asset=LABELLING_TASKS,
    description="Faces to be labelled, in batches that mix people; exact copies are left out.",
    deps=(IDENTITY_CLUSTERS, FACE_CROPS),
    build=_tasks_build,
    units=_tasks_units,
    work=_tasks_work,
    summarise=_tasks_summary,
)
