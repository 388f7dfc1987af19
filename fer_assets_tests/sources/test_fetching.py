from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time

import pytest

from fer_assets.sources.fetching import DownloadError, Fetcher
from fer_assets.sources.settings import DownloadSettings

pytest.importorskip("yt_dlp")

LIMITS = DownloadSettings(stall_limit_s=1.0, download_limit_s=30.0, download_limit_mb=1.0)


@pytest.fixture(scope="module")
def fetcher(tmp_path_factory):
    with Fetcher(tmp_path_factory.mktemp("parts"), LIMITS) as fetcher:
        yield fetcher


@pytest.fixture
def fetch(fetcher, server, request):
    """Ask `/kind/x` of the server; the answer and the bytes that came."""

    def ask(kind: str, name: str | None = None):
        own = name or f"{abs(hash(request.node.name + kind))}.video"
        answer = fetcher.fetch(f"{server.url}/{kind}/x", own)
        path = fetcher._folder / own
        return answer, path.read_bytes() if path.exists() else None

    return ask


def test_videos_come_whole(fetch, clip):
    for kind in ("good", "plain"):
        answer, data = fetch(kind)
        assert (answer.outcome, data == clip) == ("done", True)


@pytest.mark.parametrize(
    ("kind", "outcome", "reason"),
    [
        ("status/404", "failed", "HTTP 404"),
        ("status/403", "failed", "HTTP 403"),
        ("status/410", "failed", "HTTP 410"),
        ("status/429", "again", "HTTP 429"),
        ("status/500", "again", "HTTP 500"),
        ("status/503", "again", "HTTP 503"),
        ("always-cut", "again", "transfer cut off"),
        ("stall", "again", "transfer cut off"),
        ("page", "failed", "no video at the address"),
        ("list", "failed", "a web page, not a video"),
        ("huge", "failed", "larger than the limit"),
        ("endless", "failed", "larger than the limit"),
    ],
)
def test_what_can_pass_is_told_from_what_can_not(fetch, kind, outcome, reason):
    answer, data = fetch(kind)
    assert (answer.outcome, answer.reason, data) == (outcome, reason, None)
    assert answer.retry_after == ("1" if kind in ("status/429", "status/503") else None)


def test_a_cut_transfer_goes_on_where_it_stopped(fetch, server, clip):
    answer, _ = fetch("cut", "resumed.video")
    assert answer.outcome == "again"
    answer, data = fetch("cut", "resumed.video")
    assert (answer.outcome, data) == ("done", clip)
    assert server.ranges[-1].startswith("bytes=")
    assert not server.ranges[-1].startswith("bytes=0-")


def test_redirects_lead_to_public_web_addresses_or_to_the_asked_host_only(fetch, server, stranger):
    port = stranger.url.rsplit(":", 1)[1]
    for target, reason in {
        "file:///etc/passwd": "a redirect that leads nowhere",
        "data:video/mp4;base64,AAAA": "a redirect that leads nowhere",
        "ftp://127.0.0.1/x": "leads to an address that is not http or https",
        f"{stranger.url}/good/x": "leads to a private address",
        f"http://localhost:{port}/good/x": "leads to a private address",
        f"http://[::ffff:127.0.0.1]:{port}/x": "leads to a private address",
        "http://10.0.0.1/x": "leads to a private address",
        "http://169.254.169.254/latest/meta-data": "leads to a private address",
    }.items():
        server.redirect_to = target
        answer, data = fetch("redirect")
        assert (answer.outcome, answer.reason, data) == ("failed", reason, None), target
    server.redirect_to = f"{server.url}/good/y"
    assert fetch("redirect")[0].outcome == "done"
    assert stranger.asked == []


def test_nothing_but_the_address_is_asked(fetch, server, stranger):
    server.redirect_to = f"{stranger.url}/good/x"
    assert fetch("embed")[0].outcome == "failed"
    assert fetch("list")[0].outcome == "failed"
    assert stranger.asked == []


def test_a_trickle_ends_at_the_time_limit_and_the_next_one_gets_a_new_process(tmp_path, server):
    with Fetcher(tmp_path, DownloadSettings(download_limit_s=4.0)) as fetcher:
        start = time.monotonic()
        answer = fetcher.fetch(f"{server.url}/drip/x", "a.video")
        assert (answer.outcome, answer.reason) == ("again", "time limit exceeded")
        assert time.monotonic() - start < 15
        assert fetcher.child_pid is None
    assert not (tmp_path / "a.video").exists()


def test_no_process_is_left(tmp_path, server):
    with Fetcher(tmp_path, LIMITS) as fetcher:
        assert fetcher.fetch("http://no-such-host.invalid/x", "a.video").reason == "host not found"
        pid = fetcher.child_pid
        assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_without_the_extra_the_remedy_is_named(tmp_path, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "yt_dlp" else real(name)
    )
    with pytest.raises(DownloadError, match=r"pip install 'fer-assets\[download\]'"):
        Fetcher(tmp_path, LIMITS)


GUARDED = """
import os, socket, subprocess, sys, urllib.request
from pathlib import Path
from fer_assets.sources.fetch_guard import FetchGuard, RefusedError
folder, secret = Path(sys.argv[1]), Path(sys.argv[2])
guard = FetchGuard(folder)
guard.install()
guard.expect("http://127.0.0.1:9/x")
(folder / "inside.txt").write_text("fine")
tries = {
    "write": lambda: secret.write_text("gone"),
    "traverse": lambda: (folder / ".." / secret.name).write_text("gone"),
    "rename": lambda: os.rename(folder / "inside.txt", secret),
    "remove": lambda: os.remove(secret),
    "link": lambda: os.symlink(folder, secret.with_name("link")),
    "connect": lambda: socket.create_connection(("127.0.0.2", 80), 1),
    "unix": lambda: socket.socket(socket.AF_UNIX).connect("/tmp/x"),
    "file": lambda: urllib.request.urlopen("file:///etc/passwd"),
}
for name, attempt in tries.items():
    try:
        attempt()
    except RefusedError:
        print(name)
try:
    subprocess.run(["true"])
except FileNotFoundError:
    print("program")
"""


def test_the_guard_refuses_all_but_its_folder_and_its_host(tmp_path):
    folder, secret = tmp_path / "folder", tmp_path / "secret.txt"
    folder.mkdir()
    secret.write_text("kept")
    done = subprocess.run(
        [sys.executable, "-c", GUARDED, str(folder), str(secret)],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.split() == [
        "write", "traverse", "rename", "remove", "link", "connect", "unix", "file", "program",
    ]  # fmt: skip
    assert secret.read_text() == "kept"
    assert (folder / "inside.txt").read_text() == "fine"
