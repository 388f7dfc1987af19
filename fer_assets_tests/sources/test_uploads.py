from __future__ import annotations

import datetime
import hashlib
import os

import pytest

from fer_assets.sources.changes import change_number, folder_signature
from fer_assets.sources.uploads import SourceError, UploadNote, find_uploads, read_uploaders


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "videos"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.mp4").write_bytes(b"one")
    (folder / "deep" / "b.MOV").write_bytes(b"two")
    (folder / "copy.mp4").write_bytes(b"one")
    (folder / ".hidden.mp4").write_bytes(b"three")
    (folder / "notes.txt").write_text("no video")
    return folder


def _find(folder, tmp_path, uploaders=None):
    return find_uploads(folder, uploaders or {}, "salt", tmp_path / "cache" / "key.json")


def test_videos_are_found_and_hashed(folder, tmp_path):
    found = _find(folder, tmp_path, {"a.mp4": UploadNote("ann")})
    assert [upload.path for upload in found] == ["a.mp4", "copy.mp4", "deep/b.MOV"]
    assert found[0].sha256 == hashlib.sha256(b"one").hexdigest()
    assert found[0].video_id == found[1].video_id == found[0].sha256[:16]
    assert found[0].uploader_id not in (None, "ann")
    assert found[1].uploader_id is None


def test_unchanged_files_are_not_read_again(folder, tmp_path):
    before = _find(folder, tmp_path)
    (folder / "a.mp4").chmod(0)
    try:
        assert _find(folder, tmp_path) == before
    finally:
        (folder / "a.mp4").chmod(0o644)


def test_a_changed_file_is_hashed_again_and_a_broken_cache_is_no_matter(folder, tmp_path):
    first = _find(folder, tmp_path)[0]
    (folder / "a.mp4").write_bytes(b"other")
    assert _find(folder, tmp_path)[0].sha256 != first.sha256
    (tmp_path / "cache" / "key.json").write_text("{broken")
    assert _find(folder, tmp_path)[0].sha256 == hashlib.sha256(b"other").hexdigest()


def test_a_missing_folder_is_an_error_and_an_empty_one_is_not(tmp_path):
    with pytest.raises(SourceError, match="Mount or create it"):
        _find(tmp_path / "unmounted", tmp_path)
    (tmp_path / "empty").mkdir()
    assert _find(tmp_path / "empty", tmp_path) == []


def test_the_list_of_uploads_is_checked(tmp_path):
    file = tmp_path / "uploads.csv"
    file.write_text("file,uploader\na.mp4,ann\nb.mp4,\n", encoding="utf-8")
    assert read_uploaders(file) == {"a.mp4": UploadNote("ann"), "b.mp4": UploadNote()}
    assert read_uploaders(None) == {}
    file.write_text("file,uploader,date,age\na.mp4,ann,2024-05-31,31\n", encoding="utf-8")
    day = datetime.date(2024, 5, 31)
    assert read_uploaders(file) == {"a.mp4": UploadNote("ann", day, 31)}
    for text, message in {
        "name,uploader\n": "no column file",
        "file,uploader,date\na.mp4,ann,yesterday\n": "line 2, column date; expected a day",
        "file,uploader,age\na.mp4,ann,old\n": "line 2, column age; expected a whole number",
    }.items():
        file.write_text(text, encoding="utf-8")
        with pytest.raises(SourceError, match=message):
            read_uploaders(file)


def test_an_upload_without_a_date_is_as_old_as_its_file(folder, tmp_path):
    os.utime(folder / "a.mp4", (86_400 * 365, 86_400 * 365))
    found = {upload.path: upload for upload in _find(folder, tmp_path)}
    assert found["a.mp4"].since == datetime.date(1971, 1, 1)
    noted = _find(folder, tmp_path, {"a.mp4": UploadNote(since=datetime.date(2024, 5, 31))})
    assert noted[0].since == datetime.date(2024, 5, 31)


def test_every_change_of_a_folder_counts(folder, tmp_path):
    state = tmp_path / "state.json"
    first = folder_signature([folder])
    assert change_number(state, first) == change_number(state, first) == 1
    (folder / "c.mp4").write_bytes(b"new")
    assert change_number(state, folder_signature([folder])) == 2
    (folder / "c.mp4").unlink()
    assert folder_signature([folder]) == first
    assert change_number(state, first) == 3
    assert folder_signature([tmp_path / "nothing"]) is None


def test_what_a_manifest_brings_is_no_change_and_the_manifest_is_one(folder, tmp_path):
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("url,uploader,date,caption\n")
    first = folder_signature([folder, manifest])
    (folder / "downloaded" / ".records").mkdir(parents=True)
    (folder / "downloaded" / "abc.mp4").write_bytes(b"video")
    (folder / "downloaded" / ".parts").mkdir()
    (folder / "downloaded" / ".parts" / "abc.video.part").write_bytes(b"vid")
    assert folder_signature([folder, manifest]) == first
    manifest.write_text("url,uploader,date,caption\nhttp://e.org/1,,,\n")
    assert folder_signature([folder, manifest]) != first
