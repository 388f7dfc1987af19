"""The step `labelling_tasks`, and what all steps about labels read first.

Belongs here: wiring of `labels`. Does not belong here: its work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from fer_assets.errors import FerError
from fer_assets.lines.inputs import challenge, file_input, one_unit, whole
from fer_assets.lines.step import Check, Step, Summary
from fer_assets.lines.tiktokfer.names import FACE_CROPS, IDENTITY_CLUSTERS, LABELLING_TASKS
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import BuildReport, Output
from fer_assets.storage.manifests import read_manifest
from fer_assets.storage.planning import WHOLE, Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES

QUESTIONNAIRE_FILE = "questionnaire.toml"
"""Beside a challenge's file: its own questionnaire, in the form of the package's."""

if TYPE_CHECKING:
    from fer_assets.labels.gold import Gold
    from fer_assets.labels.questionnaire import Questionnaire
    from fer_assets.labels.tasks import TaskSettings


def questionnaire_of(workspace: Workspace, partition: str | None) -> Questionnaire:
    """The challenge's own questionnaire, or the package's with the challenge's expressions.

    Raises:
        QuestionnaireError: the file beside `challenge.toml` can't be used, or lacks an expression
            that a prompt of the challenge asks for.
    """
    from fer_assets.labels.questionnaire import QuestionnaireError, load_questionnaire

    found = challenge(workspace, partition)
    path = found.file(QUESTIONNAIRE_FILE)
    if path is None:
        return load_questionnaire().with_expressions(found.ekman, found.beyond_ekman)
    questionnaire = load_questionnaire(path)
    try:
        questionnaire.refuse_without(found.ekman, found.beyond_ekman)
    except QuestionnaireError as error:
        raise QuestionnaireError(
            f"{path}: {error.thing}",
            expected=error.expected, found=error.found, remedy=error.remedy,
        ) from error  # fmt: skip
    return questionnaire


def label_settings(workspace: Workspace, partition: str | None) -> dict[str, Any]:
    """What the challenge's file sets for labels."""
    return dict(challenge(workspace, partition).settings.get("labels", {}))


def _task_settings(workspace: Workspace, partition: str | None) -> TaskSettings:
    from fer_assets.labels.tasks import TaskSettings

    given, default = label_settings(workspace, partition), TaskSettings()
    try:
        return TaskSettings(
            batch_size=given.get("batch_size", default.batch_size),
            answers_wanted=given.get("answers_per_face", default.answers_wanted),
            answers_at_most=given.get("answers_at_most"),
        )
    except ValueError as error:
        raise FerError(
            f"{challenge(workspace, partition).folder / 'challenge.toml'}: settings.labels",
            expected="batch_size and answers_per_face of at least 1, answers_at_most not below it",
            found=", ".join(f"{name} = {value}" for name, value in sorted(given.items())),
        ) from error


def _tasks_build(workspace: Workspace, partition: str | None) -> Build:
    from fer_assets.labels import CODE_VERSION

    settings = _task_settings(workspace, partition), questionnaire_of(workspace, partition).digest
    return Build(
        Place(LABELLING_TASKS, partition), ASSET_TABLES[LABELLING_TASKS], CODE_VERSION, settings
    )


def _tasks_units(workspace: Workspace, partition: str | None) -> list[Unit]:
    from fer_assets.labels.gold import GOLD_FILE

    gold = file_input(challenge(workspace, partition).file(GOLD_FILE))
    inputs = whole(workspace, partition, (IDENTITY_CLUSTERS, FACE_CROPS))
    return one_unit({**inputs, **({GOLD_FILE: gold} if gold != "absent" else {})})


def read_challenge_gold(workspace: Workspace, partition: str | None, faces: pl.Series) -> Gold:
    """The gold file beside the challenge's file, checked; empty where there is none.

    Raises:
        GoldError: the file can't be read.
    """
    from fer_assets.labels.gold import GOLD_FILE, read_gold

    path = challenge(workspace, partition).file(GOLD_FILE)
    data = path.read_bytes() if path else b"face_id,expression\n"
    questionnaire = questionnaire_of(workspace, partition)
    return read_gold(data, faces, questionnaire, name=str(path or GOLD_FILE))


def _tasks_work(
    workspace: Workspace, partition: str | None, units: Sequence[Unit]
) -> Iterator[Output]:
    from fer_assets.labels.gold import GOLD_FILE
    from fer_assets.labels.tasks import make_tasks

    del units
    data = workspace.data
    clusters = data.table(IDENTITY_CLUSTERS, partition, "identity_clusters")
    prompts = data.table(FACE_CROPS, partition, columns=["face_id", "expression"])
    gold = read_challenge_gold(
        workspace, partition, clusters.filter(~pl.col("is_duplicate"))["face_id"]
    )
    is_known = read_manifest(workspace.store, Place(LABELLING_TASKS, partition)) is not None
    before = ["task_id", "batch_id", "is_gold"]
    tasks = make_tasks(
        clusters.join(prompts, on="face_id"),
        questionnaire_of(workspace, partition),
        _task_settings(workspace, partition),
        gold=gold.faces,
        previous=data.table(LABELLING_TASKS, partition, columns=before) if is_known else None,
    )
    why = gold.refused.group_by("reason").len().sort("reason")
    refused = "; ".join(f"{GOLD_FILE}: {reason}: {n}" for reason, n in why.iter_rows())
    yield Output(WHOLE, {"labelling_tasks": tasks}, reason=refused or None)


def _tasks_summary(workspace: Workspace, partition: str | None, report: BuildReport) -> Summary:
    tasks = workspace.data.table(LABELLING_TASKS, partition)
    refused = report.manifest.units[WHOLE].reason
    return Summary(
        figures={
            "tasks": tasks.height,
            "batches": tasks["batch_id"].n_unique(),
            "gold tasks": int(tasks["is_gold"].sum()),
            "answers wanted": int(tasks["answers_wanted"].sum()),
            "answers at most": int(tasks["answers_at_most"].sum()),
        },
        checks=[Check("gold_is_usable", refused is None, refused or "every gold face has a task")],
    )


LABELLING_TASKS_STEP = Step(
    asset=LABELLING_TASKS,
    description="Faces to be labelled, in batches that mix people; exact copies are left out.",
    deps=(IDENTITY_CLUSTERS, FACE_CROPS),
    build=_tasks_build,
    units=_tasks_units,
    work=_tasks_work,
    summarise=_tasks_summary,
    checks=("gold_is_usable",),
)
