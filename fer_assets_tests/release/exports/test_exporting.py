import datetime
import hashlib
import json
from pathlib import Path

import polars as pl
import pytest

from fer_assets.release.exports.exporting import (
    ALL_SPLITS,
    DEFAULT_SPLITS,
    FORMATS,
    export,
    recorded_exports,
)
from fer_assets.release.publishing import publish
from fer_assets.release.version_files import Version, VersionError
from fer_assets.release.versions import read_version, withdraw_faces
from fer_assets.storage.store import LocalStore
from fer_assets.storage.tombstones import add_tombstones
from fer_assets_tests.release.conftest import publication
from fer_assets_tests.release.exports.conftest import EVIL

Published = tuple[LocalStore, Version]


def _files(folder: Path) -> dict[str, bytes]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.mark.parametrize("layout", FORMATS)
def test_the_same_version_gives_the_same_bytes(
    published: Published, layout: str, tmp_path: Path
) -> None:
    store, version = published
    for name, day in (("a", 1), ("b", 2)):
        export(
            store, version, tmp_path / name, layout, shard_rows=7, on=datetime.date(2026, 1, day)
        )
    assert _files(tmp_path / "a") == _files(tmp_path / "b")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize("layout", FORMATS)
def test_what_stands_beside_the_data(published: Published, layout: str, tmp_path: Path) -> None:
    store, version = published
    record = export(store, version, tmp_path / "out", layout)
    files = _files(tmp_path / "out")
    assert {"README.md", "TERMS.txt", "croissant.json", "dataset_card.html", "people.png"} <= set(
        files
    )
    lines = [line.split("  ") for line in files.pop("SHA256SUMS").decode().splitlines()]
    assert {name: digest for digest, name in lines} == {
        name: hashlib.sha256(data).hexdigest() for name, data in files.items()
    }
    assert version.citation in files["README.md"].decode()
    assert "CC-BY-4.0" in files["TERMS.txt"].decode()
    about = json.loads(files["version.json"])
    assert (about["version"], about["digest"]) == (version.name, version.digest)
    assert about["faces"] + about["left_out"] == 40
    assert about["faces"] == record.faces == (32 if layout == "imagefolder" else 40)
    assert recorded_exports(store, version.key)[-1] == record
    assert record.path == str(tmp_path / "out")


@pytest.mark.parametrize("layout", FORMATS)
def test_only_the_wanted_splits(published: Published, layout: str, tmp_path: Path) -> None:
    store, version = published
    export(store, version, tmp_path / "out", layout, ["val"])
    names = " ".join(name for name in _files(tmp_path / "out"))
    assert "train" not in names
    with pytest.raises(VersionError, match="faces in excluded"):
        export(store, version, tmp_path / "other", layout, ["excluded"])
    with pytest.raises(VersionError, match="one of train"):
        export(store, version, tmp_path / "other", layout, ["dev"])
    assert not (tmp_path / "other").exists()


def test_splits_are_what_a_release_has() -> None:
    from fer_assets.release.splits import SPLITS

    assert DEFAULT_SPLITS == SPLITS
    assert (*SPLITS, "excluded") == ALL_SPLITS


def test_a_full_folder_is_refused_and_left_alone(published: Published, tmp_path: Path) -> None:
    store, version = published
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep")
    before = recorded_exports(store, version.key)
    for out, what in ((tmp_path / "full", "files in it"), (tmp_path / "full/mine.txt", "a file")):
        with pytest.raises(VersionError, match=what):
            export(store, version, out, "csv")
    assert _files(tmp_path) == {"full/mine.txt": b"keep"}
    assert recorded_exports(store, version.key) == before
    (tmp_path / "empty").mkdir()
    export(store, version, tmp_path / "empty", "csv")
    assert (tmp_path / "empty" / "faces.csv").exists()


def test_a_failed_export_leaves_no_folder(
    published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, version = published

    def fail(folder: Path, source: object) -> None:
        (folder / "half").write_text("")
        raise OSError("no space left on device")

    monkeypatch.setitem(FORMATS, "csv", fail)
    with pytest.raises(OSError, match="no space"):
        export(store, version, tmp_path / "out", "csv")
    assert not (tmp_path / "out").exists()
    monkeypatch.undo()
    export(store, version, tmp_path / "out", "csv")
    assert not (tmp_path / "out" / "half").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_withdrawn_people_are_in_no_export(release: pl.DataFrame, tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "root")
    publish(store, release, publication())
    withdraw_faces(store, "face-challenge", release["face_id"][:5].to_list(), erasure_id="e1")
    add_tombstones(store, "video", [release["video_id"][5]])
    version = read_version(store, "face-challenge")
    record = export(store, version, tmp_path / "out", "webdataset")
    assert record.faces == 30
    text = b" ".join(_files(tmp_path / "out").values())
    assert release["video_id"][0].encode() not in text
    assert release["video_id"][5].encode() not in text
    assert b"5 rows were taken out" in _files(tmp_path / "out")["README.md"]


def test_awkward_text_stays_text(release: pl.DataFrame, tmp_path: Path) -> None:
    """A title, a note, a licence and a label that mean something to shells, sheets and browsers."""
    store = LocalStore(tmp_path / "root")
    odd = release.with_columns(label=pl.lit(EVIL), skin_tone=pl.lit("-1+1"))
    version, _ = publish(store, odd, publication(title=EVIL, licence=EVIL, note=EVIL, classes=()))
    for layout in FORMATS:
        export(store, version, tmp_path / layout, layout)
        text = (tmp_path / layout / "README.md").read_text()
        assert text.startswith(f'---\npretty_name: "{EVIL}"\n')
    table = (tmp_path / "csv" / "faces.csv").read_text()
    assert "<b>" not in table
    cells = [cell.strip('"') for line in table.splitlines()[1:] for cell in line.split(",")]
    assert not [cell for cell in cells if cell[:1] in "=+-@\t\r" and cell]
    assert "'=cmd()|&lt;b&gt;&amp;" in table
    folders = {
        path.name for path in (tmp_path / "imagefolder" / "train").iterdir() if path.is_dir()
    }
    assert folders == {"%3Dcmd%28%29%7C%3Cb%3E%26"}
