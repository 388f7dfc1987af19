"""`fer-assets challenge` for affect challenges: new, check, list."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from fer_assets.challenges.catalog import Catalog
from fer_assets.challenges.spec import ChallengeError
from fer_assets.cli import cli
from fer_assets.errors import FerError
from fer_assets_tests.public_data.abaw_layout import write_annotation, write_crops


@pytest.fixture
def call(tmp_path):
    def run(*words):
        return CliRunner().invoke(cli, ["--root", str(tmp_path), "challenge", *words])

    return run


def test_new_makes_a_folder_that_can_be_read(call, tmp_path):
    made = call("new", "mine", "--kind", "affect", "--name", 'My "faces"')
    assert made.exit_code == 0, made.output
    folder = tmp_path / "challenges" / "mine"
    assert "annotations" in made.output
    found = Catalog(tmp_path / "challenges").load("mine")
    assert (found.kind, found.name) == ("affect", "My 'faces'")
    assert found.annotations == folder / "annotations"
    assert found.frames == folder / "cropped_aligned"
    assert all((folder / name).is_dir() for name in ("annotations", "cropped_aligned", "videos"))


def test_check_reads_what_is_there(call, tmp_path):
    call("new", "mine", "--kind", "affect")
    empty = call("check", "mine")
    assert isinstance(empty.exception, FerError)
    folder = tmp_path / "challenges" / "mine"
    write_annotation(folder, "EXPR", "train", "a", [0, 1])
    write_crops(folder, "a", [1, 2])
    checked = call("check", "mine")
    assert checked.exit_code == 0, checked.output
    assert "EXPR: 1 train, 0 validation, 0 test videos; 2 of 2 rows are valid." in checked.output


def test_list_says_what_is_missing(call, tmp_path):
    call("new", "mine", "--kind", "affect")
    [row] = json.loads(call("list", "--json").stdout)
    assert (row["kind"], row["problem"]) == ("affect", None)
    folder = tmp_path / "challenges" / "mine"
    for name in ("cropped_aligned", "videos"):
        (folder / name).rmdir()
    [row] = json.loads(call("list", "--json").stdout)
    assert row["problem"].startswith("neither crops at")
    (folder / "annotations").rmdir()
    [row] = json.loads(call("list", "--json").stdout)
    assert row["problem"].startswith("no annotations at")


def test_prompts_and_taken_keys_are_refused(call, tmp_path):
    refused = call("new", "mine", "--kind", "affect", "--prompt", "angry")
    assert refused.exit_code == 2
    assert "no prompts" in refused.output
    dry = call("new", "mine", "--kind", "affect", "--dry-run")
    assert not (tmp_path / "challenges" / "mine").exists()
    assert dry.exit_code == 0
    catalog = Catalog(tmp_path / "challenges")
    catalog.new_affect("mine", "Mine")
    with pytest.raises(ChallengeError, match="not in use"):
        catalog.new_affect("mine", "Mine")
    with pytest.raises(ChallengeError, match="slug"):
        catalog.new_affect("No Slug", "Mine")
