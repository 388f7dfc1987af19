from __future__ import annotations

import dataclasses

import polars as pl
import pytest

from fer_assets.storage.ledger import Output, rebuild
from fer_assets.storage.manifests import read_manifest
from fer_assets.storage.parts import read_parts
from fer_assets.storage.planning import RemovalError, plan
from fer_assets.storage.schema import SchemaError
from fer_assets.storage.store import LocalStore
from fer_assets.storage.tombstones import add_tombstones
from fer_assets_tests.storage.tables import NUMBERS, PLACE, Worker, build, rows, units


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path)


def _files(store):
    return {path: store.read(path) for path in store.list("assets")}


def test_only_new_and_changed_units_are_worked_on(store):
    rebuild(store, build(), units("a", "b"), Worker())
    worker = Worker()
    report = rebuild(store, build(), [*units("a", "c"), *units("b", content="new")], worker)
    assert worker.seen == ["b", "c"]
    assert (report.processed, report.reused, report.removed) == (2, 1, 0)
    assert report.reasons == {"content changed": 1, "new": 1}


def test_an_unchanged_rebuild_writes_nothing(store):
    rebuild(store, build(), units("a", "b"), Worker())
    before = {p: p.stat().st_mtime_ns for p in store.root.rglob("*") if p.is_file()}
    report = rebuild(store, build(), units("a", "b"), Worker(fails_at="a"))
    after = {p: p.stat().st_mtime_ns for p in store.root.rglob("*") if p.is_file()}
    assert report.processed == 0
    assert after == before


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"code_version": 2}, "code version 1 is now 2"),
        ({"settings": {"threshold": 0.5}}, "settings changed"),
        ({"weights": {"net": "sha"}}, "weights changed"),
    ],
)
def test_what_content_follows_from_makes_it_stale(store, change, reason):
    rebuild(store, build(), units("a"), Worker())
    assert plan(store, build(**change), units("a")).due == {"a": reason}


def test_a_rebuild_with_equal_content_keeps_the_data_version(store):
    first = rebuild(store, build(), units("a"), Worker()).manifest
    again = rebuild(store, build(code_version=2), units("a"), Worker()).manifest
    assert again.data_version == first.data_version
    assert again.units["a"].provenance != first.units["a"].provenance


def test_other_content_is_another_data_version(store):
    first = rebuild(store, build(), units("a"), Worker()).manifest
    other = rebuild(store, build(), units("a", "b"), Worker()).manifest
    assert other.data_version != first.data_version


def test_a_killed_build_goes_on_and_ends_in_the_same_bytes(store, tmp_path):
    with pytest.raises(RuntimeError):
        rebuild(store, build(), units("a", "b", "c"), Worker(fails_at="c"))
    assert read_manifest(store, PLACE) is None
    worker = Worker()
    rebuild(store, build(), units("a", "b", "c"), worker)
    assert worker.seen == ["c"]
    undisturbed = LocalStore(tmp_path / "other")
    rebuild(undisturbed, build(), units("a", "b", "c"), Worker())
    assert _files(store) == _files(undisturbed)


def test_a_failed_validation_leaves_the_last_good_table(store):
    rebuild(store, build(), units("a"), Worker())
    before = _files(store)

    def wrong(due):
        for unit in due:
            bad = rows(unit.key, [1]).with_columns(number=pl.lit(500, pl.Int64))
            yield Output(unit.key, {"numbers": bad})

    with pytest.raises(SchemaError):
        rebuild(store, build(), units("a", content="new"), wrong)
    assert _files(store) == before


def test_units_that_are_gone_leave_the_manifest(store):
    rebuild(store, build(), units("a", "b"), Worker())
    report = rebuild(store, build(), units("a"), Worker())
    assert report.removed == 1
    assert set(report.manifest.units) == {"a"}
    assert not [path for path in store.list("assets") if path.rsplit("/", 1)[1].startswith("b-")]


def test_many_removals_need_a_word(store):
    keys = [f"v{i:02d}" for i in range(20)]
    rebuild(store, build(confirms_removal=False), units(*keys), Worker())
    with pytest.raises(RemovalError, match="4 of 20 gone"):
        rebuild(store, build(confirms_removal=False), units(*keys[4:]), Worker())
    assert len(read_manifest(store, PLACE).units) == 20
    rebuild(store, build(confirms_removal=False), units(*keys[3:]), Worker())
    report = rebuild(store, build(confirms_removal=True), units("v19"), Worker())
    assert report.removed == 16


def test_a_tenth_of_many_may_go(store):
    keys = [f"v{i:03d}" for i in range(60)]
    rebuild(store, build(confirms_removal=False), units(*keys), Worker())
    assert rebuild(store, build(confirms_removal=False), units(*keys[6:]), Worker()).removed == 6


def test_a_withdrawn_video_is_left_out_without_tripping_the_guard(store):
    rebuild(store, build(confirms_removal=False), units("a", "b"), Worker())
    add_tombstones(store, "video", ["b"])
    worker = Worker()
    report = rebuild(store, build(confirms_removal=False), units("a", "b"), worker)
    assert worker.seen == []
    assert report.withdrawn == 1
    assert set(report.manifest.units) == {"a"}


def test_a_withdrawn_uploader_loses_their_rows_and_the_file_is_rewritten(store):
    owners = {"a": "ann", "b": "bob"}
    rebuild(store, build(), units("a", "b"), Worker(owners))
    add_tombstones(store, "uploader", ["bob"])
    worker = Worker(owners)
    report = rebuild(store, build(), units("a", "b"), worker)
    assert worker.seen == ["b"]
    assert read_parts(store, [report.manifest.units["b"].tables["numbers"]]).height == 0
    assert all(b"bob" not in store.read(path) for path in store.list("assets"))


def test_lost_files_are_made_again(store):
    manifest = rebuild(store, build(), units("a"), Worker()).manifest
    store.delete(manifest.units["a"].tables["numbers"].path)
    assert plan(store, build(), units("a")).due == {"a": "its files are gone"}


def test_what_a_killed_run_left_behind_goes_with_the_next_run(store):
    manifest = rebuild(store, build(), units("a"), Worker()).manifest
    before = _files(store)
    part = manifest.units["a"].tables["numbers"].path
    store.write(part.replace("a-", "old-"), b"rows of before the swap")
    leftover = store.local(part).with_name(".a.parquet.1234.tmp")
    leftover.write_bytes(b"half a file")
    rebuild(store, build(), units("a"), Worker(fails_at="a"))
    assert _files(store) == before
    assert not leftover.exists()


def test_parts_carry_their_provenance(store):
    manifest = rebuild(store, build(), units("a"), Worker()).manifest
    entry = manifest.units["a"]
    metadata = pl.read_parquet_metadata(store.local(entry.tables["numbers"].path))
    assert metadata["fer_assets.provenance"] == entry.provenance.digest


def test_work_that_leaves_a_unit_out_or_invents_one_is_a_bug(store):
    with pytest.raises(ValueError, match="left out"):
        rebuild(store, build(), units("a"), lambda due: [])
    with pytest.raises(ValueError, match="was not due"):
        rebuild(store, build(), units("a"), lambda due: [Output("x", {})])
    unknown = Output("a", {"letters": NUMBERS.empty()})
    with pytest.raises(ValueError, match="no schema"):
        rebuild(store, build(), units("a"), lambda due: [unknown])


def test_quarantined_units_keep_their_reason(store):
    output = Output("a", {}, status="quarantined", reason="no audio")
    report = rebuild(store, build(), units("a"), lambda due: [output])
    assert report.quarantined == 1
    assert read_manifest(store, PLACE).units["a"].reason == "no audio"


def test_a_manifest_survives_its_json(store):
    manifest = rebuild(store, build(), units("a"), Worker()).manifest
    assert read_manifest(store, PLACE) == manifest
    assert dataclasses.replace(manifest, tombstones="x") != manifest
