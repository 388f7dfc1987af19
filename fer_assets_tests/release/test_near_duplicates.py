import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.release import near_duplicates
from fer_assets.release.near_duplicates import (
    NearDuplicateSettings,
    leaks_left,
    resolve_near_duplicates,
)
from fer_assets.storage.schemas.tiktokfer import FACE_EMBEDDINGS
from fer_assets_tests.release.conftest import make_release, picture


def _with_picture(release: pl.DataFrame, face_id: str, data: bytes) -> pl.DataFrame:
    images = [
        {"bytes": data, "path": image["path"]} if face == face_id else image
        for face, image in release.select("face_id", "image").iter_rows()
    ]
    return release.with_columns(image=pl.Series(images, dtype=release.schema["image"]))


def _face(release: pl.DataFrame, person: int, at: int = 0) -> str:
    return release.filter(pl.col("identity_id") == f"id{person:02d}")["face_id"][at]


def _embeddings(release: pl.DataFrame, features: np.ndarray, embedder: str = "e") -> pl.DataFrame:
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    return FACE_EMBEDDINGS.conform(
        release.select(
            "face_id",
            "video_id",
            timestamp_ms=pl.lit(0, pl.Int64),
            embedder=pl.lit(embedder),
            embedding=pl.Series(unit.astype(np.float32).tolist(), dtype=pl.List(pl.Float32)),
        )
    )


def _split_of(release: pl.DataFrame, face_id: str) -> str:
    return release.filter(pl.col("face_id") == face_id)["split"].item()


def test_different_pictures_stay(faces: pl.DataFrame) -> None:
    found = resolve_near_duplicates(faces)
    assert found.pairs.is_empty()
    assert found.release.equals(faces)


def test_a_weaker_copy_in_test_puts_the_training_face_out(faces: pl.DataFrame) -> None:
    train, test = _face(faces, 0), _face(faces, 3)
    leaking = _with_picture(faces, test, picture(0, quality=70))
    found = resolve_near_duplicates(leaking)
    assert found.pairs.select("face_id", "other_id").rows() == [(train, test)]
    assert found.pairs["bits"].item() <= 15
    assert found.pairs["cosine"].item() is None
    assert _split_of(found.release, train) == "excluded"
    assert _split_of(found.release, test) == "test"
    assert leaks_left(leaking, found.pairs) == 1
    assert leaks_left(found.release, found.pairs) == 0
    assert found.release.drop("split").equals(leaking.drop("split"))


def test_the_split_with_most_faces_of_a_picture_keeps_it(faces: pl.DataFrame) -> None:
    leaking = faces
    for at in range(3):
        leaking = _with_picture(leaking, _face(faces, 0, at), picture(7, quality=90 - at))
    leaking = _with_picture(leaking, _face(faces, 3), picture(7, quality=60))
    found = resolve_near_duplicates(leaking)
    assert _split_of(found.release, _face(faces, 3)) == "excluded"
    assert found.release.filter(pl.col("split") == "excluded").height == 1


def test_one_person_and_excluded_people_are_not_looked_at(faces: pl.DataFrame) -> None:
    same = _with_picture(faces, _face(faces, 0, 1), picture(0, quality=60))
    assert resolve_near_duplicates(same).pairs.is_empty()
    leaking = _with_picture(faces, _face(faces, 3), picture(0))
    gone = pl.when(pl.col("identity_id") == "id03").then(pl.lit("excluded")).otherwise("split")
    assert resolve_near_duplicates(leaking.with_columns(split=gone)).pairs.is_empty()


def test_features_find_what_pictures_don_t(faces: pl.DataFrame) -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(faces.height, 32))
    rows = {face: at for at, face in enumerate(faces["face_id"])}
    a, b = _face(faces, 1), _face(faces, 2)
    features[rows[b]] = features[rows[a]] + 0.01 * rng.normal(size=32)
    found = resolve_near_duplicates(faces, _embeddings(faces, features))
    assert found.pairs.select("face_id", "other_id").rows() == [(a, b)]
    assert found.pairs["cosine"].item() > 0.99
    mixed = pl.concat(
        [
            _embeddings(faces, features).filter(pl.col("face_id") != b),
            _embeddings(faces, features, "another").filter(pl.col("face_id") == b),
        ]
    )
    assert resolve_near_duplicates(faces, mixed).pairs.is_empty()


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=25)
def test_no_pair_is_left_whatever_leaks(seed: int) -> None:
    """Against all pairs compared one by one; features along few directions, so many are near."""
    rng = np.random.default_rng(seed)
    release = make_release(8, 3)
    directions = rng.normal(size=(6, 8))
    features = directions[rng.integers(0, 6, release.height)]
    features = features + 0.05 * rng.normal(size=features.shape)
    embeddings = _embeddings(release, features)
    found = resolve_near_duplicates(release, embeddings, NearDuplicateSettings(cosine=0.99))
    unit = np.array(embeddings.sort("face_id")["embedding"].to_list(), dtype=np.float32)
    splits = release.sort("face_id")["split"].to_list()
    ids = release.sort("face_id")["face_id"].to_list()
    expected = {
        (ids[i], ids[j])
        for i in range(len(ids))
        for j in range(i + 1, len(ids))
        if splits[i] != splits[j] and unit[i] @ unit[j] >= 0.99
    }
    assert set(found.pairs.select("face_id", "other_id").iter_rows()) == expected
    after = dict(found.release.select("face_id", "split").iter_rows())
    assert not any(
        after[a] != after[b] and "excluded" not in (after[a], after[b]) for a, b in expected
    )
    assert leaks_left(found.release, found.pairs) == 0


def test_one_picture_under_very_many_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not every pair is written down then, but no two splits keep the picture."""
    monkeypatch.setattr(near_duplicates, "_MOST_PAIRS", 10)
    release = make_release(12, 4)
    image = {"bytes": picture(5), "path": "x.jpg"}
    blank = release.with_columns(image=pl.lit(image, dtype=release.schema["image"]))
    features = np.ones((release.height, 4))
    for embeddings in (None, _embeddings(release, features)):
        found = resolve_near_duplicates(blank, embeddings)
        kept = found.release.filter(pl.col("split") != "excluded")
        assert kept["split"].n_unique() == 1
        assert leaks_left(found.release, found.pairs) == 0
    distinct = resolve_near_duplicates(release, _embeddings(release, features))
    assert distinct.release.filter(pl.col("split") != "excluded")["split"].n_unique() == 1


def test_an_empty_release(faces: pl.DataFrame) -> None:
    assert resolve_near_duplicates(faces.clear()).pairs.is_empty()
