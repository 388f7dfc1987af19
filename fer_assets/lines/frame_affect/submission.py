"""What is published of a set's frames, as the files that the competition takes.

Belongs here: which videos and frames are asked for, bringing predictions to them. Does not belong
here: the files' form (`public_data/abaw/submission.py`), predictions (`predictions.py`), options
and printing (`commands/affect_submission.py`).

Rows are asked for of every frame; a video's last frame is its film's, or, where only crops are
known, the last one that a crop or the annotation file tells of. A frame after the last prediction
takes the last one, as gaps at the end do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.compute.progress import track
from fer_assets.errors import FerError
from fer_assets.lines.frame_affect.names import ANNOTATED_FRAMES, FRAME_PREDICTIONS
from fer_assets.lines.inputs import challenge
from fer_assets.lines.workspace import Workspace

if TYPE_CHECKING:
    from fer_assets.frame_affect.frames.annotations import Annotation
    from fer_assets.public_data.abaw.submission import Decided

SetName = Literal["validation", "test"]


@dataclass(frozen=True)
class Submitted:
    """What was written.

    Attributes:
        files: their names.
        n_videos: videos in them.
        n_frames: rows in them.
        runs: the runs whose predictions they hold.
        missing: names of videos that are asked for and have no prediction: no face, or no pictures.
    """

    files: tuple[str, ...]
    n_videos: int
    n_frames: int
    runs: tuple[str, ...]
    missing: tuple[str, ...]


def write_submission(
    workspace: Workspace,
    partition: str,
    task: str,
    set_name: SetName,
    out: Path,
    *,
    is_listed: bool | None = None,
) -> Submitted:
    """Write the files of one task for the validation or test set.

    Args:
        workspace: where predictions are.
        partition: key of the challenge.
        task: EXPR, VA, AU or MTL.
        set_name: of which set.
        out: folder that is empty or not there yet.
        is_listed: one file for all videos; None: as the third competition asks.

    Raises:
        NotMaterializedError: there are no predictions.
        FerError: the folder is not empty, or no video of the set has a prediction.
    """
    from fer_assets.public_data.abaw.submission import submission_files

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FerError(str(out), expected="a new or empty folder", found="something in it")
    asked = _Asked(workspace, partition, task, set_name)
    videos: dict[str, tuple[NDArray[np.int64], Decided]] = {}
    runs: set[str] = set()
    for name, numbers, rows in asked.predictions():
        videos[name] = numbers, _decided(task, rows, numbers)
        runs.update(rows["run"].unique())
    if not videos:
        raise FerError(
            f"submission of {partition}, {task}, {set_name}",
            expected="a video of this set with predictions",
            found=f"{len(asked.names)} videos asked for, none predicted",
            remedy="`fer-assets challenge check` says what was found of the set.",
        )
    out.mkdir(parents=True, exist_ok=True)
    files = []
    for file, text in submission_files(task, videos, is_listed=is_listed):
        (out / file).write_text(text, encoding="utf-8", newline="\n")
        files.append(file)
    return Submitted(
        tuple(files),
        len(videos),
        sum(len(numbers) for numbers, _ in videos.values()),
        tuple(sorted(runs)),
        tuple(sorted(asked.names - set(videos))),
    )


class _Asked:
    """The videos of a set and what is published of them."""

    def __init__(self, workspace: Workspace, partition: str, task: str, set_name: SetName) -> None:
        from fer_assets.frame_affect.frames.annotations import find_annotations
        from fer_assets.public_data.abaw.test_lists import read_test_list

        folder = challenge(workspace, partition).annotations
        if folder is None:
            raise FerError(
                f"challenge {partition}", expected="an affect challenge", found="another"
            )
        self._data, self._partition, self._task = workspace.data, partition, task
        self._said: list[Annotation] = [
            one for one in find_annotations(folder) if (one.task, one.set) == (task, set_name)
        ]
        self.names = {one.name for one in self._said}
        self._listed: dict[str, tuple[int, ...]] = {}
        for file in {one.file for one in self._said if set_name == "test"}:
            self._listed |= read_test_list(file)

    def predictions(self) -> Iterator[tuple[str, NDArray[np.int64], pl.DataFrame]]:
        """Name, frames asked for and FRAME_PREDICTIONS of each video that has some."""
        known = self._data.table(ANNOTATED_FRAMES, self._partition, "affect_videos")
        is_used = pl.col("status").is_in(["accepted", "duplicate"])
        ids = dict(known.filter(is_used).select("name", "video_id").iter_rows())
        for one in track(self._said, len(self._said), "reading predictions"):
            video = ids.get(one.name)
            if video is None:
                continue
            rows = self._data.table(
                FRAME_PREDICTIONS, self._partition, "frame_predictions", units=[video]
            ).filter(pl.col("task") == self._task)
            if rows.height:
                rows = rows.sort("frame")
                yield one.name, _asked_frames(one, self._listed.get(one.name, ()), rows), rows


def _asked_frames(one: Annotation, listed: Sequence[int], rows: pl.DataFrame) -> NDArray[np.int64]:
    """The frames that a file has rows for, ascending: those of a list, or every one."""
    if listed:
        return np.array(sorted(listed), dtype=np.int64)
    labels = one.read()
    said = np.array([] if labels is None else labels.frames, dtype=np.int64)
    if one.task == "MTL" and len(said):
        return said
    return np.arange(1, max(int(rows["frame"].to_numpy()[-1]), said.max(initial=0)) + 1)


def _decided(task: str, rows: pl.DataFrame, numbers: NDArray[np.int64]) -> Decided:
    """What is published of the frames `numbers`; a frame without a row takes the one before."""
    from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_EXPRESSIONS

    known = rows["frame"].to_numpy()
    at = np.clip(np.searchsorted(known, numbers, side="right") - 1, 0, None)
    found: dict[str, NDArray[np.float64]] = {}
    if task in ("EXPR", "MTL"):
        codes = {name: code for code, name in enumerate(AFFECT_EXPRESSIONS)}
        expression = rows["expression"].replace_strict(codes, return_dtype=pl.Int64)
        found["expression"] = expression.to_numpy()[at].astype(np.float64)
    if task in ("VA", "MTL"):
        found["valence_arousal"] = rows.select("valence", "arousal").to_numpy()[at].astype(float)
    if task in ("AU", "MTL"):
        found["action_units"] = rows.select(AFFECT_ACTION_UNITS).to_numpy()[at].astype(float)
    return found
