import polars as pl
import pytest

from fer_assets.release.build import build_release, leakage, pool_releases
from fer_assets.release.splits import Split
from fer_assets.storage.schemas.tiktokfer import PEOPLE
from fer_assets_tests.release.conftest import Tables

SPLIT_OF: dict[str, Split] = {
    "id00": "train", "id01": "train", "id02": "val", "id03": "test", "id04": "train",
    "id05": "train",
}  # fmt: skip


def _build(tables: Tables, splits: dict[str, Split] | None = None) -> pl.DataFrame:
    return build_release(
        tables.face_crops, tables.clusters, tables.labels, tables.demographics, splits or SPLIT_OF
    )


@pytest.fixture(scope="module")
def release(tables: Tables) -> pl.DataFrame:
    return _build(tables)


def _people(challenges: dict[str, dict[str, str]]) -> pl.DataFrame:
    return PEOPLE.frame(
        [
            {"challenge": c, "identity_id": i, "person_id": p, "n_faces": 1, "split": "train"}
            for c, identities in challenges.items()
            for i, p in identities.items()
        ]
    )


def test_rows(release: pl.DataFrame, tables: Tables) -> None:
    assert release.height == 6 * 4  # of 6 faces, one is a copy and one no face
    copies = tables.clusters.filter("is_duplicate")["face_id"]
    assert not release["face_id"].is_in(copies.to_list()).any()
    assert release["label"].null_count() == 6
    assert release["is_simulated"].all()  # the demographics are
    crops = tables.face_crops.select("face_id", "expression", crop="image")
    joined = release.join(crops, on="face_id")
    assert (joined["prompt"] == joined["expression"]).all()
    assert joined.select(
        (pl.col("image").struct.field("bytes") == pl.col("crop").struct.field("bytes")).all()
    ).item()


def test_splits_follow_people(release: pl.DataFrame) -> None:
    found = dict(release.select("identity_id", "split").unique().iter_rows())
    assert found == {**SPLIT_OF, "id05": "excluded"}
    assert leakage(release, "identity_id") == []
    assert leakage(release, "video_id") == []


def test_a_person_without_a_split_is_an_error(tables: Tables) -> None:
    with pytest.raises(ValueError, match="1 values of identity_id"):
        _build(tables, {k: v for k, v in SPLIT_OF.items() if k != "id03"})


def test_leakage_is_found(release: pl.DataFrame) -> None:
    moved = release.with_columns(
        split=pl.when(pl.col("face_id") == release["face_id"][0])
        .then(pl.lit("test"))
        .otherwise("split")
    )
    assert leakage(moved, "identity_id") == ["id00"]
    assert leakage(moved, "video_id") == [release["video_id"][0]]
    excluded = moved.with_columns(split=pl.lit("excluded"))
    assert leakage(excluded, "identity_id") == []


def test_pooling_keeps_people_apart(release: pl.DataFrame) -> None:
    """id00 of one challenge is id02 of the other: train here, val there, one split pooled."""
    other = release.with_columns(
        face_id=pl.concat_str(pl.lit("b"), "face_id"),
        video_id=pl.concat_str(pl.lit("b"), "video_id"),
    )
    people = _people(
        {
            "a": {i: f"P{i}" for i in SPLIT_OF},
            "b": {i: "Pid00" if i == "id02" else f"Q{i}" for i in SPLIT_OF},
        }
    )
    splits: dict[str, Split] = dict.fromkeys(people["person_id"], "train")
    splits |= {"Pid00": "test", "Pid05": "train"}
    pooled = pool_releases({"b": other, "a": release}, people, splits)
    assert pooled.height == 2 * release.height
    assert leakage(pooled, "person_id") == []
    assert set(pooled.filter(pl.col("person_id") == "Pid00")["challenge"]) == {"a", "b"}
    assert set(pooled.filter(pl.col("person_id") == "Pid00")["split"]) == {"test"}
    assert set(pooled.filter(pl.col("identity_id") == "id05")["split"]) == {"excluded"}


def test_the_same_file_in_two_challenges_counts_once(release: pl.DataFrame) -> None:
    people = _people({c: {i: f"P{i}" for i in SPLIT_OF} for c in "ab"})
    splits: dict[str, Split] = {f"P{i}": s for i, s in SPLIT_OF.items()}
    pooled = pool_releases({"b": release, "a": release}, people, splits)
    assert pooled.height == release.height
    assert set(pooled["challenge"]) == {"a"}


def test_pooling_needs_people_and_splits(release: pl.DataFrame) -> None:
    people = _people({"a": {i: f"P{i}" for i in SPLIT_OF}})
    with pytest.raises(ValueError, match="not in people"):
        pool_releases({"a": release}, people.head(5), {})
    with pytest.raises(ValueError, match="have no split"):
        pool_releases({"a": release}, people, {})
    assert pool_releases({}, people, {}).height == 0
