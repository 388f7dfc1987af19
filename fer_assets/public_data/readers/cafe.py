"""CAFE (LoBue and Thrasher 2015): photos of children, everything said by the file's name.

    sessions/6280/9977-angry_F-AA-01.jpg

Belongs here: the name's parts: an expression, with "open" for an open mouth or "withtongue", and
the child, whose code says sex, ethnicity and a number. Their order and what separates them differ
between copies. Does not belong here: what the words mean (`label_maps.py`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from fer_assets.public_data.label_maps import expression_of_code
from fer_assets.public_data.pictures import LabelledPictures, PublicDataError, added
from fer_assets.public_data.readers.walking import NO_PICTURE, files_below, is_picture

LAYOUT: Final = "cafe"

_CHILD: Final = re.compile(r"(?<![A-Za-z0-9])([FM])[-_ ]?([A-Z]{2})[-_ ]?(\d{1,3})(?!\d)", re.I)
_VARIANT: Final = re.compile(r"with|open|closed?|mouth|teeth|tongue", re.IGNORECASE)
_GENDER: Final[Mapping[str, str]] = MappingProxyType({"F": "female", "M": "male"})
_ETHNICITY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "AA": "African American",
        "AS": "Asian",
        "EA": "European American",
        "LA": "Latino",
        "PI": "Pacific Islander",
        "SA": "South Asian",
    }
)
_EXPECTED: Final = "pictures named such as 9977-angry_F-AA-01.jpg"


@dataclass(frozen=True)
class _Named:
    """What a file's name says."""

    expression: str | None
    child: str
    gender: str
    ethnicity: str | None
    mouth: str


def is_there(root: Path) -> bool:
    """Whether this looks like CAFE: most of its pictures are named as CAFE's."""
    pictures = [path for path in files_below(root, Counter()) if is_picture(path)]
    return 2 * sum(_named(path.stem) is not None for path in pictures) > len(pictures) > 0


def read(root: Path) -> LabelledPictures:
    """Read CAFE.

    Args:
        root: a folder with the photos somewhere below it.

    Returns:
        People are children; attributes are gender, ethnicity and mouth ("open" or "closed"; a
        surprised mouth is always open). A photo that lies in several folders counts once.

    Raises:
        PublicDataError: no file is named as CAFE's are.
    """
    left_out: Counter[str] = Counter()
    rows: list[tuple[Path, _Named]] = []
    seen: set[str] = set()
    for path in files_below(root, left_out):
        if not is_picture(path):
            left_out[NO_PICTURE] += 1
        elif (named := _named(path.stem)) is None:
            left_out["name is not of the form 9977-angry_F-AA-01"] += 1
        elif named.expression is None:
            left_out["expression in the name is not one of CAFE's"] += 1
        elif path.name.lower() in seen:
            left_out["same photo in another folder"] += 1
        else:
            seen.add(path.name.lower())
            rows.append((path, named))
    if not rows:
        found = ", ".join(f"{count} {reason}" for reason, count in added(left_out).items())
        raise PublicDataError(f"CAFE at {root}", expected=_EXPECTED, found=found or "no file")
    return LabelledPictures(
        LAYOUT,
        tuple(path for path, _ in rows),
        tuple(str(named.expression) for _, named in rows),
        tuple(named.child for _, named in rows),
        {
            "gender": tuple(named.gender for _, named in rows),
            "ethnicity": tuple(named.ethnicity for _, named in rows),
            "mouth": tuple(named.mouth for _, named in rows),
        },
        added(left_out),
    )


def _named(stem: str) -> _Named | None:
    """The parts of a file's name; None if it does not name a child and an expression."""
    child = _CHILD.search(stem)
    if child is None:
        return None
    rest = f"{stem[: child.start()]} {stem[child.end() :]}"
    words = _VARIANT.sub(" ", re.sub(r"[^A-Za-z]+", " ", rest)).lower().split()
    if not words:
        return None
    known = expression_of_code(LAYOUT) | {"surprised": "surprise", "disgusted": "disgust"}
    expression = next((known[word] for word in words if word in known), None)
    gender, ethnicity, number = child[1].upper(), child[2].upper(), int(child[3])
    is_open = "open" in rest.lower() or expression == "surprise"
    return _Named(
        expression,
        f"{gender}-{ethnicity}-{number:02d}",
        _GENDER[gender],
        _ETHNICITY.get(ethnicity),
        "open" if is_open else "closed",
    )
