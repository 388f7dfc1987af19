"""Folders of crops: which files count, the digest of what they hold, the cache."""

from __future__ import annotations

import hashlib
import json

import pytest

from fer_assets.frame_affect.frames import crop_folders
from fer_assets.frame_affect.frames.crop_folders import (
    FROM_ZERO,
    NO_FRAME,
    TWO_FILES,
    crop_files,
    folder_digests,
    frame_files,
    list_crop_folders,
    look_into,
)


def _fill(folder, contents):
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return folder


def test_numbered_pictures_count(tmp_path):
    folder = _fill(
        tmp_path / "v",
        {
            "00010.jpg": b"a", "2.png": b"b", "00003.JPG": b"c", "x.jpg": b"d", "4.txt": b"e",
            ".5.jpg": b"f", "6.jpg.tmp": b"g", "7.old.jpg": b"h",
        },
    )  # fmt: skip
    (folder / "8.jpg").mkdir()
    assert crop_files(folder) == [(2, "2.png"), (3, "00003.JPG"), (10, "00010.jpg")]
    found = look_into(folder)
    assert (found.name, found.n_crops, found.last_frame, found.problem) == ("v", 3, 10, None)
    assert frame_files(folder)[3] == folder / "00003.JPG"


def test_numbers_that_mean_nothing(tmp_path):
    assert look_into(_fill(tmp_path / "a", {"1.jpg": b"", "001.png": b""})).problem == TWO_FILES
    assert look_into(_fill(tmp_path / "b", {"00000.jpg": b"", "1.jpg": b""})).problem == FROM_ZERO
    dated = look_into(_fill(tmp_path / "d", {"1.jpg": b"", "20220101.jpg": b""}))
    assert (dated.problem, dated.last_frame) == (NO_FRAME, 1_000_000)
    empty = look_into(_fill(tmp_path / "c", {}))
    assert (empty.last_frame, empty.problem) == (0, None)


def test_digest_is_of_numbers_and_contents(tmp_path):
    frames = tmp_path / "frames"
    _fill(frames / "a", {"00001.jpg": b"one", "00003.jpg": b"three"})
    _fill(frames / "copy", {"1.jpg": b"one", "3.jpeg": b"three"})
    _fill(frames / "moved", {"00001.jpg": b"one", "00004.jpg": b"three"})
    _fill(frames / "empty", {})
    found = folder_digests(frames, tmp_path / "cache.json")
    assert set(found) == {"a", "copy", "moved"}
    assert found["a"] == found["copy"] != found["moved"]
    whole = hashlib.sha256()
    for number, data in ((1, b"one"), (3, b"three")):
        whole.update(number.to_bytes(8, "little") + hashlib.sha256(data).digest())
    assert found["a"] == whole.hexdigest()
    assert list_crop_folders(tmp_path / "nowhere") == {}


def test_only_what_changed_is_read_again(tmp_path, monkeypatch):
    frames, cache = tmp_path / "frames", tmp_path / "state" / "cache.json"
    for name in ("a", "b", "c"):
        _fill(frames / name, {"00001.jpg": name.encode()})
    before = folder_digests(frames, cache)
    read = []
    digest = crop_folders._digest
    monkeypatch.setattr(
        crop_folders, "_digest", lambda place: read.append(place.name) or digest(place)
    )
    assert folder_digests(frames, cache) == before
    assert read == []
    (frames / "b" / "00001.jpg").write_bytes(b"other")
    (frames / "c" / "00001.jpg").unlink()
    after = folder_digests(frames, cache)
    assert read == ["b"]
    assert after["a"] == before["a"]
    assert after["b"] != before["b"]
    assert "c" not in after
    assert set(json.loads(cache.read_text())) >= {"a", "b"}


@pytest.mark.parametrize("kept", ["", "{", '{"a"'])
def test_a_damaged_cache_is_made_anew(tmp_path, kept):
    _fill(tmp_path / "frames" / "a", {"1.jpg": b"x"})
    cache = tmp_path / "cache.json"
    cache.write_text(kept)
    found = folder_digests(tmp_path / "frames", cache)
    assert json.loads(cache.read_text())["a"][1] == found["a"]
