from __future__ import annotations

import numpy as np

from fer_assets.challenges.vocabulary import (
    AFFECT_ACTION_UNITS,
    AFFECT_EXPRESSIONS,
    AFFECTNET_EXPRESSIONS,
)
from fer_assets.demo.affect.casting import AffectDemoSettings
from fer_assets.demo.affect.expressions import (
    MEANINGS,
    TILES,
    action_units,
    circumplex,
    expression_of_tile,
    landmarks,
)
from fer_assets.demo.people import list_people, tile_geometry


def test_landmarks_lie_in_the_face_boxes_and_in_order() -> None:
    for person in list_people():
        for tile in TILES:
            x0, y0, x1, y1 = tile_geometry()[person.person_id, tile].face_px
            points = landmarks(person.person_id, tile)
            rim = 0.1 * (x1 - x0)
            assert (points >= [x0 - rim, y0 - rim]).all()
            assert (points <= [x1 + rim, y1 + rim]).all()
            left_eye, right_eye, nose, left_mouth, right_mouth = points
            assert left_eye[0] < right_eye[0]
            assert left_mouth[0] < right_mouth[0]
            assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


def test_every_expression_and_unit_is_shown_in_training_and_validation() -> None:
    settings = AffectDemoSettings()
    for people in (settings.train, settings.validation):
        shown = np.max([action_units(person).max(axis=0) for person in people], axis=0)
        assert shown.tolist() == [1.0] * len(AFFECT_ACTION_UNITS)
    assert (expression_of_tile().sum(axis=1) == 1).all()
    assert (expression_of_tile().sum(axis=0) >= 1).all()


def test_prototypes_that_no_sheet_contradicts() -> None:
    happy = AFFECT_ACTION_UNITS.index("AU12")
    for person in list_people():
        units = action_units(person.person_id)
        assert units[TILES.index("happy"), happy] == 1
        assert units[TILES.index("sad"), happy] == 0
        assert not units[TILES.index("neutral")].any()


def test_places_and_classes_are_known_ones() -> None:
    assert circumplex().shape == (len(TILES), 2)
    assert np.abs(circumplex()).max() <= 1
    assert {meaning.expression for meaning in MEANINGS.values()} == set(AFFECT_EXPRESSIONS)
    taught = {meaning.affectnet for meaning in MEANINGS.values()} - {None}
    assert taught == set(AFFECTNET_EXPRESSIONS)
