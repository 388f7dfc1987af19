"""The step `raw_videos`: folders, manifests, duplicates, policies, withdrawals."""

from __future__ import annotations

import datetime

import polars as pl
import pytest

from fer_assets.lines.status import step_states
from fer_assets.lines.step import plan_step, run_step
from fer_assets.lines.tiktokfer import videos
from fer_assets.lines.tiktokfer.names import RAW_VIDEOS
from fer_assets.lines.workspace import open_workspace
from fer_assets.sources import matching, permission
from fer_assets.sources.uploads import SourceError
from fer_assets.storage.tombstones import TOMBSTONES_PATH, add_tombstones
from fer_assets_tests.sources import films
from fer_assets_tests.sources.video_server import serving

KEY = "one"
STEP = videos.RAW_VIDEOS_STEP
TOML = '[[prompts]]\nid = "angry"\naudio = "angry.wav"\n'
PACE = "[settings.sources]\nseconds_between_downloads = 0\ndownload_attempts = 1\n"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """Films as files: two takes in one room, and a copy of the first take."""
    folder = tmp_path_factory.mktemp("shelf")
    made = {
        "take0": films.write(folder / "take0.mp4", films.film(0)),
        "take1": films.write(folder / "take1.mp4", films.film(1)),
        "copy": films.write(folder / "copy.mp4", films.marked(films.film(0)[2:]), crf=32),
    }
    return {name: path.read_bytes() for name, path in made.items()}


@pytest.fixture
def folder(tmp_path, shelf):
    folder = tmp_path / "challenges" / KEY
    (folder / "videos").mkdir(parents=True)
    (folder / "angry.wav").write_bytes(b"RIFF")
    _toml(folder)
    for name in ("take0", "take1"):
        (folder / "videos" / f"{name}.mp4").write_bytes(shelf[name])
    return folder


def _toml(folder, policy=""):
    (folder / "challenge.toml").write_text(TOML + PACE + policy, encoding="utf-8")


def _run(folder):
    return run_step(STEP, open_workspace(folder.parents[1], confirms_removal=True), KEY)


def _table(folder, name="raw_videos"):
    return open_workspace(folder.parents[1]).data.table(RAW_VIDEOS, KEY, name)


def _fates(folder):
    return {row[0]: row[1:] for row in _table(folder).select("path", "status", "reason").rows()}


def _state(folder):
    return step_states(open_workspace(folder.parents[1], confirms_removal=True), [STEP], KEY)[0]


def test_a_reupload_is_found_whenever_it_comes_and_costs_one_video(folder, shelf):
    first = _run(folder).build
    assert (first.processed, first.reused, first.quarantined) == (2, 0, 0)
    (folder / "videos" / "copy.mp4").write_bytes(shelf["copy"])
    assert (len(_state(folder).due), _state(folder).kept) == (1, 2)
    report = _run(folder)
    assert (report.build.processed, report.build.reused) == (1, 2)
    assert report.summary.figures["re-uploads"] == 1
    rows = _table(folder)
    original = rows.filter(pl.col("path") == "take0.mp4")["video_id"].item()
    copy = rows.filter(pl.col("path") == "copy.mp4").row(0, named=True)
    assert (copy["status"], copy["duplicate_of"]) == ("duplicate", original)
    assert _fates(folder)["take1.mp4"] == ("accepted", None)
    usable = videos.accepted_paths(open_workspace(folder.parents[1]), KEY)
    assert set(usable.values()) == {"take0.mp4", "take1.mp4"}
    again = _run(folder).build
    assert (again.processed, again.reused) == (0, 3)
    assert _state(folder).state == "up to date"


def test_what_was_accepted_stays_accepted_over_a_longer_newcomer(folder, shelf):
    videos_folder = folder / "videos"
    (videos_folder / "take0.mp4").unlink()
    (videos_folder / "copy.mp4").write_bytes(shelf["copy"])
    _run(folder)
    (videos_folder / "take0.mp4").write_bytes(shelf["take0"])
    _run(folder)
    assert _fates(folder)["copy.mp4"] == ("accepted", None)
    assert _fates(folder)["take0.mp4"][0] == "duplicate"


def test_step_by_step_or_at_once_the_same_tables(folder, shelf, tmp_path, monkeypatch):
    """Only pairs with a new video are looked at, and the table does not show it."""
    (folder / "videos" / "copy.mp4").write_bytes(shelf["copy"])
    _run(folder)
    at_once = _table(folder, "video_matches")
    other = tmp_path / "other" / "challenges" / KEY
    (other / "videos").mkdir(parents=True)
    (other / "angry.wav").touch()
    _toml(other)
    seen = []
    plain = matching._score
    monkeypatch.setattr(matching, "_score", lambda *args: seen.append(args[0]) or plain(*args))
    for name in ("take1", "copy", "take0"):
        (other / "videos" / f"{name}.mp4").write_bytes(shelf[name])
        _run(other)
    assert _table(other, "video_matches").equals(at_once)
    assert at_once.height == 1
    pairs = {(c.first, c.second, c.is_mirrored) for c in seen}
    assert len(pairs) == len(seen)


def test_a_policy_takes_effect_at_the_next_run_and_is_taken_back(folder):
    (folder / "uploads.csv").write_text("file,uploader,age\ntake0.mp4,ann,16\ntake1.mp4,bob,\n")
    _run(folder)
    assert set(_fates(folder).values()) == {("accepted", None)}
    _toml(folder, "[policy]\nminimum_age = 18\n")
    assert len(_state(folder).due) == 1
    report = _run(folder).build
    assert (report.processed, report.quarantined) == (1, 1)
    assert _fates(folder)["take0.mp4"] == ("quarantined", "policy: a person under 18")
    forbidden = _table(folder).filter(pl.col("path") == "take0.mp4").row(0, named=True)
    assert forbidden["duration_s"] is None
    assert forbidden["video_id"] not in set(_table(folder, "video_fingerprints")["video_id"])
    _toml(folder)
    _run(folder)
    assert set(_fates(folder).values()) == {("accepted", None)}


def test_the_passing_of_a_retention_takes_effect(folder, monkeypatch):
    (folder / "uploads.csv").write_text(
        "file,uploader,date\ntake0.mp4,ann,2024-01-01\ntake1.mp4,bob,2024-03-01\n"
    )
    _toml(folder, "[policy]\nretention_days = 60\n")
    monkeypatch.setattr(permission, "today", lambda: datetime.date(2024, 3, 1))
    _run(folder)
    assert set(_fates(folder).values()) == {("accepted", None)}
    monkeypatch.setattr(permission, "today", lambda: datetime.date(2024, 3, 2))
    assert len(_state(folder).due) == 1
    _run(folder)
    assert _fates(folder) == {
        "take0.mp4": ("quarantined", "policy: kept for 60 days"),
        "take1.mp4": ("accepted", None),
    }


def test_a_withdrawn_video_does_not_come_back_through_its_reupload(folder, shelf):
    (folder / "videos" / "copy.mp4").write_bytes(shelf["copy"])
    _run(folder)
    rows = _table(folder)
    original = rows.filter(pl.col("path") == "take0.mp4")["video_id"].item()
    workspace = open_workspace(folder.parents[1])
    add_tombstones(workspace.store, "video", [original])
    assert "copy.mp4" not in _fates(folder)
    for _ in range(2):
        _run(folder)
        assert _fates(folder) == {
            "copy.mp4": ("withdrawn", "re-upload of a withdrawn video"),
            "take1.mp4": ("accepted", None),
        }
        (folder / "uploads.csv").write_text("file,uploader\ntake1.mp4,bob\n")
    for path in workspace.store.list("assets"):
        assert original not in path
        assert original.encode() not in workspace.store.read(path)
    workspace.store.delete(TOMBSTONES_PATH)


def test_a_withdrawn_uploader_leaves_facts_and_fingerprints_too(folder):
    (folder / "uploads.csv").write_text("file,uploader\ntake0.mp4,ann\ntake1.mp4,bob\n")
    _run(folder)
    rows = _table(folder)
    ann = rows.filter(pl.col("path") == "take0.mp4").row(0, named=True)
    add_tombstones(open_workspace(folder.parents[1]).store, "uploader", [ann["uploader_id"]])
    report = _run(folder).build
    assert (report.processed, report.removed) == (1, 0)
    assert set(_fates(folder)) == {"take1.mp4"}
    for name in ("video_facts", "video_fingerprints"):
        assert ann["video_id"] not in set(_table(folder, name)["video_id"])


def test_a_manifest_is_fetched_when_the_step_runs_and_not_when_it_is_planned(folder, shelf):
    pytest.importorskip("yt_dlp")
    with serving(shelf["copy"]) as server:
        lines = [
            f"{server.url}/good/x,ann,2024-05-31,hi,",
            f"{server.url}/status/404/x,bob,,,",
            f"{server.url}/status/503/x,bob,,,",
            f"{server.url}/good/young,cat,,,12",
        ]
        (folder / "manifest.csv").write_text(
            "\n".join(["url,uploader,date,caption,age", *lines]), encoding="utf-8"
        )
        _toml(folder, "[policy]\nminimum_age = 18\n")
        workspace = open_workspace(folder.parents[1])
        assert set(plan_step(STEP, workspace, KEY).due) > {"summary"}
        assert _state(folder).state == "never built"
        assert server.asked == []
        report = _run(folder)
        assert not [path for path in server.asked if "young" in path]
        n_asked = len(server.asked)
        figures = report.summary.figures
        assert {name: figures[f"downloads {name}"] for name in (
            "done", "failed", "unreachable", "forbidden")} == dict.fromkeys(
            ("done", "failed", "unreachable", "forbidden"), 1)  # fmt: skip
        assert report.summary.checks[2].passed is False
        fetched = [path for path in _fates(folder) if path.startswith("downloaded/")]
        assert [_fates(folder)[path][0] for path in fetched] == ["duplicate"]
        _run(folder)
        assert [path.split("/")[1:3] for path in server.asked[n_asked:]] == [["status", "503"]]
        assert videos.retry_failed_downloads(workspace, KEY) == 1
        _run(folder)
        assert "/status/404/x" in server.asked[n_asked:]
        text = "".join(str(report.summary.figures) + str(report.summary.tables))
        assert server.url not in text and "/good/" not in text
    (folder / "manifest.csv").write_text("url,uploader,date,caption\n", encoding="utf-8")
    _run(folder)
    assert set(_fates(folder)) == {"take0.mp4", "take1.mp4"}
    assert _table(folder, "downloads").height == 0


def test_a_challenge_of_a_manifest_alone_makes_its_folder_once(folder, shelf):
    pytest.importorskip("yt_dlp")
    with serving(shelf["take0"]) as server:
        (folder / "manifest.jsonl").write_text(
            f'{{"url": "{server.url}/good/x", "uploader": "", "date": "", "caption": ""}}\n'
        )
        videos_folder = folder / "videos"
        for file in videos_folder.iterdir():
            file.unlink()
        videos_folder.rmdir()
        assert _state(folder).state == "never built"
        _run(folder)
    assert [fate[0] for fate in _fates(folder).values()] == ["accepted"]
    videos_folder.rename(folder / "unmounted")
    with pytest.raises(SourceError, match="Mount or create it"):
        _run(folder)
