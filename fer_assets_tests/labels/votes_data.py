"""Real crowd votes that the tests of this room read."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest

EMOTIONS = ("A", "D", "F", "H", "N", "S")
FERPLUS = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt",
    "unknown", "NF",
)  # fmt: skip


def _path(name: str) -> Path:
    root = Path(__file__).parents[2]
    path = root / os.environ.get("FER_TEST_DATA", "../shared/data") / "votes" / name
    if not path.is_file():
        pytest.skip(f"no {name} in FER_TEST_DATA")
    return path


def cremad() -> pl.DataFrame:
    """CREMA-D's tabulated votes, one row per clip and way of presenting it."""
    return pl.read_csv(_path("cremad_tabulated_votes.csv"), null_values="NA")


def ferplus() -> pl.DataFrame:
    """FER+'s votes, one row per image."""
    return pl.read_csv(_path("ferplus_votes.csv"))
