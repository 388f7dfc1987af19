from __future__ import annotations

import uuid

import polars as pl
import pytest

import fer_assets
from fer_assets.storage.layout import LAYOUT_VERSION, Place, check_layout
from fer_assets.storage.ledger import Output, rebuild
from fer_assets.storage.planning import Build, Unit
from fer_assets.storage.reader import Dataset, NotMaterializedError, OutdatedTableError
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.store import LocalStore, StoreError, open_store
from fer_assets.storage.tombstones import add_tombstones

RAW = "tiktokfer/raw_videos"


def _raw(video_id: str) -> pl.DataFrame:
    schema = ASSET_TABLES[RAW]["raw_videos"]
    row = dict.fromkeys(schema.dtypes)
    row |= {"video_id": video_id, "path": f"{video_id}.mp4", "sha256": video_id, "size_bytes": 1}
    return schema.frame([{**row, "status": "accepted"}])


@pytest.fixture
def store(tmp_path):
    store = LocalStore(tmp_path)
    build = Build(Place(RAW, "key"), ASSET_TABLES[RAW], 1)

    def work(due):
        return [Output(unit.key, {"raw_videos": _raw(unit.key)}, {"n.txt": b"n"}) for unit in due]

    rebuild(store, build, [Unit(key, {}) for key in ("b", "a", "c")], work)
    return store


def test_a_table_is_all_parts_in_order(store):
    data = fer_assets.open(store.root)
    assert data.table(RAW, "key")["video_id"].to_list() == ["a", "b", "c"]
    assert data.part(RAW, "key", "raw_videos", "b")["video_id"].to_list() == ["b"]
    assert data.assets() == [RAW]
    assert data.partitions(RAW) == ["key"]
    assert data.blob(RAW, "key", "n.txt") == b"n"


def test_only_some_columns_and_without_the_withdrawn(store):
    add_tombstones(store, "video", ["a"])
    data = fer_assets.open(store.root)
    found = data.table(RAW, "key", columns=["status", "path"])
    assert found.columns == ["status", "path"]
    assert found["path"].to_list() == ["b.mp4", "c.mp4"]
    with pytest.raises(KeyError):
        data.table(RAW, "key", columns=["nothing"])


@pytest.mark.parametrize("columns", [None, ["path", "status"]])
def test_a_table_of_an_earlier_release_is_named(store, columns):
    entry = Dataset(store).manifest(RAW, "key").units["b"].tables["raw_videos"]
    frame = pl.read_parquet(store.local(entry.path)).drop("status")
    frame.write_parquet(store.local(entry.path))
    with pytest.raises(OutdatedTableError, match=r"raw_videos.*earlier one\. Materialise"):
        Dataset(store).table(RAW, "key", columns=columns)


def test_only_some_units(store):
    data = fer_assets.open(store.root)
    assert data.table(RAW, "key", units={"c", "a", "z"})["video_id"].to_list() == ["a", "c"]
    assert data.table(RAW, "key", units=[]).height == 0


def test_a_remote_root_reads_the_same(store):
    remote = open_store(f"memory://{uuid.uuid4().hex}")
    for path in store.list(""):
        remote.write(path, store.read(path))
    local, far = fer_assets.open(store.root), Dataset(remote)
    assert far.table(RAW, "key").equals(local.table(RAW, "key"))
    some = ["path", "sha256"]
    assert far.table(RAW, "key", columns=some).equals(local.table(RAW, "key", columns=some))


def test_what_was_never_built_says_how_to_build_it(store):
    with pytest.raises(NotMaterializedError, match=r"fer-assets materialize .* --partition other"):
        fer_assets.open(store.root).table(RAW, "other")


def test_a_withdrawn_video_is_not_read_even_before_the_rebuild(store):
    add_tombstones(store, "video", ["a"])
    data = fer_assets.open(store.root)
    assert data.table(RAW, "key")["video_id"].to_list() == ["b", "c"]
    assert data.part(RAW, "key", "raw_videos", "a").height == 0


def test_a_root_of_another_layout_is_refused(tmp_path):
    store = LocalStore(tmp_path)
    check_layout(store)
    check_layout(store)
    store.write("store.json", b'{"layout_version": %d}' % (LAYOUT_VERSION + 1))
    with pytest.raises(StoreError, match="layout version"):
        check_layout(store)
