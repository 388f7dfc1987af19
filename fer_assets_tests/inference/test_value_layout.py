"""Which values mean what, here and in the drawing process."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fer_assets.compute.threads import network_callers
from fer_assets.inference.marks import face_mark
from fer_assets.inference.measures import (
    ACTION_UNITS,
    VALENCE_AROUSAL,
    Columns,
    Measure,
    affect_measure,
)
from fer_assets.inference.value_layout import ValueLayout, presences

GROUPS = (
    Columns("light", ("light",), "value"),
    Columns("expression", ("calm", "wild", "sad", "odd"), "classes"),
    Columns(VALENCE_AROUSAL, ("valence", "arousal"), "value"),
    Columns(ACTION_UNITS, ("AU01", "AU12", "AU25"), "presence", (0.5, 0.3, 0.7)),
)
LAYOUT = ValueLayout(GROUPS)


def test_places_follow_the_measures():
    def compute(crops):
        raise AssertionError("nothing is measured here")

    first, second = Measure("a", GROUPS[:1], compute), Measure("b", GROUPS[1:], compute)
    layout = ValueLayout.of([first, second])
    assert layout == LAYOUT
    assert layout.columns == (*first.columns, *second.columns)
    assert (layout.classes, layout.classes_at) == (("calm", "wild", "sad", "odd"), slice(1, 5))
    assert layout.distributions == (slice(1, 5),)
    assert layout.find(ACTION_UNITS) == (slice(7, 10), GROUPS[3])
    assert ValueLayout().classes_at == slice(0, 0) and ValueLayout().find("light") is None


def test_survives_the_way_to_another_process():
    assert ValueLayout.from_json(json.loads(json.dumps(LAYOUT.to_json()))) == LAYOUT


def test_what_is_drawn_of_a_face():
    values = np.array([9, 0.1, 0.5, 0.3, 0.1, -0.25, 0.5, 0.5, 0.29, 0.9], np.float32)
    mark = face_mark(2, np.array([1, 2, 3, 4]), values, LAYOUT)
    assert [name for name, _ in mark.bars] == ["wild", "sad", "calm"]
    assert mark.mood == (-0.25, 0.5)
    # A probability that is the threshold reaches it.
    assert mark.signs == ("AU01", "AU25")
    plain = face_mark(0, np.zeros(4), values[1:5], ValueLayout(GROUPS[1:2]))
    assert (plain.mood, plain.signs) == (None, None)


def test_presences_need_their_thresholds():
    assert presences(np.array([0.2, 0.3], np.float32), (0.1, 0.9)) == [True, False]
    with pytest.raises(ValueError, match="2 thresholds"):
        Columns("units", ("a", "b"), "presence", (0.5,))
    with pytest.raises(ValueError, match="0 thresholds"):
        Columns("values", ("a",), "value", (0.5,))


def test_an_affect_model_is_one_measure_of_up_to_three_groups():
    class Model:
        expressions, action_units = ("calm", "wild"), ("AU01",)
        thresholds, has_valence_arousal, device = (0.4,), True, "cpu"

        def values(self, crops):
            raise AssertionError("nothing is measured here")

    on_cpu = affect_measure(Model())
    assert on_cpu.columns == ("calm", "wild", "valence", "arousal", "AU01")
    assert [group.kind for group in on_cpu.groups] == ["classes", "value", "presence"]
    assert (on_cpu.batch_size, on_cpu.threads) == (1, network_callers("cpu"))
    less = Model()
    less.device, less.expressions, less.has_valence_arousal = "cuda", (), False
    assert affect_measure(less).groups == (Columns(ACTION_UNITS, ("AU01",), "presence", (0.4,)),)
    # A batch of the GPU is filled by as many crops as it holds.
    assert (affect_measure(less).batch_size, affect_measure(less).threads) == (128, 1)
