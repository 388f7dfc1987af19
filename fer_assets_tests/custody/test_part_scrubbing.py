from __future__ import annotations

import polars as pl

from fer_assets.custody.part_scrubbing import count_place, scrub_place
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output, rebuild
from fer_assets.storage.manifests import Provenance, UnitEntry, read_manifest
from fer_assets.storage.parts import read_parts, write_receipt, write_table
from fer_assets.storage.planning import WHOLE, Build, Unit, plan
from fer_assets.storage.schemas.tiktokfer import FACE_EMBEDDINGS
from fer_assets.storage.store import LocalStore
from fer_assets.storage.tombstones import add_tombstones

GONE, STAYS, NEW = "0" * 16, "1" * 16, "2" * 16
PLACE = Place("later_line/features", "key")


def rows(video_id, n=3):
    return FACE_EMBEDDINGS.frame(
        [
            {"face_id": f"{video_id}/{i}/5-{i}", "video_id": video_id, "timestamp_ms": i,
             "embedder": "e", "embedding": [float(i)]}
            for i in range(n)
        ]
    )  # fmt: skip


def built(tmp_path, *videos):
    """A partition of an asset that no catalog names, a unit per video."""
    store = LocalStore(tmp_path)
    build = Build(PLACE, {FACE_EMBEDDINGS.name: FACE_EMBEDDINGS}, 1)
    units = [Unit(video, {"video": video}) for video in videos]

    def work(due):
        return (Output(unit.key, {FACE_EMBEDDINGS.name: rows(unit.key)}) for unit in due)

    rebuild(store, build, units, work)
    return store, build, units


def test_a_withdrawn_unit_goes_and_the_others_need_no_rebuild(tmp_path):
    store, build, units = built(tmp_path, GONE, STAYS)
    before = read_manifest(store, PLACE).units[STAYS]
    graves = add_tombstones(store, "video", [GONE])
    assert vars(count_place(store, PLACE, graves)) == {
        "units": 1, "rows": 3, "blobs": 0, "leftovers": 0,
    }  # fmt: skip
    scrub_place(store, PLACE, graves, drops_pictures=True)
    manifest = read_manifest(store, PLACE)
    assert dict(manifest.units) == {STAYS: before}
    assert not any(GONE in path for path in store.list(""))
    todo = plan(store, build, units)
    assert (dict(todo.due), todo.is_current, todo.withdrawn) == ({}, True, 1)


def test_a_single_face_changes_its_part_and_the_content_digest(tmp_path):
    store, _, _ = built(tmp_path, GONE, STAYS)
    before = read_manifest(store, PLACE)
    graves = add_tombstones(store, "face", [f"{STAYS}/1/5-1"])
    scrub_place(store, PLACE, graves, drops_pictures=False)
    after = read_manifest(store, PLACE)
    assert after.data_version != before.data_version
    assert after.units[GONE] == before.units[GONE]
    part = after.units[STAYS].tables[FACE_EMBEDDINGS.name]
    expected = rows(STAYS).filter(pl.col("timestamp_ms") != 1)
    assert read_parts(store, [part]).equals(expected)
    assert part.rows == 2
    # Once more changes nothing.
    files = {path: store.read(path) for path in store.list("")}
    scrub_place(store, PLACE, graves, drops_pictures=False)
    assert {path: store.read(path) for path in store.list("")} == files


def test_receipts_of_a_killed_run_stay_if_nobody_withdrawn_is_in_them(tmp_path):
    store, _, _ = built(tmp_path, STAYS)
    for key, holds in ((NEW, NEW), (GONE, GONE), (WHOLE, GONE)):
        provenance = Provenance(1, "", inputs={"video": key})
        part = write_table(store, PLACE, FACE_EMBEDDINGS.name, key, rows(holds), provenance)
        entry = UnitEntry(provenance, "ok", None, {FACE_EMBEDDINGS.name: part}, {})
        write_receipt(store, PLACE, key, entry)
    store.write(f"{PLACE.folder}/tables/orphan.parquet", b"of nobody's manifest")
    graves = add_tombstones(store, "video", [GONE])
    scrub_place(store, PLACE, graves, drops_pictures=False)
    left = [path.rsplit("/", 1)[1] for path in store.list(PLACE.folder)]
    receipts = sorted(name for name in left if name.endswith(".json") and name != "manifest.json")
    assert [name.split("-")[0] for name in receipts] == [NEW]
    assert sorted(n.split("-")[0] for n in left if n.endswith(".parquet")) == [STAYS, NEW]
