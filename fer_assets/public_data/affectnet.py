"""AffectNet: photos with a face box each and one of eight expressions.

Belongs here: its two published layouts, and the project's names of its expressions. Does not belong
here: other data sets (`readers/`), opening pictures.

==============================================  ================================================
``training.csv``, ``validation.csv``            a row per photo: file, face box, expression; the
                                                photos below ``Manually_Annotated_Images``
``train_set``, ``val_set``                      ``images/N.jpg`` cut to the face, and
                                                ``annotations/N_exp.npy``
==============================================  ================================================

Source: Mollahosseini, Hasani and Mahoor, AffectNet, IEEE Transactions on Affective Computing 2017.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import polars as pl

from fer_assets.challenges.vocabulary import AFFECTNET_EXPRESSIONS
from fer_assets.compute.progress import track
from fer_assets.public_data.pictures import PublicDataError, added, in_words

OF_PROJECT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "neutral": "neutral",
        "smiling": "happiness",
        "sad": "sadness",
        "surprise": "surprise",
        "scared": "fear",
        "disgust": "disgust",
        "angry": "anger",
        "contempt": "contempt",
    }
)
"""The project's name of an expression to AffectNet's; others mean none of its eight."""

CSV_COLUMNS: Final = ("subDirectory_filePath", "expression")
BOX_COLUMNS: Final = ("face_x", "face_y", "face_width", "face_height")

RESEARCH_ONLY: Final = "AffectNet, which it learned from, is licensed for research only."
"""What whoever uses a network that learned from it must read."""

_NO_EXPRESSION: Final = {8: "None", 9: "Uncertain", 10: "No-Face"}
_PHOTOS: Final = (
    "",
    "Manually_Annotated_Images",
    "Manually_Annotated/Manually_Annotated_Images",
    "Automatically_Annotated_Images",
    "Automatically_Annotated/Automatically_Annotated_Images",
)
_SETS: Final = (("train_set", False), ("val_set", True))
_TRIED_ROWS: Final = 50

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class AffectNet:
    """The photos that count, in the order of their files' rows or numbers.

    Attributes:
        paths: n files.
        targets: n expressions, of `AFFECTNET_EXPRESSIONS`.
        boxes: n boxes left, top, width, height in pixels; None where pictures are faces already.
        is_validation: whether each is of the validation set; None where only one set is there.
        left_out: why rows are not here, with counts.
        notes: choices that a reader should know of.
    """

    paths: tuple[Path, ...]
    targets: tuple[str, ...]
    boxes: tuple[Box, ...] | None
    is_validation: tuple[bool, ...] | None
    left_out: Mapping[str, int]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Row:
    path: Path
    target: str
    box: Box | None
    is_validation: bool


def is_there(root: Path) -> bool:
    """Whether a folder or table is AffectNet's, by its files' names and columns."""
    if root.is_file():
        return root.suffix.lower() == ".csv" and CSV_COLUMNS[0] in _header(root)
    return bool(_sets(root)) or any(CSV_COLUMNS[0] in _header(table) for table, _ in _tables(root))


def read(root: Path) -> AffectNet:
    """Read either layout.

    Args:
        root: the folder of the tables or of the two sets, or one table.

    Raises:
        PublicDataError: neither is there, a column is missing, no photo is where a table says, or
            no row is left.
    """
    left_out: Counter[str] = Counter()
    notes = [RESEARCH_ONLY]
    tables = [(root, False)] if root.is_file() else _tables(root)
    if tables:
        rows = [row for table, is_val in tables for row in _of_table(table, is_val, left_out)]
        parts = {is_val for _, is_val in tables}
    else:
        sets = _sets(root)
        rows = [row for folder, is_val in sets for row in _of_set(folder, is_val, left_out)]
        parts = {is_val for _, is_val in sets}
    if not rows:
        raise PublicDataError(
            f"AffectNet at {root}",
            expected="training.csv and validation.csv, or train_set and val_set, with labelled "
            "photos",
            found=in_words(added(left_out)) or "none of them",
        )
    has_boxes = rows[0].box is not None
    if not has_boxes and tables:
        notes.append("AffectNet's table has no face boxes: pictures are used whole")
    return AffectNet(
        paths=tuple(row.path for row in rows),
        targets=tuple(row.target for row in rows),
        boxes=tuple(row.box for row in rows if row.box is not None) if has_boxes else None,
        is_validation=tuple(row.is_validation for row in rows) if len(parts) == 2 else None,
        left_out=added(left_out),
        notes=tuple(notes),
    )


def _tables(root: Path) -> list[tuple[Path, bool]]:
    """The tables directly in a folder, training first, and which is validation."""
    found = []
    for word, is_val in (("training", False), ("validation", True)):
        named = [path for path in root.iterdir() if path.name.lower().endswith(f"{word}.csv")]
        found += [(path, is_val) for path in sorted(named)]
    return found


def _sets(root: Path) -> list[tuple[Path, bool]]:
    """The folders of the newer layout, and which is validation."""
    found = [(root / name, is_val) for name, is_val in _SETS]
    return [(folder, is_val) for folder, is_val in found if (folder / "annotations").is_dir()]


def _header(table: Path) -> list[str]:
    try:
        return pl.read_csv(table, n_rows=0, infer_schema=False).columns
    except (pl.exceptions.PolarsError, OSError):
        return []


def _of_table(table: Path, is_validation: bool, left_out: Counter[str]) -> Iterator[_Row]:
    frame = _frame(table)
    photos = _photos(table, frame[CSV_COLUMNS[0]].head(_TRIED_ROWS).to_list())
    has_boxes = BOX_COLUMNS[0] in frame.columns
    boxes = [pl.col(name).cast(pl.Float64, strict=False) for name in BOX_COLUMNS if has_boxes]
    rows = frame.select(
        pl.col(CSV_COLUMNS[0]).alias("file"),
        pl.col(CSV_COLUMNS[1]).cast(pl.Int64, strict=False).alias("code"),
        *boxes,
    )
    for row in track(rows.iter_rows(named=True), rows.height, "reading AffectNet's table"):
        target = _expression(row["code"], left_out)
        if target is None:
            continue
        path = photos / (row["file"] or "").replace("\\", "/")
        box = _box(row) if has_boxes else None
        if has_boxes and box is None:
            left_out["without a face box"] += 1
        elif not path.is_file():
            left_out["listed file is not there"] += 1
        else:
            yield _Row(path, target, box, is_validation)


def _frame(table: Path) -> pl.DataFrame:
    try:
        frame = pl.read_csv(table, infer_schema=False)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise PublicDataError(
            f"table {table.name}", expected="a CSV file", found=str(error).splitlines()[0]
        ) from error
    has_box = any(name in frame.columns for name in BOX_COLUMNS)
    wanted = (*CSV_COLUMNS, *(BOX_COLUMNS if has_box else ()))
    if missing := [name for name in wanted if name not in frame.columns]:
        raise PublicDataError(
            f"table {table.name}",
            expected=f"AffectNet's column {missing[0]}",
            found=f"columns {', '.join(frame.columns)}",
        )
    return frame


def _photos(table: Path, files: Sequence[str | None]) -> Path:
    """The folder that the table's files are relative to."""
    tried = [base / name for base in (table.parent, table.parent.parent) for name in _PHOTOS]
    for folder in tried:
        if any(file and (folder / file).is_file() for file in files):
            return folder
    raise PublicDataError(
        f"table {table.name}",
        expected=f"its photos beside it, or below {_PHOTOS[1]} there",
        found="none of the first rows' files",
    )


def _box(row: Mapping[str, float | None]) -> Box | None:
    values = [row[name] for name in BOX_COLUMNS]
    left, top, width, height = (0 if value is None else round(value) for value in values)
    return None if None in values or width < 1 or height < 1 else (left, top, width, height)


def _expression(code: int | None, left_out: Counter[str]) -> str | None:
    if code is not None and 0 <= code < len(AFFECTNET_EXPRESSIONS):
        return AFFECTNET_EXPRESSIONS[code]
    known = None if code is None else _NO_EXPRESSION.get(code)
    left_out[f"labelled {known}" if known else "without an expression's number"] += 1
    return None


def _of_set(folder: Path, is_validation: bool, left_out: Counter[str]) -> Iterator[_Row]:
    pictures = sorted((folder / "images").glob("*.jpg"), key=lambda path: (len(path.stem), path))
    for path in track(pictures, len(pictures), "reading AffectNet's annotations"):
        annotation = folder / "annotations" / f"{path.stem}_exp.npy"
        if not annotation.is_file():
            left_out["without an annotation"] += 1
        elif target := _expression(_code(annotation), left_out):
            yield _Row(path, target, None, is_validation)


def _code(annotation: Path) -> int | None:
    """The number in an annotation: a text or a number, alone in its array."""
    try:
        return int(np.load(annotation, allow_pickle=False).item())
    except (ValueError, OSError, EOFError):
        return None
