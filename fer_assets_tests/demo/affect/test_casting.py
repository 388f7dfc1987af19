from __future__ import annotations

from dataclasses import replace

import pytest

from fer_assets.challenges.vocabulary import AFFECT_EXPRESSIONS
from fer_assets.demo.affect.casting import AffectDemoSettings, scripts
from fer_assets.demo.affect.expressions import MEANINGS, TILES
from fer_assets.demo.affect.photos import photos
from fer_assets.demo.people import NEUTRAL

SETTINGS = AffectDemoSettings()


def test_nobody_is_in_two_sets() -> None:
    sets: dict[str, set[str]] = {}
    for script in scripts(SETTINGS):
        sets.setdefault(script.set, set()).add(script.person)
    assert set(sets) == {"train", "validation", "test"}
    assert sum(len(people) for people in sets.values()) == len(set().union(*sets.values())) == 10
    assert {photo.person for photo in photos(SETTINGS)} == sets["train"]


def test_settings_refuse_a_person_in_two_sets() -> None:
    with pytest.raises(ValueError, match="two sets"):
        replace(SETTINGS, validation=("P001", "P003"))
    with pytest.raises(ValueError, match="validation"):
        replace(SETTINGS, validation=())


def test_each_person_holds_every_picture_once() -> None:
    for person in SETTINGS.train + SETTINGS.validation:
        mine = [s for s in scripts(SETTINGS) if s.person == person and s.kind == "crops"]
        held = [key.tile for s in mine for key in s.keys if key.tile != NEUTRAL]
        assert sorted(held) == sorted(set(TILES) - {NEUTRAL})
        assert all(s.keys[0].tile == s.keys[-1].tile == NEUTRAL for s in mine)
    assert {meaning.expression for meaning in MEANINGS.values()} == set(AFFECT_EXPRESSIONS)


def test_keys_and_stretches_lie_within_the_video_and_in_order() -> None:
    for script in scripts(SETTINGS):
        ends = [at for key in script.keys for at in (key.first, key.last)]
        assert ends == sorted(ends)
        assert ends[0] == 1
        assert ends[-1] == script.n_frames
        for span in (*script.missing, *script.invalid):
            assert 1 <= span.first <= span.last <= script.n_frames
        assert script.shows_face[0]
        assert script.shows_face[-1]
        assert not all(script.shows_face)


def test_the_files_hold_what_real_ones_do() -> None:
    everything = scripts(SETTINGS)
    assert {script.extra_rows > 0 for script in everything} == {True, False}
    assert any(script.extra_rows < 0 for script in everything)
    assert any(script.invalid[0].last == script.n_frames for script in everything)
    assert [s.set for s in everything if s.kind == "film"] == ["train", "validation", "test"]
    assert len({script.name for script in everything}) == len(everything)


def test_another_seed_gives_other_scripts_and_the_same_seed_the_same() -> None:
    assert scripts(SETTINGS) == scripts(AffectDemoSettings())
    assert scripts(SETTINGS) != scripts(replace(SETTINGS, seed=1))
