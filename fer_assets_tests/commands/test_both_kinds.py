"""`status`, `materialize`, `backfill` and `--dry-run` with both kinds of challenge in one root."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from fer_assets.cli import cli
from fer_assets.lines.paths import called
from fer_assets_tests.custody.affect_root import KEY, draw

PROMPTED = 'name = "Faces"\n[[prompts]]\nid = "angry"\naudio = "angry.wav"\n'


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("both")
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("FER_ROOT", "FER_STATE", "FER_CHALLENGES", "DAGSTER_HOME"):
            patch.delenv(variable, raising=False)
        draw(root, ("clip-two", "clip-three", "clip-four"))
        faces = root / "challenges" / "faces"
        (faces / "videos").mkdir(parents=True)
        (faces / "challenge.toml").write_text(PROMPTED)
        (faces / "angry.wav").write_bytes(b"RIFF")
        yield root


def run(root, *arguments):
    return CliRunner().invoke(cli, ["--root", str(root), *arguments])


def run_apart(root, *arguments):
    """A command that starts a run, in a process of its own: Dagster redirects the streams."""
    command = [sys.executable, "-m", "fer_assets.cli", "--root", str(root), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=240)


def states(root, *arguments):
    rows = json.loads(run(root, "status", "--json", *arguments).stdout)
    return {(row["asset"], row["partition"]): row["state"] for row in rows}


def test_a_plan_names_what_comes_first_and_calls_videos_by_their_path(root):
    rows = json.loads(run(root, "materialize", "--partition", KEY, "--dry-run", "--json").stdout)
    assert rows[0]["asset"] == "frame_affect/expression_backbone"
    planned = {(row["asset"], row["what"]) for row in rows}
    assert ("frame_affect/annotated_frames", "cropped_aligned/clip-two") in planned
    assert not any(row["asset"].startswith("tiktokfer/") for row in rows)
    assert not any(re.fullmatch(r"[0-9a-f]{16}.*", row["what"]) for row in rows)
    assert not (root / "assets").exists()


def test_status_has_the_assets_of_each_challenges_own_line(root):
    found = states(root)
    assert ("frame_affect/frame_features", KEY) in found
    assert found["tiktokfer", "faces"] == "can't be planned"  # its sound is none
    assert not any(name.startswith("tiktokfer") for name, key in found if key == KEY)
    assert not any(name.startswith("frame_affect") for name, key in found if key == "faces")
    only = states(root, "--partition", KEY)
    assert {partition for _, partition in only} == {KEY}


def test_a_first_run_builds_the_backbone_by_itself(root):
    done = run_apart(root, "materialize", "frame_features", "annotated_frames", "--partition", KEY)
    assert done.returncode == 0, done.stderr
    assert "expression_backbone was never built: it is built first" in done.stderr
    found = states(root, "--partition", KEY)
    assert found["frame_affect/annotated_frames", KEY] == "up to date"
    assert found["frame_affect/frame_features", KEY] == "up to date"
    again = run_apart(root, "materialize", "frame_features", "--partition", KEY, "--json")
    (report,) = json.loads(again.stdout)
    assert report["job"] == "frame_affect"
    assert report["materialised"]["frame_affect/frame_features"]["processed"] == 0


def test_a_new_crop_is_due_in_what_follows_by_its_path(root):
    crops = root / "challenges" / KEY / "cropped_aligned" / "clip-two"
    (crops / "00004.jpg").write_bytes((crops / "00003.jpg").read_bytes())
    rows = json.loads(
        run(root, "materialize", "annotated_frames", "frame_features", "--partition", KEY,
            "--dry-run", "--json").stdout
    )  # fmt: skip
    (crops / "00004.jpg").unlink()
    whats = {row["what"] for row in rows if row["asset"] == "frame_affect/frame_features"}
    assert any(what.startswith("cropped_aligned/clip-two") for what in whats)
    assert not any("clip-three" in what for what in whats)


def test_an_asset_of_the_other_kind_is_wrong_use(root):
    done = run(root, "materialize", "raw_videos", "--partition", KEY)
    assert done.exit_code == 2
    assert "kind affect" in done.output


def test_a_backfill_runs_each_challenge_in_its_own_line(root):
    done = run_apart(root, "backfill", "annotated_frames", "raw_videos", "--all", "--json")
    assert done.returncode == 0, done.stderr
    jobs = {(report["job"], report["partition"]) for report in json.loads(done.stdout)}
    assert jobs == {("tiktokfer", "faces"), ("frame_affect", KEY)}


def test_a_unit_is_called_by_its_videos_path_and_the_rest_of_its_key():
    paths = {"0" * 16: "videos/a.mp4"}
    assert called("0" * 16, paths) == "videos/a.mp4"
    assert called(f"{'0' * 16}-affect-b0", paths) == "videos/a.mp4 (affect-b0)"
    assert called("whole", paths) == "whole"
    assert called("1" * 16, paths) == "1" * 16
