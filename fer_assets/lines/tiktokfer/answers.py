"""The step `crowd_answers`: files of answers become one checked table.

Belongs here: wiring of `labels`. Does not belong here: its work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import polars as pl

from fer_assets.lines.inputs import one_unit, whole
from fer_assets.lines.step import Check, Step, Summary
from fer_assets.lines.tiktokfer.names import CROWD_ANSWERS, LABELLING_TASKS
from fer_assets.lines.tiktokfer.tasks import questionnaire_of
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.digests import sha256_bytes
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import BuildReport, Output
from fer_assets.storage.planning import WHOLE, Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.tombstones import read_salt

if TYPE_CHECKING:
    from fer_assets.labels.answers import CrowdAnswers

ANSWER_SUFFIXES = (".csv", ".jsonl", ".ndjson", ".parquet")


def answers_folder(partition: str | None) -> str:
    """Where answer files of a challenge are put, below the root."""
    return f"answers/{partition}"


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
    tables = {"crowd_answers": found.answers, "answer_flags": found.flags}
    yield Output(WHOLE, tables, reason="; ".join(lost) or None)


def _no_answers(workspace: Workspace, partition: str | None) -> str | None:
    if _answer_files(workspace, partition):
        return None
    tasks = workspace.data.table(LABELLING_TASKS, partition, columns=["answers_wanted"])
    wanted = int(tasks["answers_wanted"].sum())
    if not wanted:
        return "there is no face to label yet"
    return f"{wanted} answers are missing; put files into {answers_folder(partition)}"


def _collect(workspace: Workspace, partition: str | None) -> None:
    """Bring in what workers answered on the labelling page."""
    from fer_assets.lines.tiktokfer.page_answers import collect_page_answers

    if partition is not None:
        collect_page_answers(workspace, partition)


def _answers_summary(workspace: Workspace, partition: str | None, report: BuildReport) -> Summary:
    from fer_assets.labels.uncertainty import uncertainty

    answers = workspace.data.table(CROWD_ANSWERS, partition, "crowd_answers")
    accepted = answers.filter(pl.col("status") == "accepted")
    tasks = workspace.data.table(LABELLING_TASKS, partition)
    flags = workspace.data.table(CROWD_ANSWERS, partition, "answer_flags")
    doubt = uncertainty(tasks, answers, questionnaire_of(workspace, partition), flags=flags)
    not_counted = report.manifest.units[WHOLE].reason
    return Summary(
        figures={
            "answers": accepted.height,
            "workers": accepted["worker_id"].n_unique(),
            "rejected answers": answers.height - accepted.height,
            "answers still missing": n_missing(workspace, partition, answers),
            "faces still uncertain": doubt.n_uncertain,
            "further answers worth asking": doubt.further_answers,
            "bits the next ones would bring": round(doubt.bits, 1),
            "skipped": flags.filter(pl.col("kind") == "skip").height,
            "flagged": flags.filter(pl.col("kind") == "flag").height,
            "simulated": bool(answers["is_simulated"].any()),
        },
        checks=[
            Check("all_answers_count", not_counted is None, not_counted or "all of them count")
        ],
    )


def n_missing(workspace: Workspace, partition: str | None, answers: pl.DataFrame) -> int:
    """Answers still wanted, summed over the tasks."""
    from fer_assets.labels.answers import missing_answers

    flags = workspace.data.table(CROWD_ANSWERS, partition, "answer_flags")
    return missing_answers(workspace.data.table(LABELLING_TASKS, partition), answers, flags)


CROWD_ANSWERS_STEP = Step(
    asset=CROWD_ANSWERS,
    description="Answers of workers, checked against their tasks and the questionnaire.",
    deps=(LABELLING_TASKS,),
    build=_answers_build,
    units=_answers_units,
    work=_answers_work,
    summarise=_answers_summary,
    waiting=_no_answers,
    prepare=_collect,
    checks=("all_answers_count",),
)
