"""Reading labelled pictures of whatever layout: it is recognised, or said.

Belongs here: choosing the reader. Does not belong here: any layout (`readers/`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from fer_assets.public_data.pictures import LabelledPictures, PublicDataError
from fer_assets.public_data.readers import aff_wild2, cafe, ck_plus, image_folder, listing
from fer_assets.public_data.readers.image_folder import PeopleFrom

AUTO: Final = "auto"
LAYOUTS: Final = (AUTO, ck_plus.LAYOUT, cafe.LAYOUT, aff_wild2.LAYOUT, image_folder.LAYOUT)


@dataclass(frozen=True)
class ReadingSettings:
    """How public data is read; what a layout has no use for must keep its default.

    Attributes:
        layout: one of `LAYOUTS`; "auto" recognises it.
        people_from: image folder: "folder" if the folder below the class is a person.
        splits: image folder: only these of train, val, test. Aff-Wild2: train or validation.
        classes: image folder and tables: what names mean that don't say it themselves.
        peak_frames: CK+: frames at a sequence's end that carry its code.
        every: Aff-Wild2: every so many-th labelled frame.
    """

    layout: str = AUTO
    people_from: PeopleFrom = "nothing"
    splits: tuple[str, ...] = ()
    classes: Mapping[str, str] = field(default_factory=dict)
    peak_frames: int = ck_plus.PEAK_FRAMES
    every: int = 1

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise PublicDataError(
                "layout", expected=f"one of {', '.join(LAYOUTS)}", found=self.layout
            )
        if self.people_from not in ("nothing", "folder"):
            raise PublicDataError(
                "people_from", expected="nothing or folder", found=repr(self.people_from)
            )


def recognise(root: Path) -> str:
    """The layout of a folder or table; a plain image folder where it is none of the others."""
    if root.is_file():
        return image_folder.LAYOUT
    official = {
        ck_plus.LAYOUT: ck_plus.is_there,
        aff_wild2.LAYOUT: aff_wild2.is_there,
        cafe.LAYOUT: cafe.is_there,
    }
    found = (layout for layout, is_there in official.items() if is_there(root))
    return next(found, image_folder.LAYOUT)


def read_labelled_pictures(root: Path, settings: ReadingSettings | None = None) -> LabelledPictures:
    """Read a data set.

    Args:
        root: its folder, or for an image folder also a CSV or Parquet table.
        settings: how; None recognises the layout.

    Raises:
        PublicDataError: there is nothing, or it is not what it should be.
    """
    settings = settings or ReadingSettings()
    if not root.exists():
        raise PublicDataError(
            f"data at {root}", expected="a folder or a table", found="nothing there"
        )
    layout = recognise(root) if settings.layout == AUTO else settings.layout
    return _READERS[layout](root, settings)


def _read_folder(root: Path, settings: ReadingSettings) -> LabelledPictures:
    table = root if root.is_file() else listing.find_listing(root)
    if table is not None:
        return listing.read(table, classes=settings.classes)
    return image_folder.read(
        root,
        people_from=settings.people_from,
        splits=tuple("val" if split == "validation" else split for split in settings.splits),
        classes=settings.classes,
    )


def _read_aff_wild2(root: Path, settings: ReadingSettings) -> LabelledPictures:
    split = settings.splits[0] if settings.splits else aff_wild2.SPLIT
    split = "validation" if split == "val" else split
    return aff_wild2.read(root, split=split, every=settings.every)


_READERS: Final[Mapping[str, Callable[[Path, ReadingSettings], LabelledPictures]]] = {
    ck_plus.LAYOUT: lambda root, settings: ck_plus.read(root, peak_frames=settings.peak_frames),
    cafe.LAYOUT: lambda root, settings: cafe.read(root),
    aff_wild2.LAYOUT: _read_aff_wild2,
    image_folder.LAYOUT: _read_folder,
}


def settings_from(given: Mapping[str, Any], thing: str) -> ReadingSettings:
    """Settings from a table of settings.toml.

    Raises:
        PublicDataError: a key is unknown or a value is of the wrong kind.
    """
    known: dict[str, type] = {
        "layout": str, "people_from": str, "splits": list, "classes": dict, "peak_frames": int,
        "every": int,
    }  # fmt: skip
    for name, value in given.items():
        if name not in known:
            raise PublicDataError(
                f"{thing}.{name}", expected=f"one of {', '.join(known)}", found="an unknown key"
            )
        if not isinstance(value, known[name]) or isinstance(value, bool):
            raise PublicDataError(
                f"{thing}.{name}", expected=f"a {known[name].__name__}", found=repr(value)
            )
    values = dict(given)
    if "splits" in values:
        values["splits"] = tuple(values["splits"])
    return ReadingSettings(**values)
