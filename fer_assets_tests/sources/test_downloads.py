from __future__ import annotations

import datetime
import email.utils
import json
from dataclasses import replace

import pytest

from fer_assets.challenges.manifest import ManifestRow
from fer_assets.sources.downloads import Downloader, missing_videos, wanted_videos
from fer_assets.sources.fetching import Answer, Fetcher
from fer_assets.sources.records import DownloadFolder, forget_failures
from fer_assets.sources.settings import DownloadSettings
from fer_assets.sources.table import download_table
from fer_assets.sources.uploads import fetched_notes, find_uploads
from fer_assets.storage.tombstones import Tombstones, salted_hash

SALT = "salt"
NOBODY = Tombstones(SALT, {})
AT_ONCE = DownloadSettings(seconds_between_downloads=0)


def _row(url, **changes):
    return replace(ManifestRow(url, "ann", datetime.date(2024, 5, 31), "hi @bob", None), **changes)


@pytest.fixture
def folder(tmp_path):
    folder = DownloadFolder(tmp_path / "videos")
    folder.videos.mkdir()
    folder.prepare()
    return folder


class World:
    """A fetch that answers from a list per address, and a clock that sleeps move on."""

    def __init__(self, folder, clip, answers):
        self.folder, self.clip, self.answers = folder, clip, answers
        self.now = 0.0
        self.asked: list[tuple[float, str]] = []
        self.slept: list[float] = []

    def fetch(self, url, name):
        self.asked.append((self.now, url))
        left = self.answers[url]
        answer = left.pop(0) if len(left) > 1 else left[0]
        if answer.outcome == "done":
            (self.folder.parts / name).write_bytes(self.clip)
        return answer

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    def run(self, rows, settings=AT_ONCE, tombstones=NOBODY):
        wanted = wanted_videos(rows, SALT)
        missing = missing_videos(wanted, self.folder, tombstones, lambda row: False)
        Downloader(self.folder, settings, tombstones, self.fetch, self.sleep, lambda: self.now).run(
            missing
        )
        return {v.row.url: self.folder.read().get(v.url_id) for v in wanted}


DONE, GONE, BUSY = Answer("done"), Answer("failed", "HTTP 404"), Answer("again", "HTTP 503")


def test_what_can_pass_is_asked_again_ever_more_slowly(folder, clip):
    world = World(folder, clip, {"http://e.org/a": [BUSY, BUSY, DONE]})
    record = world.run([_row("http://e.org/a")])["http://e.org/a"]
    assert (record.status, record.attempts, record.size_bytes) == ("done", 3, len(clip))
    assert world.slept == [2.0, 4.0]
    assert (folder.folder / record.file).read_bytes() == clip
    assert record.file == f"{record.url_id}.mp4"
    assert not list(folder.parts.iterdir())


def test_a_server_says_how_long_to_wait(folder, clip):
    soon = email.utils.format_datetime(
        datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=50)
    )
    world = World(
        folder,
        clip,
        {
            "http://e.org/a": [
                replace(BUSY, retry_after="30"),
                replace(BUSY, retry_after=soon),
                DONE,
            ]
        },
    )
    world.run([_row("http://e.org/a")])
    assert world.slept[0] == 30
    assert world.slept[1] == pytest.approx(50, abs=3)


def test_what_can_not_pass_is_asked_once_and_not_in_the_next_run(folder, clip):
    rows = [_row("http://e.org/a")]
    world = World(folder, clip, {"http://e.org/a": [GONE]})
    record = world.run(rows)["http://e.org/a"]
    assert (record.status, record.reason, record.attempts) == ("failed", "HTTP 404", 1)
    world.run(rows)
    assert len(world.asked) == 1
    world.run([replace(rows[0], caption="corrected")])
    assert len(world.asked) == 2
    assert forget_failures(folder) == 1
    world.run(rows)
    assert len(world.asked) == 3


def test_what_was_not_reached_is_asked_in_the_next_run_and_a_dead_site_is_left_alone(folder, clip):
    urls = [f"http://dead.org/{i}" for i in range(5)] + ["http://e.org/a"]
    world = World(folder, clip, {url: [BUSY] for url in urls} | {"http://e.org/a": [DONE]})
    records = world.run([_row(url) for url in urls], replace(AT_ONCE, download_attempts=2))
    assert [r.status if r else None for r in records.values()] == ["unreachable"] * 3 + [
        None, None, "done",
    ]  # fmt: skip
    assert len(world.asked) == 3 * 2 + 1
    world.answers |= {url: [DONE] for url in urls}
    assert {r.status for r in world.run([_row(url) for url in urls]).values()} == {"done"}


def test_a_server_that_wants_a_long_rest_gets_it(folder, clip):
    later = replace(BUSY, retry_after="3600")
    urls = ["http://e.org/a", "http://e.org/b"]
    world = World(folder, clip, {url: [later] for url in urls})
    world.run([_row(url) for url in urls])
    assert (len(world.asked), world.slept) == (1, [])


def test_a_site_is_asked_at_its_pace_and_sites_do_not_wait_for_each_other(folder, clip):
    urls = ["http://e.org/a", "http://www.e.org/b", "http://f.org/c"]
    world = World(folder, clip, {url: [DONE] for url in urls})
    world.run([_row(url) for url in urls], DownloadSettings(seconds_between_downloads=5))
    assert [at for at, _ in world.asked] == [0, 5, 5]


def test_a_killed_run_goes_on_where_it_stopped(folder, clip):
    """Killed at any point: the complete file is kept, with or without its record."""
    rows = [_row("http://e.org/a"), _row("http://e.org/b")]
    world = World(folder, clip, {row.url: [DONE] for row in rows})
    before = world.run(rows)
    record = before["http://e.org/a"]
    folder.forget(record.url_id)
    (folder.folder / ".records" / f".{record.url_id}.json.tmp").write_text("{half")
    (folder.folder / ".records" / "broken.json").write_text("{half")
    after = world.run(rows)["http://e.org/a"]
    assert len(world.asked) == 2
    assert (after.sha256, after.file) == (record.sha256, record.file)
    (folder.folder / record.file).write_bytes(clip[:-1])
    assert world.run(rows)["http://e.org/a"].sha256 == record.sha256
    assert len(world.asked) == 3


def test_pages_that_say_they_are_videos_are_not(folder):
    world = World(folder, b"<html>log in</html>", {"http://e.org/a": [DONE]})
    record = world.run([_row("http://e.org/a")])["http://e.org/a"]
    assert (record.status, record.reason) == ("failed", "not a video")
    assert not list(folder.parts.iterdir())


def test_the_withdrawn_are_removed_and_not_asked_for_again(folder, clip):
    rows = [_row("http://e.org/a"), _row("http://e.org/b", uploader="bob")]
    world = World(folder, clip, {row.url: [DONE] for row in rows})
    done = world.run(rows)
    bob = salted_hash(SALT, "uploader", "bob")
    both = Tombstones(SALT, {"uploader": frozenset({salted_hash(SALT, "uploader", bob)})})
    world.run(rows, tombstones=both)
    record = folder.read()[done["http://e.org/b"].url_id]
    assert (record.status, record.sha256, record.asked_at) == ("withdrawn", None, "")
    assert [p.name for p in folder.folder.glob("*.mp4")] == [done["http://e.org/a"].file]
    world.run(rows)
    assert len(world.asked) == 2
    video = salted_hash(SALT, "video", done["http://e.org/a"].sha256[:16])
    again = _row("http://other.org/same")
    world.answers[again.url] = [DONE]
    found = world.run([*rows, again], tombstones=Tombstones(SALT, {"video": frozenset({video})}))
    assert {record.status for record in found.values()} == {"withdrawn"}
    assert not list(folder.folder.glob("*.mp4"))


def test_names_in_the_manifest_lead_nowhere(folder, clip, tmp_path):
    evil = "http://e.org/../../%2e%2e/etc/passwd?name=../../x.sh"
    row = _row(evil, uploader="../../ann", caption="../../../tmp/evil.sh")
    world = World(folder, clip, {evil: [DONE]})
    before = {p for p in tmp_path.rglob("*") if folder.folder not in p.parents}
    record = world.run([row])[evil]
    assert {p for p in tmp_path.rglob("*") if folder.folder not in p.parents} == before
    assert record.file == f"{record.url_id}.mp4"
    text = json.dumps(vars(record))
    assert "e.org" not in text and "ann" not in text


def test_uploads_and_their_table_come_from_the_manifest(folder, clip, tmp_path):
    rows = [
        _row("http://www.e.org/a", age=30),
        _row("http://e.org/b"),
        _row("http://e.org/c"),
        _row("http://f.org/d"),
    ]
    answers = {rows[0].url: [DONE], rows[1].url: [GONE], rows[2].url: [BUSY], rows[3].url: [DONE]}
    world = World(folder, clip, answers)
    world.run(rows[:3])
    wanted, records = wanted_videos(rows, SALT), folder.read()
    cache = tmp_path / "cache.json"
    uploads = find_uploads(folder.videos, {}, SALT, cache, fetched_notes(wanted, records))
    [upload] = uploads
    assert (upload.site, upload.age) == ("e.org", 30)
    assert upload.since == datetime.date(2024, 5, 31)
    assert upload.uploader_id == salted_hash(SALT, "uploader", "ann")
    assert find_uploads(folder.videos, {}, SALT, cache, fetched_notes(wanted[1:], records)) == []
    table = download_table(
        wanted, records, lambda row: "policy: no" if row.site == "f.org" else None
    )
    by_site = {(r["site"], r["status"]): r for r in table.to_dicts()}
    assert set(by_site) == {
        ("e.org", "done"), ("e.org", "failed"), ("e.org", "unreachable"), ("f.org", "forbidden"),
    }  # fmt: skip
    assert by_site["e.org", "failed"]["reason"] == "HTTP 404"
    assert by_site["e.org", "done"]["video_id"] == upload.video_id
    assert by_site["e.org", "done"]["caption"] == "hi"
    assert "ann" not in str(table.to_dicts())


def test_a_manifest_of_good_and_bad_servers(folder, server, clip, tmp_path):
    """Against real servers: each address ends with a video or a reason."""
    pytest.importorskip("yt_dlp")
    kinds = ("good", "cut", "first-503", "first-429", "html-as-video", "status/404", "page")
    rows = [_row(f"{server.url}/{kind}/x") for kind in kinds]
    wanted = wanted_videos(rows, SALT)
    slept: list[float] = []
    settings = replace(AT_ONCE, stall_limit_s=2.0)
    with Fetcher(folder.parts, settings) as fetcher:
        Downloader(folder, settings, NOBODY, fetcher.fetch, slept.append).run(wanted)
    records = folder.read()
    found = [(records[v.url_id].status, records[v.url_id].reason) for v in wanted]
    assert found == [("done", None)] * 4 + [
        ("failed", "not a video"),
        ("failed", "HTTP 404"),
        ("failed", "no video at the address"),
    ]
    assert slept == [2.0, 2.0, 2.0]
    assert {path.read_bytes() for path in folder.folder.glob("*.mp4")} == {clip}
    assert not list(folder.parts.iterdir())
