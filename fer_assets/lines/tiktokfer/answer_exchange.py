"""Answers brought in from elsewhere and handed on, and where the collecting stands.

Belongs here: wiring of `labels.exchange` to a workspace. Does not belong here: its work, printing.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from fer_assets.compute.progress import track
from fer_assets.errors import FerError
from fer_assets.lines.tiktokfer.answers import ANSWER_SUFFIXES, answers_folder
from fer_assets.lines.tiktokfer.names import CROWD_ANSWERS, FACE_CROPS, LABELLING_TASKS
from fer_assets.lines.tiktokfer.tasks import questionnaire_of
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.tombstones import read_salt

if TYPE_CHECKING:
    from fer_assets.labels.exchange.reading import Layout
    from fer_assets.labels.exchange.submissions import Checked, Refused, Submission
    from fer_assets.labels.uncertainty import Uncertainty

RESERVED: Final = ("labelling-page", "mturk-sandbox", "mturk-production", "simulated")
"""Names of answer files that the program itself writes."""


@dataclass(frozen=True)
class ImportReport:
    """What became of a file of answers.

    Attributes:
        path: where its answers are kept, below the root.
        n_submissions: faces answered, skipped or flagged by a worker that were taken.
        refused: the others, each with its reason.
        is_changed: whether anything was written.
    """

    path: str
    n_submissions: int
    refused: tuple[Refused, ...]
    is_changed: bool


def import_answers(
    workspace: Workspace,
    key: str,
    file: Path,
    layout: Layout | None = None,
    *,
    may_drop: bool = False,
) -> ImportReport:
    """Check a file of answers in any known layout and keep what counts as an answer file.

    The same file again changes nothing; a file of the same name that holds more takes its place.

    Raises:
        FerError: the file can't be read or its layout is unknown, its name is taken, or answers
            that the file held before would be lost and `may_drop` is not set.
    """
    from fer_assets.labels.exchange.reading import read_exchange

    stem = re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-") or "answers"
    if stem in RESERVED:
        raise FerError(
            str(file), expected="another name", found=f"{stem}, which the program itself writes",
            remedy="Rename the file.",
        )  # fmt: skip
    try:
        data = file.read_bytes()
    except OSError as error:
        raise FerError(str(file), expected="a file", found=str(error.strerror)) from error
    found, broken = read_exchange(file.name, data, questionnaire_of(workspace, key), layout)
    return keep_submissions(workspace, key, stem, found, broken, may_drop=may_drop)


def keep_submissions(
    workspace: Workspace,
    key: str,
    name: str,
    found: list[Submission],
    broken: list[Refused],
    *,
    may_drop: bool = False,
    keeps_old: bool = False,
) -> ImportReport:
    """Write ``answers/KEY/NAME.parquet`` with the submissions that are new to the other files.

    Args:
        may_drop: answers that the file held and `found` does not are dropped.
        keeps_old: they stay, and `found` only adds to them.
    """
    from fer_assets.labels.exchange.submissions import check_submissions

    target = f"{answers_folder(key)}/{name}.parquet"
    tasks = set(workspace.data.table(LABELLING_TASKS, key)["task_id"].to_list())
    taken = _taken(workspace, key, but=target)
    checked = check_submissions(found, tasks, questionnaire_of(workspace, key), taken)
    refused = (*broken, *checked.refused)
    if not checked.n_submissions and not workspace.store.exists(target):
        return ImportReport(target, 0, refused, is_changed=False)
    if keeps_old and workspace.store.exists(target):
        before = pl.read_parquet(io.BytesIO(workspace.store.read(target)))
        new = checked.rows.join(before, on=["task_id", "worker"], how="anti")
        checked = replace(checked, rows=pl.concat([before, new]))
    is_changed = _write(workspace, target, checked, tasks, may_drop=may_drop)
    return ImportReport(target, checked.n_submissions, refused, is_changed)


def _write(
    workspace: Workspace, target: str, checked: Checked, tasks: set[str], *, may_drop: bool
) -> bool:
    if workspace.store.exists(target):
        before = pl.read_parquet(io.BytesIO(workspace.store.read(target)))
        if before.equals(checked.rows):
            return False
        pairs = ["task_id", "worker"]
        # what belonged to a face that was withdrawn since is not missed
        kept = before.filter(pl.col("task_id").is_in(list(tasks))).select(pairs).unique()
        lost = kept.join(checked.rows.select(pairs), on=pairs, how="anti").height
        if lost and not may_drop:
            raise FerError(
                target, expected="a file that still holds what it held before",
                found=f"{lost} answered faces fewer",
                remedy="Rename the file to keep both, or confirm with --replace.",
            )  # fmt: skip
    buffer = io.BytesIO()
    checked.rows.write_parquet(buffer, compression="zstd")
    workspace.store.write(target, buffer.getvalue())
    return True


def _taken(workspace: Workspace, key: str, *, but: str) -> set[tuple[str, str]]:
    """Who answered what in the other files, by name and by hashed id.

    An export of ours carries hashed ids: brought in again, it must not count twice.
    """
    from fer_assets.labels.answer_files import AnswerFile
    from fer_assets.labels.answers import worker_id
    from fer_assets.labels.exchange.reading import taken_pairs

    store, salt = workspace.store, read_salt(workspace.store)
    paths = [p for p in store.list(answers_folder(key)) if p.endswith(ANSWER_SUFFIXES) and p != but]
    pairs = taken_pairs([AnswerFile(path, store.read(path)) for path in paths])
    ids = {name: worker_id(name, salt) for name in {worker for _, worker in pairs}}
    return pairs | {(task, ids[worker]) for task, worker in pairs}


def export_answers(workspace: Workspace, key: str, layout: Layout) -> bytes:
    """The accepted answers and the flags in another layout, workers by their hashed ids."""
    from fer_assets.labels.exchange import crowd_kit, label_studio, mturk_files
    from fer_assets.labels.exchange.submissions import answer_rows, submissions_of

    data, questionnaire = workspace.data, questionnaire_of(workspace, key)
    found = submissions_of(
        data.table(CROWD_ANSWERS, key, "crowd_answers"),
        data.table(CROWD_ANSWERS, key, "answer_flags"),
    )
    if layout == "mturk":
        return mturk_files.write_results(found, questionnaire)
    if layout == "label-studio":
        return label_studio.write_annotations(found, questionnaire)
    if layout == "crowd-kit":
        return crowd_kit.write_votes(found, questionnaire)
    buffer = io.BytesIO()
    answer_rows(found, questionnaire).write_parquet(buffer)
    return buffer.getvalue()


def export_tasks(
    workspace: Workspace, key: str, layout: Layout, image_url: str
) -> dict[str, bytes]:
    """File name to bytes of what another tool needs to collect answers.

    Raises:
        FerError: the layout has no tasks.
    """
    from fer_assets.labels.exchange import label_studio, mturk_files

    tasks = workspace.data.table(LABELLING_TASKS, key)
    if layout == "mturk":
        return {"batch.csv": mturk_files.write_batch_input(tasks, image_url)}
    if layout == "label-studio":
        config = label_studio.write_config(questionnaire_of(workspace, key))
        return {"tasks.json": label_studio.write_tasks(tasks, image_url), "config.xml": config}
    raise FerError(
        f"--format {layout}", expected="mturk or label-studio", found="a layout without tasks"
    )


def task_pictures(workspace: Workspace, key: str) -> Iterator[tuple[str, bytes]]:
    """(``TASK_ID.jpg``, JPEG) of every task, one video at a time."""
    data = workspace.data
    tasks = data.table(LABELLING_TASKS, key, columns=["task_id", "face_id", "video_id"])
    videos = tasks["video_id"].unique().sort().to_list()
    for video in track(videos, len(videos), "pictures"):
        crops = data.table(FACE_CROPS, key, columns=["face_id", "image"], units=[video])
        for task, image in tasks.join(crops, on="face_id").select("task_id", "image").iter_rows():
            yield f"{task}.jpg", image["bytes"]


@dataclass(frozen=True)
class CollectionReport:
    """Where the collecting of one challenge stands.

    Attributes:
        doubt: what is missing and uncertain.
        workers: see `labels.collection_report.worker_table`.
        flags: ANSWER_FLAGS.
        not_counted: answers that do not count, and why; None if all do.
    """

    doubt: Uncertainty
    workers: pl.DataFrame
    flags: pl.DataFrame
    not_counted: str | None


def collection_report(workspace: Workspace, key: str) -> CollectionReport:
    """Read what `crowd_answers` holds."""
    from fer_assets.labels.collection_report import worker_table
    from fer_assets.labels.uncertainty import uncertainty
    from fer_assets.storage.planning import WHOLE

    data = workspace.data
    tasks = data.table(LABELLING_TASKS, key)
    answers = data.table(CROWD_ANSWERS, key, "crowd_answers")
    flags = data.table(CROWD_ANSWERS, key, "answer_flags")
    return CollectionReport(
        doubt=uncertainty(tasks, answers, questionnaire_of(workspace, key), flags=flags),
        workers=worker_table(answers, flags, tasks),
        flags=flags,
        not_counted=data.manifest(CROWD_ANSWERS, key).units[WHOLE].reason,
    )


def propose_challenge_gold(
    workspace: Workspace, key: str, *, at_least: int, is_written: bool
) -> tuple[Path, pl.DataFrame]:
    """Clear cases that the gold file does not name yet; written into it if asked for.

    Returns:
        The file, and face_id, expression, n_answers.
    """
    from fer_assets.labels.gold import GOLD_FILE, propose_gold, read_gold, with_proposals
    from fer_assets.storage.store import LocalStore

    answers = workspace.data.table(CROWD_ANSWERS, key, "crowd_answers")
    tasks = workspace.data.table(LABELLING_TASKS, key)
    questionnaire = questionnaire_of(workspace, key)
    path = workspace.catalog.load(key).folder / GOLD_FILE
    data = path.read_bytes() if path.is_file() else None
    found = propose_gold(answers, questionnaire, at_least=at_least).join(
        tasks.select("face_id"), on="face_id", how="semi"
    )
    if data is not None:
        known = read_gold(data, tasks["face_id"], questionnaire, name=str(path))
        named = [*known.faces["face_id"], *known.refused["face_id"]]
        found = found.filter(~pl.col("face_id").is_in(named))
    if is_written and found.height:
        LocalStore(path.parent).write(path.name, with_proposals(data, found))
    return path, found
