from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from fer_assets.cli import cli, main
from fer_assets.defs import affect_demo, demos
from fer_assets.defs.affect_demo import AffectDemoOutcome
from fer_assets.defs.demo_outcome import DemoOutcome


def _run(*arguments: str):
    return CliRunner().invoke(cli, arguments, catch_exceptions=True)


def _run_process(command):
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)


def _every_command(group=cli, path=()):
    for name, command in group.commands.items():
        yield (*path, name)
        if hasattr(command, "commands"):
            yield from _every_command(command, (*path, name))


@pytest.mark.parametrize("path", [(), *_every_command()], ids=" ".join)
def test_every_command_and_option_has_help(path):
    result = _run(*path, "--help")
    assert result.exit_code == 0
    command = cli
    for name in path:
        command = command.commands[name]
    assert command.help
    options = [p for p in command.params if p.param_type_name == "option"]
    assert all(option.help for option in options)


def test_a_challenge_is_started_and_listed(tmp_path):
    root = ("--root", str(tmp_path))
    assert _run(*root, "challenge", "new", "my-one", "--prompt", "angry").exit_code == 0
    rows = json.loads(_run(*root, "challenge", "list", "--json").output)
    assert rows[0]["key"] == "my-one"
    assert "prompts[0].audio" in rows[0]["problem"]


def test_a_users_mistake_is_one_sentence_and_not_a_traceback(tmp_path, monkeypatch):
    monkeypatch.setenv("FER_WEIGHTS", str(tmp_path / "weights"))
    command = [sys.executable, "-m", "fer_assets.cli", "--root", str(tmp_path)]
    for arguments in (
        ["materialize", "--partition", "nothing"],
        ["challenge", "check", "nothing"],
        ["weights", "path", "sface-128"],
        ["materialize", "crops", "--partition", "nothing"],
    ):
        done = _run_process([*command, *arguments])
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert done.stderr.startswith("Error: ")
        assert "expected" in done.stderr


def test_wrong_use_is_exit_code_two(tmp_path):
    command = [sys.executable, "-m", "fer_assets.cli", "--root", str(tmp_path)]
    for arguments in (
        ["backfill"],
        ["materialize", "people", "--partition", "x"],
        ["materialize", "people", "--retry-downloads"],
        ["nonsense"],
    ):
        done = _run_process([*command, *arguments])
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr


def test_a_failed_run_is_exit_code_one_and_does_not_stop_the_others(tmp_path):
    root = ("--root", str(tmp_path))
    for key in ("one", "two"):
        assert _run(*root, "challenge", "new", key, "--prompt", "angry").exit_code == 0
    command = [sys.executable, "-m", "fer_assets.cli", *root]
    done = _run_process([*command, "backfill", "--all"])
    assert done.returncode == 1
    assert done.stdout.count("failed") == 2
    assert "prompts[0].audio" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_challenges_or_labels_there_is_nothing_to_fail(tmp_path):
    command = [sys.executable, "-m", "fer_assets.cli", "--root", str(tmp_path)]
    done = _run_process([*command, "backfill", "--all"])
    assert (done.returncode, "no challenge" in done.stdout) == (0, True)
    done = _run_process([*command, "materialize"])
    assert done.returncode == 0, done.stderr
    assert "Waiting for people: tiktokfer/pooled_checkpoint" in done.stdout


def test_status_of_an_empty_root(tmp_path):
    result = _run("--root", str(tmp_path), "status", "--json")
    assert result.exit_code == 0
    rows = json.loads(result.output)
    assert {row["asset"] for row in rows} == {
        "tiktokfer/people",
        "tiktokfer/pooled_release",
        "tiktokfer/pooled_checkpoint",
        "frame_affect/expression_backbone",
    }
    assert {row["state"] for row in rows} == {"never built"}


def test_weights_are_listed_with_their_licence(tmp_path, monkeypatch):
    monkeypatch.setenv("FER_WEIGHTS", str(tmp_path))
    rows = json.loads(_run("--root", str(tmp_path), "weights", "list", "--json").output)
    by_name = {row["name"]: row for row in rows}
    assert by_name["sface-128"]["licence"] == "Apache-2.0"
    assert by_name["sface-128"]["state"] == "missing"


@pytest.mark.parametrize(("is_ok", "code"), [(True, None), (False, 1)])
@pytest.mark.parametrize(
    ("line", "module", "run", "kind"),
    [
        ("tiktokfer", demos, "run_tiktokfer_demo", DemoOutcome),
        ("frame_affect", affect_demo, "run_frame_affect_demo", AffectDemoOutcome),
    ],
)
def test_a_missed_floor_of_a_demo_is_exit_code_one(
    line, module, run, kind, is_ok, code, monkeypatch, tmp_path, capsys
):
    report = {"faces_found": {"value": 0.5, "floor": 0.99, "ok": is_ok}}
    more = ({"P_EXPR": 0.07},) if kind is AffectDemoOutcome else ()
    monkeypatch.setattr(module, run, lambda *_: kind((), report, *more))
    monkeypatch.setattr(sys, "argv", ["fer-assets", "--root", str(tmp_path), "demo", line])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == code
    assert "faces_found" in capsys.readouterr().out
