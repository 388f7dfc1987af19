"""Slices: each scored apart, small ones marked, the gap between known ones."""

from __future__ import annotations

import numpy as np
import pytest

from fer_assets.metrics.slices import SliceSettings, largest_gap, slice_scores


def test_scores_counts_warnings_and_gap() -> None:
    tone = ["II"] * 40 + ["V"] * 40 + [None] * 4
    people = np.array([f"p{row // 2}" for row in range(80)] + ["q"] * 4)
    target = np.tile([0, 1], 42)
    pred = target.copy()
    pred[40:60] = 1 - pred[40:60]
    slices = slice_scores(
        target,
        pred,
        2,
        groups=people,
        attribute=tone,
        settings=SliceSettings(min_people=10, min_images=30),
    )
    assert [part.name for part in slices] == ["II", "V", "unknown"]
    assert [(part.n_images, part.n_people) for part in slices] == [(40, 20), (40, 20), (4, 1)]
    assert [part.scores["accuracy"].value for part in slices] == [1, 0.5, 1]
    assert [bool(part.warning) for part in slices] == [False, False, True]
    assert largest_gap(slices, "accuracy") == pytest.approx(0.5)
    assert np.isnan(largest_gap(slices[:1], "accuracy"))
