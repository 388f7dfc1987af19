"""What each picture of the synthetic people expresses: class, valence and arousal, action units.

Belongs here: the table of pictures. Does not belong here: what is made of them over time
(`timeline.py`), pixels.

A picture's name gives its expression and its place on the circumplex (Russell 1980); the places
are stated here, not measured. Which action units it shows was seen by eye, picture by picture,
starting from the prototypes of EMFACS (Ekman & Friesen): `tile_marks.csv` says what is to be seen,
so one person's anger has AU10 and another's has not. AU23 and AU24 stand for narrow and for
pressed lips; a wink counts as AU07. The file also has the five landmarks of each picture: the
median over detections of RetinaFace MobileNet-0.25 at 0.5, 1 and 2 times its size.

The sixteenth picture, "determined", is left out: on most sheets it can't be told from neutral.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_EXPRESSIONS
from fer_assets.demo.people import NEUTRAL

_MARKS_FILE: Final = Path(__file__).with_name("tile_marks.csv")

_POINTS: Final = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")


@dataclass(frozen=True)
class Meaning:
    """What a picture of this name expresses.

    Attributes:
        expression: one of `AFFECT_EXPRESSIONS`.
        valence, arousal: place on the circumplex, each in [-1, 1].
        affectnet: the class a backbone is taught, one of `AFFECTNET_EXPRESSIONS`; None where
            AffectNet has none.
    """

    expression: str
    valence: float
    arousal: float
    affectnet: str | None = None


MEANINGS: Final[Mapping[str, Meaning]] = MappingProxyType(
    {
        NEUTRAL: Meaning("neutral", 0.0, 0.0, "neutral"),
        "happy": Meaning("happiness", 0.8, 0.35, "happiness"),
        "sad": Meaning("sadness", -0.65, -0.4, "sadness"),
        "angry": Meaning("anger", -0.6, 0.6, "anger"),
        "surprised": Meaning("surprise", 0.15, 0.7, "surprise"),
        "disgusted": Meaning("disgust", -0.65, 0.3, "disgust"),
        "scared": Meaning("fear", -0.55, 0.7, "fear"),
        "confused": Meaning("other", -0.25, 0.15),
        "smug": Meaning("other", 0.4, 0.05, "contempt"),
        "flirty": Meaning("other", 0.6, 0.3),
        "thoughtful": Meaning("other", 0.05, -0.1),
        "pensive": Meaning("other", -0.1, -0.35),
        "exhausted": Meaning("other", -0.25, -0.7),
        "shocked": Meaning("surprise", 0.0, 0.8, "surprise"),
        "playful": Meaning("other", 0.65, 0.6),
    }
)
"""Picture name to meaning, in the order of all arrays over pictures here."""

TILES: Final = tuple(MEANINGS)
"""Names of the pictures in use."""


def expression_of_tile() -> NDArray[np.float64]:
    """(tiles, expressions): 1 where a picture is of that one of `AFFECT_EXPRESSIONS`."""
    names = np.array([MEANINGS[tile].expression for tile in TILES])
    return np.asarray(names[:, None] == np.array(AFFECT_EXPRESSIONS), dtype=np.float64)


def circumplex() -> NDArray[np.float64]:
    """(tiles, 2): valence and arousal of each picture."""
    return np.array([[MEANINGS[tile].valence, MEANINGS[tile].arousal] for tile in TILES])


def action_units(person: str) -> NDArray[np.float64]:
    """(tiles, units): 1 where a person's picture shows that one of `AFFECT_ACTION_UNITS`."""
    shown = [_marks()[person, tile][1] for tile in TILES]
    return np.array([[float(unit in units) for unit in AFFECT_ACTION_UNITS] for units in shown])


def landmarks(person: str, tile: str) -> NDArray[np.float64]:
    """(5, 2) x, y in pixels of the picture from its top left edge: eyes, nose, mouth corners.

    Raises:
        KeyError: there is no such picture.
    """
    return _marks()[person, tile][0]


@cache
def _marks() -> dict[tuple[str, str], tuple[NDArray[np.float64], frozenset[str]]]:
    marks = {}
    with _MARKS_FILE.open(newline="", encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            points = np.array([[float(row[f"{at}_{axis}_px"]) for axis in "xy"] for at in _POINTS])
            points.setflags(write=False)
            marks[row["person"], row["tile"]] = points, frozenset(row["action_units"].split())
    return marks
