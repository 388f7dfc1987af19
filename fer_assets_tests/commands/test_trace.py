"""What `fer-assets trace` prints; tracing itself is tested in custody."""

from __future__ import annotations

import json

from fer_assets.commands.trace import _print
from fer_assets.custody.trace import Trace

FOUND = Trace(
    "face v/1/2-3",
    {
        "scores": [
            {"metric": "macro_f1", "value": 0.51239},
            {"metric": "f1/sad", "value": 0.4},
            {"metric": "accuracy/gender=man", "value": 0.3},
        ],
        "flags": [],
    },
)


def test_scores_of_slices_are_counted_and_in_the_json(capsys):
    _print(FOUND, as_json=False)
    text = capsys.readouterr().out
    assert "macro_f1" in text
    assert "0.5124" in text
    assert "f1/sad" not in text
    assert "and 2 by class or slice: --json" in text
    assert text.split("flags")[1].strip() == "nothing"
    _print(FOUND, as_json=True)
    assert len(json.loads(capsys.readouterr().out)["scores"]) == 3
