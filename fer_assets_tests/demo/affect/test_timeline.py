from __future__ import annotations

import numpy as np
import pytest

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_EXPRESSIONS
from fer_assets.demo.affect.casting import AffectDemoSettings, scripts
from fer_assets.demo.affect.expressions import TILES
from fer_assets.demo.affect.script import AffectScript, Key
from fer_assets.demo.affect.timeline import affect_of, tile_weights


def _script(*keys: Key) -> AffectScript:
    return AffectScript("x", "P001", "crops", "train", 0, keys, keys[-1].last)


SMILE = _script(Key("neutral", 1, 4), Key("happy", 14, 18), Key("shocked", 24, 26, 0.9))


def test_weights_of_every_script_are_shares() -> None:
    for script in scripts(AffectDemoSettings()):
        weights = tile_weights(script)
        assert weights.shape == (script.n_frames, len(TILES))
        assert weights.min() >= 0
        np.testing.assert_allclose(weights.sum(axis=1), 1)


def test_a_key_is_held_from_its_first_to_its_last_frame() -> None:
    weights = tile_weights(SMILE)
    neutral, happy, shocked = (TILES.index(tile) for tile in ("neutral", "happy", "shocked"))
    assert weights[:4, neutral].tolist() == [1, 1, 1, 1]
    assert weights[13:18, happy].tolist() == [1] * 5
    np.testing.assert_allclose(weights[23:, [shocked, neutral]], [[0.9, 0.1]] * 3)
    assert weights[8, happy] == pytest.approx(0.5)  # frame 9 is halfway from 4 to 14
    assert (np.diff(weights[3:14, happy]) > 0).all()


def test_affect_follows_the_weights() -> None:
    affect, weights = affect_of(SMILE), tile_weights(SMILE)
    names = [AFFECT_EXPRESSIONS[at] if at >= 0 else None for at in affect.expression]
    happy = weights[:18, TILES.index("happy")]
    assert names[:18] == [
        "happiness" if share >= 0.6 else "neutral" if share <= 0.4 else None for share in happy
    ]
    assert names[23:] == ["surprise"] * 3
    assert None in names
    np.testing.assert_allclose(affect.valence_arousal[13:18], [[0.8, 0.35]] * 5)
    np.testing.assert_allclose(affect.valence_arousal[23:], [[0.0, 0.72]] * 3, atol=1e-9)
    smile = affect.action_units[:18, AFFECT_ACTION_UNITS.index("AU12")]
    assert smile.tolist() == [share >= 0.5 - 1e-9 for share in happy]


def test_pictures_of_one_expression_share_it_while_one_moves_into_the_other() -> None:
    script = _script(Key("surprised", 1, 3), Key("shocked", 9, 11))
    assert set(affect_of(script).expression.tolist()) == {AFFECT_EXPRESSIONS.index("surprise")}
