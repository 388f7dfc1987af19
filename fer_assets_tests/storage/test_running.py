from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fer_assets.storage.layout import Place
from fer_assets.storage.planning import Build, Unit
from fer_assets.storage.running import running_unit
from fer_assets.storage.store import open_store

BUILD = Build(Place("line/checkpoints", "key"), {}, 1)
UNIT = Unit("fold-1", {"release": "a"})


def test_a_state_is_found_again_by_what_the_unit_follows_from(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    state = running_unit(store, BUILD, UNIT)
    assert state.load() is None
    state.save(b"one")
    state.save(b"two")
    assert running_unit(store, BUILD, UNIT).load() == b"two"
    for other in (
        running_unit(store, replace(BUILD, code_version=2), UNIT),
        running_unit(store, BUILD, Unit("fold-1", {"release": "b"})),
        running_unit(store, BUILD, Unit("fold-10", {"release": "a"})),
    ):
        assert other.load() is None


def test_what_is_forgotten_is_gone_with_its_older_states(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    older = running_unit(store, replace(BUILD, code_version=2), UNIT)
    other = running_unit(store, BUILD, Unit("fold-10", {"release": "a"}))
    state = running_unit(store, BUILD, UNIT)
    for one in (older, other, state):
        one.save(b"x")
    state.forget()
    assert [one.load() for one in (older, other, state)] == [None, b"x", None]
    state.forget()
