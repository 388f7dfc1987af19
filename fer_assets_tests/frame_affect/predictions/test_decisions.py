"""From outputs to expression, valence, arousal and action units."""

from __future__ import annotations

import numpy as np
import pytest

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_EXPRESSIONS
from fer_assets.frame_affect.heads.head import OUTPUTS, activated
from fer_assets.frame_affect.predictions.decisions import (
    float_lists,
    most_probable,
    normalised,
    prediction_columns,
    units_present,
)


def test_the_first_of_equals_is_the_most_probable() -> None:
    assert most_probable(np.array([[0.2, 0.4, 0.4], [0.5, 0.5, 0.0]])).tolist() == [1, 0]


def test_a_unit_is_present_from_its_threshold_on() -> None:
    probs = np.array([[0.5, 0.3], [0.49, 0.31]])
    assert units_present(probs, None).tolist() == [[True, False], [False, False]]
    rules = np.array([[0.5, 0.31], [0.4, 0.2]])
    assert units_present(probs, rules).tolist() == [
        [[True, False], [False, True]],
        [[True, True], [True, True]],
    ]


def test_medians_become_probabilities_again() -> None:
    rows = normalised(np.array([[0.2, 0.2, 0.1], [0.0, 0.0, 0.0]]))
    assert rows.sum(1) == pytest.approx([1, 1])
    assert rows[0] == pytest.approx([0.4, 0.4, 0.2]) and rows[1] == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize("task", OUTPUTS)
def test_columns_hold_what_the_task_has_and_null_elsewhere(task: str) -> None:
    rng = np.random.default_rng(0)
    values = activated(task, rng.normal(size=(6, len(OUTPUTS[task]))).astype(np.float32))
    thresholds = rng.uniform(0.2, 0.8, 12)
    frame = prediction_columns(task, values, thresholds)
    nulls = {name for name in frame.columns if frame[name].null_count() == 6}
    filled = set(frame.columns) - nulls
    expected = {
        "EXPR": {"expression", "expression_probs"},
        "VA": {"valence", "arousal"},
        "AU": {"action_unit_probs", *AFFECT_ACTION_UNITS},
    }
    expected["MTL"] = set.union(*expected.values())
    assert filled == expected[task]
    if task == "MTL":
        probs = frame["expression_probs"].to_list()
        best = [AFFECT_EXPRESSIONS[int(np.argmax(row))] for row in probs]
        assert frame["expression"].to_list() == best
        assert frame["arousal"].to_list() == pytest.approx(values[:, 9].tolist())
        present = values[:, 10:] >= thresholds
        assert frame.select(AFFECT_ACTION_UNITS).to_numpy().tolist() == present.tolist()


def test_no_frames_give_no_rows() -> None:
    assert prediction_columns("MTL", np.empty((0, 22)), None).height == 0
    assert float_lists(np.empty((0, 3))).len() == 0
