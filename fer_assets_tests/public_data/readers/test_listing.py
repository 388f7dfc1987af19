"""Tables of pictures: columns under any usual name, paths beside the table."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from fer_assets.public_data.pictures import PublicDataError
from fer_assets.public_data.readers import listing
from fer_assets_tests.public_data.layouts import write_picture


@pytest.fixture
def table(tmp_path: Path) -> Path:
    for name in "abc":
        write_picture(tmp_path / "pictures" / f"{name}.jpg")
    rows = [
        ("pictures/a.jpg", "Happy", "p1"),
        ("pictures\\b.jpg", "fear", "p2"),
        ("pictures/c.jpg", "3", "p2"),
        ("pictures/gone.jpg", "sad", "p3"),
        ("pictures/c.jpg", "sad", None),
    ]
    frame = pl.DataFrame(rows, schema=["Image", "Emotion", "Subject"], orient="row")
    frame.write_csv(tmp_path / "labels.csv")
    frame.write_parquet(tmp_path / "labels.parquet")
    return tmp_path / "labels.csv"


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_reads_paths_labels_and_people(table: Path, suffix: str) -> None:
    images = listing.read(table.with_suffix(suffix))
    assert images.targets == ("smiling", "scared")
    assert images.people == ("p1", "p2")
    assert images.left_out == {
        "labelled by a number: what the numbers mean differs between data sets": 1,
        "listed file is not there": 1,
        "no person given": 1,
    }
    assert listing.read(table, classes={"3": "sad"}).targets == ("smiling", "scared", "sad")


def test_is_found_in_a_folder_if_it_is_the_only_one(table: Path) -> None:
    assert listing.find_listing(table.parent) is None  # there are two
    table.with_suffix(".parquet").unlink()
    (table.parent / "norms.csv").write_text("a,b\n1,2\n")
    assert listing.find_listing(table.parent) == table


def test_says_which_column_is_missing(tmp_path: Path) -> None:
    table = tmp_path / "x.csv"
    table.write_text("file,mood\na.jpg,happy\n")
    with pytest.raises(PublicDataError, match=r"column label .* found columns file, mood"):
        listing.read(table)
    table.write_bytes(b"\x00\xff\xfe")
    with pytest.raises(PublicDataError):
        listing.read(table)
