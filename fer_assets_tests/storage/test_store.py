from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from fer_assets.storage.store import FsspecStore, LocalStore, StoreError, open_store


@pytest.fixture(params=["local", "memory"])
def store(request, tmp_path):
    if request.param == "local":
        return LocalStore(tmp_path)
    pytest.importorskip("fsspec")
    return FsspecStore(f"memory://{tmp_path.name}-{request.node.name}")


def test_what_is_written_is_read_back(store):
    store.write("a/b.txt", b"one")
    store.write("a/b.txt", b"two")
    assert store.read("a/b.txt") == b"two"
    assert store.exists("a/b.txt")
    assert not store.exists("a")


def test_list_is_sorted_and_recursive(store):
    for path in ("a/z", "a/b/c", "b/x"):
        store.write(path, b"")
    assert store.list("a") == ["a/b/c", "a/z"]
    assert store.list("nothing") == []


def test_delete_twice_is_no_error(store):
    store.write("x", b"")
    store.delete("x")
    store.delete("x")
    assert not store.exists("x")
    with pytest.raises(FileNotFoundError):
        store.read("x")


def test_no_path_leaves_the_root(store):
    with pytest.raises(StoreError, match="below the storage root"):
        store.write("../x", b"")


def test_readers_never_see_a_part_of_a_file(tmp_path):
    store = LocalStore(tmp_path)
    pages = [bytes([i]) * 200_000 for i in range(2)]
    store.write("x", pages[0])
    stop = threading.Event()

    def write():
        while not stop.is_set():
            for page in pages:
                store.write("x", page)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert all(store.read("x") in pages for _ in range(200))
    finally:
        stop.set()
        writer.join()
    assert store.list("") == ["x"]


def test_uris(tmp_path):
    assert isinstance(open_store(f"file://{tmp_path}"), LocalStore)
    assert open_store(tmp_path).local("a") == tmp_path / "a"


def test_a_full_disk_leaves_the_old_file_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(tmp_path)
    store.write("a/model.safetensors", b"last good")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"model.safetensors; expected room for 5 bytes"):
        store.write("a/model.safetensors", b"12345")
    monkeypatch.undo()
    assert store.read("a/model.safetensors") == b"last good"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["model.safetensors"]
