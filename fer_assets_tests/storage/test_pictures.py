"""Pictures straight from Parquet parts: the right ones, in bounded memory, whatever is rebuilt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output, rebuild
from fer_assets.storage.pictures import GROUP_ROWS_KEY, PICTURE_ROWS, PicturePart, StoredPictures
from fer_assets.storage.planning import Build, Unit
from fer_assets.storage.reader import Dataset
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.store import LocalStore
from fer_assets.storage.tombstones import add_tombstones
from fer_assets_tests.expressions.faces import tiny_release

RELEASE = "tiktokfer/dataset_release"
BLOCK = 16


def file_of(number: int) -> bytes | None:
    """Files of different lengths; one in 7 rows has none."""
    return None if number % 7 == 3 else bytes([number % 251]) * (50 + number)


def part(path: Path, first: int, rows: int, *, is_grouped: bool = True) -> PicturePart:
    numbers = range(first, first + rows)
    frame = pl.DataFrame({"image": [{"bytes": file_of(n), "path": f"{n}.jpg"} for n in numbers]})
    frame.write_parquet(path, row_group_size=BLOCK if is_grouped else None)
    return PicturePart(path.open("rb"), rows, BLOCK if is_grouped else rows)


@pytest.fixture
def stored(tmp_path: Path) -> StoredPictures:
    parts = [part(tmp_path / "a", 0, 40), part(tmp_path / "b", 40, 25, is_grouped=False)]
    names = pl.DataFrame({"name": [f"f{n}" for n in range(65)], "number": range(65)})
    return StoredPictures(parts, names, memory_limit_bytes=3000)


def test_any_numbers_give_their_files(stored: StoredPictures) -> None:
    assert len(stored) == 65
    numbers = np.random.default_rng(0).integers(0, 65, 300)
    expected = [file_of(number) or b"" for number in numbers.tolist()]
    assert stored.read(numbers) == expected
    assert [stored.read(numbers[row : row + 1])[0] for row in range(50)] == expected[:50]
    assert stored.read(numbers[:0]) == []


def test_no_more_is_kept_than_the_limit_and_one_block(stored: StoredPictures) -> None:
    largest = sum(50 + n for n in range(40, 65))
    for number in np.random.default_rng(1).permutation(65):
        stored.read(np.array([number]))
        assert stored.kept_bytes <= max(3000, largest)
    stored.read(np.array([1, 17]))
    assert stored.kept_bytes > sum(len(file_of(n) or b"") for n in range(16, 32))
    stored.forget()
    assert stored.kept_bytes == sum(len(file_of(n) or b"") for n in range(16, 32))


def test_names_are_found_in_any_order(stored: StoredPictures) -> None:
    names = pl.Series(["f64", "f0", "f64", "f17"])
    np.testing.assert_array_equal(stored.find(names), [64, 0, 64, 17])
    with pytest.raises(KeyError, match="1 of 2"):
        stored.find(pl.Series(["f1", "nobody"]))


def built(root: Path, release: pl.DataFrame) -> Dataset:
    store = LocalStore(root)
    schema = ASSET_TABLES[RELEASE]["dataset_release"]
    conformed = schema.conform(release)
    work = [Output("whole", {"dataset_release": conformed}, {})]
    tables = {"dataset_release": schema}
    unit = Unit("whole", {"rows": str(conformed.hash_rows().sum())})
    rebuild(store, Build(Place(RELEASE, "key"), tables, 1), [unit], lambda due: work)
    return Dataset(store)


def test_a_release_s_pictures_are_those_of_its_column(tmp_path: Path) -> None:
    release = tiny_release()
    data = built(tmp_path, release)
    pictures = data.pictures(RELEASE, "key")
    faces = release.sample(20, seed=3)
    files = pictures.read(pictures.find(faces["face_id"]))
    assert files == faces["image"].struct.field("bytes").to_list()


def test_the_withdrawn_are_not_found(tmp_path: Path) -> None:
    release = tiny_release()
    data = built(tmp_path, release)
    gone = release["video_id"][0]
    add_tombstones(data.store, "video", [gone])
    pictures = data.pictures(RELEASE, "key")
    left = release.filter(pl.col("video_id") != gone)
    assert len(pictures.find(left["face_id"])) == len(left) < len(release)
    with pytest.raises(KeyError):
        pictures.find(release["face_id"])


def test_a_rebuild_meanwhile_changes_nothing(tmp_path: Path) -> None:
    release = tiny_release()
    pictures = built(tmp_path, release).pictures(RELEASE, "key")
    numbers = pictures.find(release["face_id"])
    entry = built(tmp_path, release.head(9)).manifest(RELEASE, "key").units["whole"]
    paths = [path.name for path in tmp_path.rglob("*.parquet")]
    assert paths == [Path(entry.tables["dataset_release"].path).name]
    assert pictures.read(numbers) == release["image"].struct.field("bytes").to_list()


def test_a_part_says_how_large_its_row_groups_are(tmp_path: Path) -> None:
    data = built(tmp_path, tiny_release())
    entry = data.manifest(RELEASE, "key").units["whole"].tables["dataset_release"]
    path = data.store.local(entry.path)
    assert path is not None
    metadata = pl.read_parquet_metadata(path)
    assert metadata[GROUP_ROWS_KEY] == str(PICTURE_ROWS) == "1024"
