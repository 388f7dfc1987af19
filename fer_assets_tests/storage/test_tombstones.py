from __future__ import annotations

import hashlib

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from fer_assets.storage.registries import read_registry, write_registry
from fer_assets.storage.schemas.tiktokfer import IDENTITY_REGISTRY, PREDICTIONS
from fer_assets.storage.store import LocalStore
from fer_assets.storage.tombstones import (
    AREA_MS,
    AREA_STEP,
    TOMBSTONES_PATH,
    add_all_tombstones,
    add_hashes,
    add_tombstones,
    areas_around,
    hashed_names,
    read_salt,
    read_tombstones,
)

VIDEO = "0123456789abcdef"


def face(time_ms, x, y, video=VIDEO):
    return f"{video}/{time_ms}/{x}-{y}"


def test_a_withdrawn_video_takes_faces_where_only_the_face_is_named(tmp_path):
    """Predictions and the registry of identities have no column for the video."""
    store = LocalStore(tmp_path)
    rows = [
        {"fold": 0, "seed": 0, "face_id": name, "group_id": "id-a", "target": "sad", "pred": "sad",
         "probs": [1.0]}
        for name in (face(0, 1, 1), face(0, 1, 1, "f" * 16))
    ]  # fmt: skip
    graves = add_tombstones(store, "video", [VIDEO])
    left = graves.filter(PREDICTIONS.frame(rows), PREDICTIONS)
    assert left["face_id"].to_list() == [face(0, 1, 1, "f" * 16)]


@given(
    st.integers(0, 10**6), st.integers(-50, 1050), st.integers(-50, 1050),
    st.integers(-AREA_MS, AREA_MS), st.integers(-AREA_STEP, AREA_STEP),
    st.integers(-AREA_STEP, AREA_STEP),
)  # fmt: skip
def test_a_face_that_moved_a_little_is_covered(time_ms, x, y, dt, dx, dy):
    gone, moved = face(time_ms, x, y), face(max(0, time_ms + dt), x + dx, y + dy)
    hashes = hashed_names("salt", areas_around([gone], ()))
    graves = add_up(hashes)
    assert graves.covers("face", moved)
    assert not graves.covers("face", face(time_ms + 3 * AREA_MS, x, y))
    assert not graves.covers("face", face(time_ms, x + 3 * AREA_STEP, y))
    assert not graves.covers("face", face(time_ms, x, y, "f" * 16))


def add_up(hashes):
    from fer_assets.storage.tombstones import Tombstones

    return Tombstones("salt", {kind: frozenset(found) for kind, found in hashes.items()})


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40)), max_size=5),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40)), max_size=5),
)
def test_no_other_known_face_is_covered(gone, others):
    step = 25
    kept = {face(t * step, x * step, y * step) for t, x, y in others}
    areas = areas_around([face(t * step, x * step, y * step) for t, x, y in gone], kept, 3)
    graves = add_up(hashed_names("salt", areas))
    assert not any(graves.covers("face", other) for other in kept)


def test_hashes_are_as_an_obvious_version_makes_them_and_say_no_name(tmp_path):
    store = LocalStore(tmp_path)
    add_all_tombstones(store, {"video": [VIDEO], "identity": ["id-a", "id-b"]})
    salt = read_salt(store)
    graves = read_tombstones(store)
    expected = hashlib.sha256(b"\0".join([salt.encode(), b"video", VIDEO.encode()])).hexdigest()
    assert graves.hashes["video"] == {expected[:16]}
    text = store.read(TOMBSTONES_PATH).decode()
    assert VIDEO not in text
    assert "id-a" not in text
    assert add_hashes(store, {"video": graves.hashes["video"]}).digest == graves.digest
    assert store.read(TOMBSTONES_PATH).decode() == text


def test_a_backup_keeps_nobody_whom_the_registry_lost(tmp_path):
    store = LocalStore(tmp_path)
    columns = {"identity_id": ["id-a", "id-b"], "merged_into": [None, None]}
    faces = [face(0, 1, 1), face(0, 9, 9, "f" * 16)]
    frame = pl.DataFrame({"face_id": faces, **columns}, schema=IDENTITY_REGISTRY.dtypes)
    write_registry(store, "line/state", None, IDENTITY_REGISTRY, frame)
    add_tombstones(store, "video", [VIDEO])
    left = read_registry(store, "line/state", None, IDENTITY_REGISTRY)
    write_registry(store, "line/state", None, IDENTITY_REGISTRY, left)
    (backup,) = [path for path in store.list("registries") if "backups" in path]
    for path in (backup, "registries/line/state/_all.parquet"):
        assert pl.read_parquet(store.local(path))["face_id"].to_list() == faces[1:]
