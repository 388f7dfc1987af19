"""Steps from tasks to labels: `labelling_tasks`, `crowd_answers`, `crowd_labels`.

Belongs here: wiring of `labels`. Does not belong here: its work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import polars as pl

from fer_assets.lines.step import Check, Step, Summary
from fer_assets.lines.tiktokfer.inputs import challenge, median, one_unit, whole
from fer_assets.lines.tiktokfer.names import (
    CROWD_ANSWERS,
    CROWD_LABELS,
    FACE_CROPS,
    IDENTITY_CLUSTERS,
    LABELLING_TASKS,
)
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.digests import sha256_bytes
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import BuildReport, Output
from fer_assets.storage.manifests import read_manifest
from fer_assets.storage.planning import WHOLE, Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.tombstones import read_salt

if TYPE_CHECKING:
    from fer_assets.labels.aggregation.combine import AggregationSettings
    from fer_assets.labels.answers import CrowdAnswers
    from fer_assets.labels.questionnaire import Questionnaire
    from fer_assets.labels.tasks import TaskSettings

ANSWER_SUFFIXES = (".csv", ".jsonl", ".ndjson", ".parquet")


def answers_folder(partition: str | None) -> str:
    """Where answer files of a challenge are put, below the root."""
    return f"answers/{partition}"


def questionnaire_of(workspace: Workspace, partition: str | None) -> Questionnaire:
    """The questionnaire with the challenge's own expressions."""
    from fer_assets.labels.questionnaire import load_questionnaire

    found = challenge(workspace, partition)
    return load_questionnaire().with_expressions(found.ekman, found.beyond_ekman)


def _label_settings(workspace: Workspace, partition: str | None) -> dict[str, float]:
    settings = challenge(workspace, partition).settings.get("labels", {})
    return {name: float(value) for name, value in settings.items()}


def _task_settings(workspace: Workspace, partition: str | None) -> TaskSettings:
    from fer_assets.labels.tasks import TaskSettings

    given, default = _label_settings(workspace, partition), TaskSettings()
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


def _answer_files(workspace: Workspace, partition: str | None) -> dict[str, bytes]:
    paths = workspace.store.list(answers_folder(partition))
    return {path: workspace.store.read(path) for path in paths if path.endswith(ANSWER_SUFFIXES)}


def _answers_build(workspace: Workspace, partition: str | None) -> Build:
    from fer_assets.labels import CODE_VERSION

    digest = questionnaire_of(workspace, partition).digest
    return Build(Place(CROWD_ANSWERS, partition), ASSET_TABLES[CROWD_ANSWERS], CODE_VERSION, digest)


def _answers_units(workspace: Workspace, partition: str | None) -> list[Unit]:
    files = _answer_files(workspace, partition)
    digests = {path: sha256_bytes(data) for path, data in files.items()}
    return one_unit({**whole(workspace, partition, (LABELLING_TASKS,)), **digests})


def _read_answers(workspace: Workspace, partition: str | None) -> CrowdAnswers:
    from fer_assets.labels.answer_files import AnswerFile
    from fer_assets.labels.answers import read_answers

    files = _answer_files(workspace, partition)
    return read_answers(
        [AnswerFile(path, data) for path, data in sorted(files.items())],
        workspace.data.table(LABELLING_TASKS, partition),
        questionnaire_of(workspace, partition),
        salt=read_salt(workspace.store),
    )


def _answers_work(
    workspace: Workspace, partition: str | None, units: Sequence[Unit]
) -> Iterator[Output]:
    del units
    found = _read_answers(workspace, partition)
    report = found.report
    lost = [f"{name}: {n}" for name, n in sorted({**report.dropped, **report.rejected}.items())]
    lost += [f"{file.name} left out: {file.reason}" for file in report.rejected_files]
    yield Output(WHOLE, {"crowd_answers": found.answers}, reason="; ".join(lost) or None)


def _no_answers(workspace: Workspace, partition: str | None) -> str | None:
    if _answer_files(workspace, partition):
        return None
    wanted = int(workspace.data.table(LABELLING_TASKS, partition)["answers_wanted"].sum())
    if not wanted:
        return "there is no face to label yet"
    return f"{wanted} answers are missing; put files into {answers_folder(partition)}"


def _answers_summary(workspace: Workspace, partition: str | None, report: BuildReport) -> Summary:
    answers = workspace.data.table(CROWD_ANSWERS, partition)
    accepted = answers.filter(pl.col("status") == "accepted")
    not_counted = report.manifest.units[WHOLE].reason
    return Summary(
        figures={
            "answers": accepted.height,
            "workers": accepted["worker_id"].n_unique(),
            "rejected answers": answers.height - accepted.height,
            "answers still missing": _missing(workspace, partition, answers),
            "simulated": bool(answers["is_simulated"].any()),
        },
        checks=[
            Check("all_answers_count", not_counted is None, not_counted or "all of them count")
        ],
    )


def _missing(workspace: Workspace, partition: str | None, answers: pl.DataFrame) -> int:
    from fer_assets.labels.answers import missing_answers

    return missing_answers(workspace.data.table(LABELLING_TASKS, partition), answers)


CROWD_ANSWERS_STEP = Step(
    asset=CROWD_ANSWERS,
    description="Answers of workers, checked against their tasks and the questionnaire.",
    deps=(LABELLING_TASKS,),
    build=_answers_build,
    units=_answers_units,
    work=_answers_work,
    summarise=_answers_summary,
    waiting=_no_answers,
    checks=("all_answers_count",),
)


def _aggregation_settings(workspace: Workspace, partition: str | None) -> AggregationSettings:
    from fer_assets.labels.aggregation.combine import AggregationSettings
    from fer_assets.labels.aggregation.majority import MajoritySettings

    share = _label_settings(workspace, partition).get("convincing_share")
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
    missing = _missing(workspace, partition, workspace.data.table(CROWD_ANSWERS, partition))
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
