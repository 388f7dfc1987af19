"""What is true of every frame of the demo, from the scripts alone, no pixel looked at.

Belongs here: the truth tables, their schemas, reading and writing them. Does not belong here: what
of it the annotation files say (`annotation_files.py`), scoring against it (`scoring.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_EXPRESSIONS
from fer_assets.demo.affect.script import AffectScript
from fer_assets.demo.affect.timeline import affect_of
from fer_assets.demo.truth_files import read_tables, write_tables
from fer_assets.storage.schema import Column, Schema

_NAME: Final = Column("name", pl.String, "stem of the video's files", subject="video")

TRUTH_VIDEOS: Final = Schema(
    "truth_videos",
    "one video of the demo",
    (
        _NAME,
        Column("person", pl.String, "whose face it shows"),
        Column("kind", pl.String, "folder of crops, or film", choices=("crops", "film")),
        Column("set", pl.String, "set of the competition", choices=("train", "validation", "test")),
        Column("n_frames", pl.Int32, "frames", low=1),
        Column("n_rows", pl.Int32, "rows of each of its annotation files", low=0),
    ),
    key=("name",),
)

TRUTH_FRAMES: Final = Schema(
    "truth_frames",
    "one frame of a video",
    (
        _NAME,
        Column("frame", pl.Int32, "number, from 1", low=1),
        Column("has_face", pl.Boolean, "whether a face is there to be found, or a crop"),
        Column("is_annotated", pl.Boolean, "whether annotation files have a valid row of it"),
        Column(
            "expression",
            pl.String,
            "what it expresses; null in the middle of a change",
            choices=AFFECT_EXPRESSIONS,
            is_nullable=True,
        ),
        Column("valence", pl.Float64, "negative to positive", low=-1, high=1),
        Column("arousal", pl.Float64, "passive to active", low=-1, high=1),
        *(Column(unit, pl.Boolean, f"whether {unit} is present") for unit in AFFECT_ACTION_UNITS),
    ),
    key=("name", "frame"),
)


@dataclass(frozen=True)
class AffectTruth:
    """The truth tables of a demo."""

    videos: pl.DataFrame
    frames: pl.DataFrame


_SCHEMAS: Final = {"videos": TRUTH_VIDEOS, "frames": TRUTH_FRAMES}


def truth_of(scripts: Sequence[AffectScript]) -> AffectTruth:
    """The truth about videos made from `scripts`."""
    videos = [
        {
            "name": script.name,
            "person": script.person,
            "kind": script.kind,
            "set": script.set,
            "n_frames": script.n_frames,
            "n_rows": n_rows(script),
        }
        for script in scripts
    ]
    frames = pl.concat([_frames(script) for script in scripts])
    return AffectTruth(TRUTH_VIDEOS.frame(videos), TRUTH_FRAMES.conform(frames))


def n_rows(script: AffectScript) -> int:
    """Rows of each annotation file of a video."""
    return script.n_frames + script.extra_rows if script.is_annotated else 0


def _frames(script: AffectScript) -> pl.DataFrame:
    affect = affect_of(script)
    frames = range(1, script.n_frames + 1)
    names = np.array([*AFFECT_EXPRESSIONS, None], dtype=object)
    columns: dict[str, object] = {
        "name": [script.name] * script.n_frames,
        "frame": frames,
        "has_face": script.shows_face,
        "is_annotated": [
            frame <= n_rows(script) and not any(frame in span for span in script.invalid)
            for frame in frames
        ],
        "expression": names[affect.expression].tolist(),
        "valence": affect.valence_arousal[:, 0],
        "arousal": affect.valence_arousal[:, 1],
    }
    for column, unit in enumerate(AFFECT_ACTION_UNITS):
        columns[unit] = affect.action_units[:, column]
    return pl.DataFrame(columns, schema=TRUTH_FRAMES.dtypes)


def write_truth(truth: AffectTruth, folder: Path) -> None:
    """Write the tables as ``truth_NAME.parquet``."""
    write_tables({name: getattr(truth, name) for name in _SCHEMAS}, _SCHEMAS, folder)


def read_truth(folder: Path) -> AffectTruth:
    """The tables that `write_truth` wrote."""
    return AffectTruth(**read_tables(_SCHEMAS, folder))
