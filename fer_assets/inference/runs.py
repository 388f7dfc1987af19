"""From a file or a folder to a folder of predictions.

Belongs here: the order of work, what is written where, at once or not at all. Does not belong here:
predicting (`predictor.py`), drawing (`annotating.py`), printing (`commands/predict.py`).

The folder holds `predictions.parquet`, `predictions.csv` (the same rows), `predictions.json` (what
they were made with, and a line per file), `annotated/` and, with an affect model, `plots/`. It is
put together beside its place under a hidden name and renamed when it is complete.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import polars as pl

from fer_assets.inference.drawing import draw_all
from fer_assets.inference.files import (
    DEFAULT_RATE_HZ,
    Given,
    PredictError,
    Rate,
    count_frames,
    examine,
    frame_sources,
    list_files,
    roomy_decoder,
)
from fer_assets.inference.plots import plot_file
from fer_assets.inference.predictor import Predictor
from fer_assets.inference.results import FilePrediction
from fer_assets.inference.smoothing import Smoothing
from fer_assets.inference.table import prediction_table, table_schema
from fer_assets.inference.timeline import Timeline
from fer_assets.media.guarded import GuardedDecoder

FORMAT: Final = 1
"""Raised when the record's fields change meaning."""

RECORD: Final = "predictions.json"


@dataclass(frozen=True)
class PredictSettings:
    """What can be chosen about a run.

    Attributes:
        rate: frames of a video looked at per second, or "all".
        smoothing: of each face's values over time.
        annotates: whether annotated copies are written.
        plots: whether plots over time are written.
        replaces: whether predictions that are there already are replaced.
    """

    rate: Rate = DEFAULT_RATE_HZ
    smoothing: Smoothing = field(default_factory=Smoothing)
    annotates: bool = True
    plots: bool = False
    replaces: bool = False


@dataclass(frozen=True)
class FileSummary:
    """What became of one file.

    Attributes:
        source: its name in the table.
        kind: "picture", "video" or "unusable".
        reason: why it can't be used; "" if it can.
        frames: frames looked at.
        faces: faces found in them.
        interpolated: faces said to be in frames where they were not found, within their tracks.
        tracks: different faces, by place over time.
        expression: what most of the faces show; "" without one.
        share: their share of the faces.
        annotated: the annotated copy, as a path below the run's folder; "" if there is none.
        plot: the plot over time, likewise.
        note: on the copy or the plot: that its sound was left out, or why there is none.
    """

    source: str
    kind: str
    reason: str
    frames: int
    faces: int
    interpolated: int
    tracks: int
    expression: str
    share: float
    annotated: str = ""
    plot: str = ""
    note: str = ""


@dataclass(frozen=True)
class RunSummary:
    """What a run left behind.

    Attributes:
        out: its folder.
        files: a line per file, in their order.
    """

    out: Path
    files: tuple[FileSummary, ...]

    @property
    def n_faces(self) -> int:
        """Faces predicted in all files."""
        return sum(file.faces for file in self.files)


def predict_path(
    given: Path,
    out: Path,
    predictor: Predictor,
    settings: PredictSettings,
    made_with: Mapping[str, Any],
) -> RunSummary:
    """Predict a file, or all files of a folder, and write the results into a new folder.

    Args:
        given: a video, a picture, or a folder of them.
        out: the folder to make.
        predictor: what predicts.
        settings: how.
        made_with: JSON values for the record: the checkpoint, its SHA-256.

    Raises:
        PredictError: nothing is given, the folder is there already, or it can't be written.
    """
    check_free(out, replaces=settings.replaces)
    files = list_files(given, besides=out)
    with _written_at_once(out, replaces=settings.replaces) as folder, ExitStack() as open_things:
        usual = open_things.enter_context(GuardedDecoder())
        known = examine(files, usual, settings.rate)
        decoder = open_things.enter_context(roomy_decoder(known, usual))
        summaries: list[FileSummary] = []
        tables = [pl.DataFrame(schema=table_schema(predictor.layout))]
        drawable: list[tuple[Given, Timeline]] = []
        sources = frame_sources(known, decoder, predictor.look_closer)
        n_items = count_frames(known) + len(known)
        with closing(predictor.files(sources, settings.smoothing, n_items)) as found:
            for file, result in zip(known, found, strict=True):
                is_picture = file.video is None
                tables.append(prediction_table(result, predictor.layout, is_picture=is_picture))
                summary = _summary(file, result)
                if settings.plots:
                    summary = _with_plot(summary, plot_file(result, file, predictor.layout, folder))
                summaries.append(summary)
                if result.error is None:
                    drawable.append((file, Timeline.of(result.frames, len(predictor.columns))))
        table = pl.concat(tables)
        table.write_parquet(folder / "predictions.parquet")
        table.write_csv(folder / "predictions.csv", float_precision=6)
        if settings.annotates:
            notes = draw_all(drawable, folder, predictor.layout, decoder)
            summaries = [_with_copy(file, notes.get(file.source)) for file in summaries]
        record = _record(predictor, settings, made_with, summaries)
        (folder / RECORD).write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    return RunSummary(out, tuple(summaries))


def check_free(out: Path, *, replaces: bool) -> None:
    """Refuse a place where something is, unless it is an earlier run's folder to be replaced.

    Raises:
        PredictError: it is taken.
    """
    if not os.path.lexists(out) or (out.is_dir() and not any(out.iterdir())):
        return
    is_ours = not out.is_symlink() and (out / RECORD).is_file()
    if is_ours and replaces:
        return
    raise PredictError(
        f"folder {out}",
        expected="a place that is free",
        found="predictions of an earlier run" if is_ours else "something that is no prediction",
        remedy="--force replaces them; --out names another folder."
        if is_ours
        else "--out names another folder; --force replaces nothing but predictions.",
    )


@contextmanager
def _written_at_once(out: Path, *, replaces: bool) -> Iterator[Path]:
    """A folder to fill, which becomes `out` if all goes well and vanishes if not."""
    staging = out.absolute().parent / f".{out.absolute().name}.{uuid.uuid4().hex[:8]}.part"
    try:
        staging.mkdir(parents=True)
        yield staging
        check_free(out, replaces=replaces)
        _swap_in(staging, out.absolute())
    except OSError as error:
        raise PredictError(f"folder {out}", expected="room to write", found=str(error)) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _swap_in(staging: Path, out: Path) -> None:
    """Rename; what was there before goes when the new is in place."""
    if not out.exists():
        staging.rename(out)
        return
    old = staging.with_suffix(".old")
    out.rename(old)
    staging.rename(out)
    shutil.rmtree(old)


def _summary(file: Given, found: FilePrediction) -> FileSummary:
    said = [face for frame in found.frames for face in frame.faces]
    faces = [face for face in said if not face.is_filled]
    named = pl.Series([face.expression for face in faces if face.expression], dtype=pl.String)
    counts = named.value_counts(sort=True, name="n").sort("n", named.name, descending=[True, False])
    top = counts.row(0) if counts.height else ("", 0)
    kind = "picture" if file.video is None else "video"
    return FileSummary(
        source=found.name,
        kind=kind if found.error is None else "unusable",
        reason=found.error.reason if found.error else "",
        frames=len(found.frames),
        faces=len(faces),
        interpolated=len(said) - len(faces),
        tracks=len({face.track for face in faces}),
        expression=top[0],
        share=round(top[1] / len(faces), 4) if faces else 0.0,
    )


def _with_plot(file: FileSummary, plot: tuple[str, str]) -> FileSummary:
    return replace(file, plot=plot[0], note=plot[1])


def _with_copy(file: FileSummary, copy: tuple[str, str] | None) -> FileSummary:
    if copy is None:
        return file
    notes = "; ".join(note for note in (file.note, copy[1]) if note)
    return replace(file, annotated=copy[0], note=notes)


def _record(
    predictor: Predictor,
    settings: PredictSettings,
    made_with: Mapping[str, Any],
    files: Sequence[FileSummary],
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        **made_with,
        "classes": list(predictor.classes),
        "columns": list(predictor.columns),
        "thresholds": {
            name: round(threshold, 6)
            for group in predictor.layout.groups
            for name, threshold in zip(group.names, group.thresholds, strict=False)
        },
        "rate_hz": settings.rate,
        "smoothing": asdict(settings.smoothing),
        "fills_gaps": predictor.fills_gaps,
        "files": [asdict(file) for file in files],
    }
