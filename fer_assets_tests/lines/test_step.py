from __future__ import annotations

import pytest

from fer_assets.lines.step import Summary


def test_nothing_in_a_summary_hides_something_else():
    with pytest.raises(ValueError, match="people would hide"):
        Summary(figures={"people": 3}, files={"people": "people.jpg"})
    assert Summary(figures={"people": 3}, files={"sheet": "people.jpg"}).figures["people"] == 3
