"""The synthetic people of the demo: who they are, and the sixteen pictures there are of each.

Belongs here: finding the `openpeople` package, its metadata, the tiles of its expression sheets.
Does not belong here: what is made of the pictures (`demo/scenes.py`).

The people are generated, not photographed (PyPI `openpeople`, MIT). Each has one sheet of 4 x 4
labelled pictures. `tile_faces.csv` says where on the sheets the pictures and the faces are: the
pictures from their white frames, less 13 px so that neither frame nor label shows; the faces as
the median box of the RetinaFace MobileNet-0.25 detector over each picture at 0.5, 1 and 2 times
its size, looked over by eye. That a picture holds one face, whose it is and what it expresses does
not come from a detector but from the sheet's grid.
"""

from __future__ import annotations

import csv
import importlib.util
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_assets.errors import FerError

NEUTRAL: Final = "neutral"
"""The tile shown before the first prompt."""

_TILE_FILE: Final = Path(__file__).with_name("tile_faces.csv")


class DemoError(FerError):
    """The demo can't be rendered."""


@dataclass(frozen=True)
class SyntheticPerson:
    """One synthetic person.

    Attributes:
        person_id: ``"P001"`` and so on.
        age_group: age range in years, e.g. ``"35-45"``.
        gender: ``"female"`` or ``"male"``.
        skin_tone: Fitzpatrick type, ``"I"`` to ``"VI"``.
        sheet: the picture of 4 x 4 expressions.
    """

    person_id: str
    age_group: str
    gender: str
    skin_tone: str
    sheet: Path


@dataclass(frozen=True)
class TileGeometry:
    """Where one picture and its face are on the sheet.

    Attributes:
        rect_px: the picture, x0, y0, x1, y1 in pixels of the sheet, exclusive at the end.
        face_px: the face's box, x0, y0, x1, y1 in pixels of the *picture*; it may reach over its
            edges.
    """

    rect_px: tuple[int, int, int, int]
    face_px: tuple[float, float, float, float]

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the picture."""
        return self.rect_px[2] - self.rect_px[0], self.rect_px[3] - self.rect_px[1]


def list_people() -> tuple[SyntheticPerson, ...]:
    """All synthetic people, by id.

    Raises:
        DemoError: `openpeople` is not installed, or not the version the tile file was made for.
    """
    folder = _curated_folder()
    ids = sorted({person for person, _ in tile_geometry()})
    return tuple(_read_person(folder / person_id) for person_id in ids)


@cache
def tile_geometry() -> dict[tuple[str, str], TileGeometry]:
    """(person id, tile name) to geometry, for every picture of every sheet."""
    geometry: dict[tuple[str, str], TileGeometry] = {}
    with _TILE_FILE.open(newline="", encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            x0, y0, x1, y1 = (int(row[f"tile_{edge}_px"]) for edge in ("x0", "y0", "x1", "y1"))
            fx0, fy0, fx1, fy1 = (
                float(row[f"face_{edge}_px"]) for edge in ("x0", "y0", "x1", "y1")
            )
            geometry[row["person"], row["tile"]] = TileGeometry(
                (x0, y0, x1, y1), (fx0 - x0, fy0 - y0, fx1 - x0, fy1 - y0)
            )
    return geometry


def load_tiles(person: SyntheticPerson, names: Sequence[str]) -> dict[str, NDArray[np.uint8]]:
    """Pictures of a person by tile name, each ``uint8 (h, w, 3)`` RGB, without frame and label.

    Raises:
        DemoError: the sheet can't be read.
        KeyError: there is no tile of that name.
    """
    sheet = cv2.imread(str(person.sheet), cv2.IMREAD_COLOR)
    if sheet is None:
        raise DemoError(
            f"expression sheet of {person.person_id}",
            expected="a readable JPEG",
            found=str(person.sheet),
            remedy="Run `pip install --force-reinstall fer-assets[demo]`.",
        )
    tiles = {}
    for name in names:
        x0, y0, x1, y1 = tile_geometry()[person.person_id, name].rect_px
        tiles[name] = np.ascontiguousarray(sheet[y0:y1, x0:x1, ::-1], dtype=np.uint8)
    return tiles


def _curated_folder() -> Path:
    spec = importlib.util.find_spec("openpeople")
    if spec is None or spec.origin is None:
        raise DemoError(
            "package openpeople",
            expected="to be installed: its synthetic people are the demo's faces",
            found="none",
            remedy="Run `pip install fer-assets[demo]`.",
        )
    return Path(spec.origin).parent / "data" / "curated"


def _read_person(folder: Path) -> SyntheticPerson:
    sheet = folder / "assets" / "emotions_sheet.jpg"
    if not sheet.is_file():
        raise DemoError(
            "package openpeople",
            expected=f"a person {folder.name}",
            found="none",
            remedy="Run `pip install fer-assets[demo]` to get the version it was made for.",
        )
    metadata = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    traits = metadata["character_details"]["demographics"]
    return SyntheticPerson(
        person_id=folder.name,
        age_group=traits["age_range"],
        gender=traits["sex"],
        skin_tone=traits["skin_tone"].removeprefix("Fitzpatrick "),
        sheet=sheet,
    )
