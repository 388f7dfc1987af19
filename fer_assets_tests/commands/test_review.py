from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fer_assets.commands.review import review
from fer_assets.errors import FerError
from fer_assets_tests.browser.small_root import KEY, make_root


def run(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(review, arguments, obj=str(root))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("review")
    make_root(folder)
    return folder


def test_the_queue_as_json_and_as_a_table(root: Path) -> None:
    result = run(root, "list", "--partition", KEY, "--json")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.output)
    assert [row["question"] for row in rows] == ["belongs", "is a face", "same person"]
    assert rows[0]["rival"]["names"] == ["id-0002"]
    assert rows[2]["choices"] == ["merge", "not-a-face", "keep"]
    assert "id-0003 (4 faces)" in run(root, "--partition", KEY, "list").output


def test_wrong_use_is_said(root: Path, tmp_path: Path) -> None:
    for arguments in ((), ("list",)):
        result = run(root, *arguments)
        assert (result.exit_code, "--partition KEY" in result.output) == (2, True)
    for folder, key in ((root, "nothing"), (tmp_path, KEY)):
        assert isinstance(run(folder, "--partition", key).exception, FerError)


def test_it_listens_on_this_machine_alone(root: Path) -> None:
    result = run(root, "--partition", KEY, "--host", "0.0.0.0", "--port", "0")
    assert isinstance(result.exception, FerError)
    assert "--allow-network" in str(result.exception)


def test_what_was_never_resolved_is_one_sentence(tmp_path: Path) -> None:
    make_root(tmp_path)
    for file in (tmp_path / "assets" / "tiktokfer" / "identity_clusters").rglob("*.json"):
        file.unlink()
    result = run(tmp_path, "list", "--partition", KEY)
    assert "fer-assets materialize" in str(result.exception)
