import polars as pl
import pytest

from fer_assets.release.comparison import diff
from fer_assets.release.content import without_images
from fer_assets_tests.release.conftest import make_release


@pytest.fixture(scope="module")
def rows(faces: pl.DataFrame) -> pl.DataFrame:
    return without_images(faces)


def test_nothing_changed(rows: pl.DataFrame) -> None:
    found = diff(rows, rows)
    assert found.is_none
    assert not found.by_column
    assert found.by_split == {"test": (5, 5), "train": (20, 20), "val": (5, 5)}


def test_every_kind_of_change(rows: pl.DataFrame) -> None:
    added = without_images(make_release(1, 2, first=8))
    kept = rows.filter(pl.col("identity_id") != "id05")
    is_moved = pl.col("identity_id") == "id03"
    is_relabelled = pl.col("face_id") == rows["face_id"][0]
    newer = pl.concat([kept, added]).with_columns(
        split=pl.when(is_moved).then(pl.lit("excluded")).otherwise("split"),
        label=pl.when(is_relabelled).then(None).otherwise("label"),
    )
    found = diff(rows, newer)
    assert (found.faces_added, found.faces_removed, found.faces_changed) == (2, 5, 6)
    assert found.by_column == {"split": 5, "label": 1}
    assert (found.people_added, found.people_removed, found.people_moved) == (1, 1, 1)
    assert found.by_split["test"] == (5, 0)
    assert found.by_split["excluded"] == (0, 5)
    n_unlabelled = rows["label"].null_count()
    assert found.by_label["no label"] == (n_unlabelled, n_unlabelled - 1 + 1 + 1)
    assert not found.is_none


def test_soft_labels_and_pictures_count(rows: pl.DataFrame) -> None:
    newer = rows.with_columns(
        soft_label=pl.col("soft_label").list.head(1), image_sha256=pl.lit("another")
    )
    found = diff(rows, newer)
    assert found.by_column == {"soft_label": 24, "image_sha256": 30}


def test_other_tables_are_refused(rows: pl.DataFrame) -> None:
    with pytest.raises(ValueError, match="different tables"):
        diff(rows, rows.drop("label"))
