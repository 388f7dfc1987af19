from __future__ import annotations

from fer_assets.storage.registries import BACKUPS_KEPT, read_registry, write_registry
from fer_assets.storage.store import LocalStore
from fer_assets.storage.tombstones import add_tombstones, read_salt, salted_hash
from fer_assets_tests.storage.tables import NUMBERS, rows


def test_state_is_kept_and_backed_up(tmp_path):
    store = LocalStore(tmp_path)
    assert read_registry(store, "line/state", "key", NUMBERS).height == 0
    for number in range(BACKUPS_KEPT + 4):
        write_registry(store, "line/state", "key", NUMBERS, rows("a", [number]))
    write_registry(store, "line/state", "key", NUMBERS, rows("a", [number]))
    assert read_registry(store, "line/state", "key", NUMBERS)["number"].to_list() == [number]
    backups = [path for path in store.list("registries") if "backups" in path]
    assert len(backups) == BACKUPS_KEPT
    assert backups[-1].rsplit("/", 1)[1].startswith(f"{number - 1:06d}")


def test_withdrawn_subjects_are_not_read(tmp_path):
    store = LocalStore(tmp_path)
    write_registry(store, "line/state", None, NUMBERS, rows("a", [1]).vstack(rows("b", [2])))
    add_tombstones(store, "video", ["a"])
    assert read_registry(store, "line/state", None, NUMBERS)["video_id"].to_list() == ["b"]


def test_names_are_hashed_with_a_salt_of_the_root(tmp_path):
    one, other = LocalStore(tmp_path / "1"), LocalStore(tmp_path / "2")
    assert read_salt(one) == read_salt(one)
    assert read_salt(one) != read_salt(other)
    assert salted_hash(read_salt(one), "uploader", "ann") != salted_hash(
        read_salt(one), "worker", "ann"
    )
    add_tombstones(one, "uploader", ["ann"])
    assert "ann" not in one.read("custody/tombstones.json").decode()
