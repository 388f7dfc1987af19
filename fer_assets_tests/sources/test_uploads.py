from __future__ import annotations

import hashlib

import pytest

from fer_assets.media.errors import MediaError
from fer_assets.media.probe import probe
from fer_assets.sources.changes import change_number, folder_signature
from fer_assets.sources.table import describe_video
from fer_assets.sources.uploads import SourceError, find_uploads, read_uploaders


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
    found = _find(folder, tmp_path, {"a.mp4": "ann"})
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


def test_the_list_of_uploaders_is_checked(tmp_path):
    file = tmp_path / "uploads.csv"
    file.write_text("file,uploader\na.mp4,ann\nb.mp4,\n", encoding="utf-8")
    assert read_uploaders(file) == {"a.mp4": "ann", "b.mp4": ""}
    assert read_uploaders(None) == {}
    file.write_text("name,uploader\n", encoding="utf-8")
    with pytest.raises(SourceError, match="no column file"):
        read_uploaders(file)


def test_copies_are_duplicates_and_text_is_quarantined(folder, tmp_path):
    uploads = _find(folder, tmp_path)
    rows = describe_video(uploads[:2], folder, probe)
    assert rows["status"].to_list() == ["quarantined", "quarantined"]
    assert rows["reason"][0]
    assert rows["duration_s"].null_count() == 2


def test_real_videos_are_described(test_data, tmp_path):
    folder = test_data / "videos"
    uploads = _find(folder, tmp_path)
    rows = [describe_video([upload], folder, probe) for upload in uploads]
    assert all(row["status"][0] == "accepted" for row in rows)
    hevc = next(row for row in rows if row["path"][0].startswith("hevc"))
    assert hevc["video_codec"][0] == "hevc"
    assert hevc["audio_duration_s"][0] < hevc["duration_s"][0]
    copies = [uploads[0], type(uploads[0])("z.mp4", uploads[0].sha256, 1, None)]
    assert describe_video(copies, folder, probe)["status"].to_list() == ["accepted", "duplicate"]


def test_a_decoder_that_gives_up_is_a_reason(folder, tmp_path):
    def gives_up(path):
        raise MediaError(path, "took too long")

    rows = describe_video(_find(folder, tmp_path)[:1], folder, gives_up)
    assert rows["reason"].to_list() == ["took too long"]


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
