from __future__ import annotations

import numpy as np

from fer_assets.figures.affect_labels import affect_label_plot
from fer_assets.figures.png import MAX_PNG_BYTES
from fer_assets.media.image_codec import decode_image


def test_one_panel_per_kind_of_annotation():
    expressions = {"train": {"neutral": 30, "anger": 10}, "validation": {"neutral": 0, "anger": 4}}
    units = {"train": {"AU01": 0.25, "AU12": 0.5}}
    counts = np.zeros((20, 20), np.int64)
    counts[3, 15] = 900
    whole = affect_label_plot(expressions, counts, units)
    assert len(whole) <= MAX_PNG_BYTES
    one = affect_label_plot(expressions, None, {})
    assert decode_image(whole).shape == decode_image(one).shape
    assert whole != one
    other = affect_label_plot(expressions, counts.T, units)
    assert other != whole


def test_nothing_to_show():
    nothing = affect_label_plot({"train": {"neutral": 0}}, np.zeros((2, 2), np.int64), {})
    assert decode_image(nothing).shape[0] < 300
