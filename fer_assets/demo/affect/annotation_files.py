"""The demo's annotations in the files of Aff-Wild2, as the third ABAW competition hands them out.

Belongs here: from truth to those files' text. Does not belong here: reading them
(`public_data/abaw`).

A frame in the middle of a change has class -1, its valence, arousal and action units count. A
stretch that a script marks as invalid is -1 and -5 in every file. Rows beyond a video's last frame
repeat the last row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import polars as pl

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_EXPRESSIONS
from fer_assets.demo.affect.truth import AffectTruth

_SETS: Final[Mapping[str, str]] = {"train": "Train_Set", "validation": "Validation_Set"}
_LISTS: Final[Mapping[str, str]] = {"train": "train_set.txt", "validation": "validation_set.txt"}
_FOLDERS: Final[Mapping[str, str]] = {
    "EXPR": "EXPR_Classification_Challenge",
    "VA": "VA_Estimation_Challenge",
    "AU": "AU_Detection_Challenge",
}
_MTL_FOLDER: Final = "MTL_Challenge"
_UNITS: Final = ",".join(f"AU{int(unit[2:])}" for unit in AFFECT_ACTION_UNITS)
_HEADERS: Final[Mapping[str, str]] = {
    "EXPR": ",".join(name.capitalize() for name in AFFECT_EXPRESSIONS),
    "VA": "valence,arousal",
    "AU": _UNITS,
    "MTL": "image,valence,arousal,expression,aus",
}


def annotation_files(truth: AffectTruth) -> Iterator[tuple[str, str]]:
    """Path below the folder of annotations, and text, of every file."""
    multi = {part: [_HEADERS["MTL"]] for part in _LISTS}
    rows = _marked(truth.frames)
    for video in truth.videos.filter(pl.col("set") != "test").iter_rows(named=True):
        own = rows.filter(pl.col("name") == video["name"])
        for task, folder in _FOLDERS.items():
            path = f"{folder}/{_SETS[video['set']]}/{video['name']}.txt"
            lines = _adjusted(own[task].to_list(), video["n_rows"])
            yield path, "\n".join([_HEADERS[task], *lines]) + "\n"
        listed = own.filter((pl.col("frame") <= video["n_rows"]) & pl.col("has_face"))
        multi[video["set"]] += [
            f"{name}/{frame:05d}.jpg,{affect},{expression},{units}"
            for name, frame, affect, expression, units in listed.select(
                "name", "frame", "VA", "EXPR", "AU"
            ).iter_rows()
        ]
    for part, lines in multi.items():
        yield f"{_MTL_FOLDER}/{_LISTS[part]}", "\n".join(lines) + "\n"
    tests = truth.videos.filter(pl.col("set") == "test")["name"].to_list()
    for task, folder in (*_FOLDERS.items(), ("MTL", _MTL_FOLDER)):
        yield f"{folder}/{task}_test_set_release.txt", "".join(f"{name}\n" for name in tests)


def _marked(frames: pl.DataFrame) -> pl.DataFrame:
    """Each frame's row of each file: name, frame, has_face, EXPR, VA, AU."""
    valid = pl.col("is_annotated")
    classes = {name: str(code) for code, name in enumerate(AFFECT_EXPRESSIONS)}
    units = pl.concat_str(
        [pl.col(unit).cast(pl.Int8).cast(pl.String) for unit in AFFECT_ACTION_UNITS], separator=","
    )
    affect = pl.concat_str(pl.col("valence", "arousal").cast(pl.String), separator=",")
    return frames.select(
        "name",
        "frame",
        "has_face",
        EXPR=pl.when(valid)
        .then(pl.col("expression").replace_strict(classes, default=None))
        .fill_null("-1"),
        VA=pl.when(valid).then(affect).otherwise(pl.lit("-5,-5")),
        AU=pl.when(valid).then(units).otherwise(pl.lit(",".join(["-1"] * 12))),
    )


def _adjusted(lines: list[str], count: int) -> list[str]:
    """The first `count` lines; the last one is repeated where there are fewer."""
    return lines[:count] + lines[-1:] * (count - len(lines))
