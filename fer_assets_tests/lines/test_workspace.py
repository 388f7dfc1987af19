from __future__ import annotations

import pytest

from fer_assets.errors import FerError
from fer_assets.lines.workspace import open_workspace


def test_everything_lies_below_the_root(tmp_path, monkeypatch):
    monkeypatch.delenv("FER_WEIGHTS", raising=False)
    place = open_workspace(tmp_path)
    assert place.state == tmp_path / "state"
    assert place.catalog.folder == tmp_path / "challenges"
    assert place.weights == tmp_path / "weights"
    assert place.benchmarks == tmp_path / "benchmarks"


def test_the_environment_places_things_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("FER_ROOT", str(tmp_path / "root"))
    monkeypatch.setenv("FER_WEIGHTS", str(tmp_path / "nets"))
    monkeypatch.setenv("FER_CHALLENGES", str(tmp_path / "mine"))
    place = open_workspace()
    assert place.store.uri == str(tmp_path / "root")
    assert place.weights == tmp_path / "nets"
    assert place.catalog.folder == tmp_path / "mine"


def test_a_remote_root_keeps_locks_on_this_machine(tmp_path, monkeypatch):
    pytest.importorskip("fsspec")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    one, other = open_workspace("memory://one"), open_workspace("memory://other")
    assert one.state.is_relative_to(tmp_path)
    assert one.state != other.state


def test_settings_of_all_challenges(tmp_path):
    assert open_workspace(tmp_path).settings == {}
    (tmp_path / "settings.toml").write_text("[training]\nfolds = 3\n")
    assert open_workspace(tmp_path).settings == {"training": {"folds": 3}}
    (tmp_path / "settings.toml").write_text("[training\n")
    with pytest.raises(FerError, match="valid TOML"):
        _ = open_workspace(tmp_path).settings
