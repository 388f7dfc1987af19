"""fer_assets: labelled, identity-resolved face datasets from videos of expression challenges.

In a notebook::

    import fer_assets
    faces = fer_assets.open("fer_data").table("tiktokfer/face_crops", "face-challenge")
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fer_assets.storage.reader import Dataset

__version__ = "0.1.0"


def open(root: str | Path) -> Dataset:
    """The typed reader of a storage root: `.table(asset, partition)` gives a polars frame."""
    from fer_assets.storage.reader import open_dataset

    return open_dataset(root)
