"""A demo's figures held against their floors.

Belongs here: the lines of ``report.json``. Does not belong here: figures and floors (`scoring.py`,
`affect/scoring.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Lines = dict[str, dict[str, float | bool | None]]


def against_floors(figures: Mapping[str, float], floors: Mapping[str, float]) -> Lines:
    """Name to `value`, `floor` and `ok`, for every promised figure and no other.

    A promised figure that is missing or no number has no value and is not ok.
    """
    lines: Lines = {}
    for name, floor in floors.items():
        value = figures.get(name)
        is_number = value is not None and bool(np.isfinite(value))
        lines[name] = {
            "value": value if is_number else None,
            "floor": floor,
            "ok": value is not None and is_number and value >= floor,
        }
    return lines
