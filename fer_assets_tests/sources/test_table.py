from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from fer_assets.errors import FerError
from fer_assets.media.errors import MediaError
from fer_assets.media.guarded import GuardedDecoder
from fer_assets.media.probe import probe
from fer_assets.media.survey import Survey, survey
from fer_assets.sources.duplicates import Original
from fer_assets.sources.settings import DownloadSettings, SourceSettings
from fer_assets.sources.table import examine_video, video_table
from fer_assets.sources.uploads import Upload
from fer_assets_tests.sources import films

SETTINGS = SourceSettings()


class Direct:
    """Decodes in this process."""

    probe = staticmethod(probe)
    survey = staticmethod(survey)


class Damaged(Direct):
    """Reports damage that it did not see."""

    def __init__(self, n_corrupt, n_missing):
        self.n_corrupt, self.n_missing = n_corrupt, n_missing

    def survey(self, path, rate_hz, side_px):
        seen = survey(path, rate_hz, side_px)
        keep = len(seen.times_s) - self.n_missing
        is_corrupt = np.arange(keep) < self.n_corrupt
        return Survey(seen.times_s[:keep], seen.thumbnails[:keep], is_corrupt, self.n_missing)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return films.write(tmp_path_factory.mktemp("one") / "a.mp4", films.film(0, seconds=5))


def test_a_video_is_described_and_fingerprinted(path):
    with GuardedDecoder() as decoder:
        seen = examine_video("v", path, decoder, SETTINGS)
    assert seen.reason is None
    row = seen.facts.row(0, named=True)
    assert (row["width_px"], row["height_px"], row["has_audio"]) == (64, 96, False)
    assert (row["n_surveyed"], row["n_corrupt"], row["n_missing"]) == (40, 0, 0)
    fingerprint = seen.fingerprint.row(0, named=True)
    assert len(fingerprint["thumbnails"]) == 256 * len(fingerprint["times_s"])


@pytest.mark.parametrize(
    ("n_corrupt", "n_missing", "limit", "is_used"),
    [
        (8, 0, 0.2, True),
        (9, 0, 0.2, False),
        (4, 5, 0.2, False),
        (30, 9, 1.0, True),
        (1, 0, 0, False),
    ],
)
def test_damage_above_the_stated_share_is_a_reason(path, n_corrupt, n_missing, limit, is_used):
    settings = SourceSettings(max_corrupt_share=limit)
    seen = examine_video("v", path, Damaged(n_corrupt, n_missing), settings)
    row = seen.facts.row(0, named=True)
    assert (row["n_surveyed"], row["n_corrupt"], row["n_missing"]) == (40, n_corrupt, n_missing)
    assert (seen.reason is None) == is_used == (seen.fingerprint.height == 1)
    assert is_used or row["reason"] == "too many corrupt frames"


def test_bit_flips_are_counted_and_many_are_too_many(path, tmp_path):
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    body = np.arange(len(data) // 4, len(data) * 3 // 4)
    for at in rng.choice(body, 60, replace=False):
        data[at] ^= 1 << rng.integers(8)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(data)
    strict = examine_video("v", broken, Direct(), SourceSettings(max_corrupt_share=0.0))
    row = strict.facts.row(0, named=True)
    assert strict.reason == "too many corrupt frames"
    assert row["n_corrupt"] + row["n_missing"] > 0


def test_a_decoder_that_gives_up_is_a_reason(path, tmp_path):
    class GivesUp(Direct):
        def survey(self, path, rate_hz, side_px):
            raise MediaError(path, "took too long")

    seen = examine_video("v", path, GivesUp(), SETTINGS)
    assert (seen.reason, seen.fingerprint.height) == ("took too long", 0)
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    seen = examine_video("v", text, Direct(), SETTINGS)
    assert seen.reason
    assert seen.facts["duration_s"].null_count() == 1


def test_real_videos_are_described(test_data):
    files = sorted((test_data / "videos").iterdir())
    rows = pl.concat([examine_video(f.name, f, Direct(), SETTINGS).facts for f in files])
    assert rows["reason"].null_count() == rows.height
    hevc = rows.filter(pl.col("video_codec") == "hevc").row(0, named=True)
    assert hevc["audio_duration_s"] < hevc["duration_s"]


def _upload(path, sha="a" * 64, **changes):
    return Upload(path, sha, 1, None, **changes)


def _rows(uploads, facts, originals=None, withdrawn=(), forbidden=lambda upload: None):
    known = {key: {**dict.fromkeys(_FACTS), "reason": reason} for key, reason in facts.items()}
    rows = video_table(uploads, known, forbidden, originals or {}, withdrawn)
    return [(r["path"], r["status"], r["reason"], r["duplicate_of"]) for r in rows.to_dicts()]


_FACTS = (
    "duration_s", "width_px", "height_px", "rotation_deg", "frame_rate_hz", "video_codec",
    "has_audio", "audio_duration_s", "n_surveyed", "n_corrupt", "n_missing",
)  # fmt: skip
A = "a" * 16


def test_the_first_upload_of_a_content_is_taken_and_the_others_are_its_duplicates():
    two = {A: [_upload("a.mp4"), _upload("b.mp4")]}
    copy = "same content as another upload"
    assert _rows(two, {A: None}) == [
        ("a.mp4", "accepted", None, None), ("b.mp4", "duplicate", copy, A),
    ]  # fmt: skip
    assert {row[1:] for row in _rows(two, {A: "empty file"})} == {
        ("quarantined", "empty file", None)
    }


def test_a_forbidden_upload_makes_way_for_one_that_is_allowed():
    two = {A: [_upload("a.mp4", age=12), _upload("b.mp4", age=30)]}
    rows = _rows(two, {A: None}, forbidden=lambda u: "policy: no" if u.age < 18 else None)
    assert rows == [
        ("a.mp4", "quarantined", "policy: no", None), ("b.mp4", "accepted", None, None),
    ]  # fmt: skip


def test_reuploads_name_their_original_and_those_of_withdrawn_videos_name_nobody():
    both = {A: [_upload("a.mp4"), _upload("b.mp4")]}
    rows = _rows(both, {A: None}, {A: Original("b" * 16, is_mirrored=False)})
    assert {row[1:] for row in rows} == {("duplicate", "re-upload of another video", "b" * 16)}
    rows = _rows(both, {A: None}, {A: Original("b" * 16, is_mirrored=True)})
    assert rows[0][2] == "mirrored re-upload of another video"
    rows = _rows(both, {A: None}, withdrawn={A})
    assert {row[1:] for row in rows} == {("withdrawn", "re-upload of a withdrawn video", None)}


def test_settings_out_of_range_are_named():
    for make in (
        lambda: SourceSettings(max_corrupt_share=1.5),
        lambda: DownloadSettings(download_attempts=0),
        lambda: DownloadSettings(stall_limit_s=0),
        lambda: DownloadSettings(seconds_between_downloads=-1),
    ):
        with pytest.raises(FerError, match=r"settings.sources.\w+; expected"):
            make()
