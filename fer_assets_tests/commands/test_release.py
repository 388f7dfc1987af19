"""`fer-assets release` and `export` on a root with one release, written through the ledger."""

from __future__ import annotations

import json
from pathlib import Path

import click
import polars as pl
import pytest
from click.testing import CliRunner, Result

from fer_assets.commands.export import _LAYOUTS, _SPLITS, export
from fer_assets.commands.release import release
from fer_assets.lines.tiktokfer.release_card import CARD, CARD_PAGE, VERSION_FILE, stored_names
from fer_assets.release.content import content_digest, release_version, without_images
from fer_assets.release.exports.exporting import ALL_SPLITS, FORMATS
from fer_assets.release.notice_marks import NOTICES_END, NOTICES_START
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output, rebuild
from fer_assets.storage.planning import WHOLE, Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.store import LocalStore
from fer_assets_tests.release.conftest import make_release

ASSET = "tiktokfer/dataset_release"
KEY = "one"
CHALLENGE = """
name = "One"
kind = "prompted"

[settings.release]
licence = "CC-BY-4.0"
creator = "A Lab"

[[prompts]]
id = "angry"
expression = "angry"
group = "ekman"
audio = "angry.wav"
"""


@click.group()
@click.option("--root")
@click.pass_context
def door(context: click.Context, root: str) -> None:
    context.obj = root


door.add_command(release)
door.add_command(export)


def build(root: Path, rows: pl.DataFrame) -> str:
    """Write `dataset_release` as its step does; the version's name."""
    place, png = Place(ASSET, KEY), b"a figure"
    digest = content_digest(without_images(rows))
    name, stored = release_version(digest), stored_names(place, {"people.png": png})
    blobs = {
        CARD: f"# Card\n{NOTICES_START}\n{NOTICES_END}\n![p]({stored['people.png']})".encode(),
        CARD_PAGE: b"<h1>Card</h1>",
        VERSION_FILE: json.dumps({"version": name, "digest": digest}).encode(),
        "people.png": png,
    }
    rebuild(
        LocalStore(root),
        Build(place, ASSET_TABLES[ASSET], 1),
        [Unit(WHOLE, {"rows": digest})],
        lambda due: [Output(WHOLE, {"dataset_release": rows}, blobs)],
    )
    return name


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root" / "challenges" / KEY
    folder.mkdir(parents=True)
    (folder / "challenge.toml").write_text(CHALLENGE)
    (folder / "angry.wav").write_bytes(b"")
    (folder / "videos").mkdir()
    build(tmp_path / "root", make_release(4, 3))
    return tmp_path / "root"


def _run(root: Path, *arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(door, ["--root", str(root), *arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def _json(root: Path, *arguments: str, code: int = 0):
    return json.loads(_run(root, *arguments, "--json", code=code).stdout)


def test_publish_list_show_verify(root: Path) -> None:
    (row,) = _json(root, "release", "list")
    assert row["state"] == "built, not published"
    published = _json(root, "release", "publish", "--partition", KEY, "--note", "first")
    assert published["is_new"]
    name = published["version"]
    assert name == row["version"]
    assert not _json(root, "release", "publish", "--partition", KEY)["is_new"]
    (row,) = _json(root, "release", "list", "--partition", KEY)
    assert (row["state"], row["note"], row["faces"]) == ("published", "first", 12)
    shown = _json(root, "release", "show", name)
    assert (shown["licence"], shown["creator"]) == ("CC-BY-4.0", "A Lab")
    assert shown["citation"].startswith("A Lab. One, version r-")
    assert shown["classes"][0] == "angry"
    assert "Cite as: A Lab. One" in _run(root, "release", "show", name, "--partition", KEY).stdout
    assert _json(root, "release", "verify", name) == []
    card = root / "releases" / KEY / name / "dataset_card.md"
    assert "![p](people.png)" in card.read_text()
    assert (card.parent / "people.png").read_bytes() == b"a figure"


def test_damage_is_exit_code_one(root: Path) -> None:
    name = _json(root, "release", "publish", "--partition", KEY)["version"]
    (root / "releases" / KEY / name / "people.png").write_bytes(b"another")
    (finding,) = _json(root, "release", "verify", name, code=1)
    assert finding["path"].endswith("people.png")


def test_diff(root: Path) -> None:
    first = _json(root, "release", "publish", "--partition", KEY)["version"]
    build(root, make_release(5, 3))
    second = _json(root, "release", "publish", "--partition", KEY)["version"]
    found = _json(root, "release", "diff", first, second)
    assert (found["faces_added"], found["people_added"], found["by_column"]) == (3, 1, {})
    assert "faces added" in _run(root, "release", "diff", first, second).stdout
    assert "same rows" in _run(root, "release", "diff", first, first).stdout


def test_an_export_publishes_first(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    record = _json(root, "export", "--partition", KEY, "--format", "csv", str(out))
    assert record["is_new_version"]
    assert (record["faces"], record["format"]) == (12, "csv")
    assert pl.read_csv(out / "faces.csv").height == 12
    name = record["version"]
    build(root, make_release(5, 3))
    again = tmp_path / "again"
    options = ("--format", "imagefolder", "--version", name, "--split", "val")
    record = _json(root, "export", "--partition", KEY, *options, str(again))
    assert (record["version"], record["faces"], record["left_out"]) == (name, 2, 1)
    log = (root / "releases" / KEY / "exports.jsonl").read_text().splitlines()
    assert [json.loads(line)["path"] for line in log] == [str(out), str(again)]
    result = _run(root, "export", "--partition", KEY, str(out), code=1)
    assert "a new or empty folder" in str(result.exception)


def test_wrong_use(root: Path, tmp_path: Path) -> None:
    _run(root, "release", "publish", code=2)
    _run(root, "release", "publish", "--partition", KEY, "--pooled", code=2)
    _run(root, "export", "--format", "tfrecord", "--partition", KEY, str(tmp_path / "x"), code=2)
    result = _run(root, "release", "show", "r-000000000000", code=1)
    assert "`fer-assets release list`" in str(result.exception)
    assert "Nothing is published" not in _run(root, "release", "list").stdout
    assert "Nothing is published" in _run(tmp_path / "new", "release", "list").stdout


def test_the_doors_choices_are_what_there_is() -> None:
    """They stand in the command so that its help imports nothing."""
    assert set(_LAYOUTS) == set(FORMATS)
    assert set(_SPLITS) == set(ALL_SPLITS)


def test_unknown_settings_are_named(root: Path) -> None:
    path = root / "challenges" / KEY / "challenge.toml"
    path.write_text(path.read_text().replace('licence = "CC-BY-4.0"', 'publish = "sometimes"'))
    result = _run(root, "release", "publish", "--partition", KEY, code=1)
    assert "on-request or always" in str(result.exception)


def test_a_challenge_must_not_bear_the_pools_key(root: Path) -> None:
    (root / "challenges" / KEY).rename(root / "challenges" / "pooled")
    result = _run(root, "release", "publish", "--pooled", code=1)
    assert "challenge pooled" in str(result.exception)
