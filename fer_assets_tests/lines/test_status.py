"""What is due in a step because something before it is."""

from __future__ import annotations

import pytest

from fer_assets.lines.status import FOLLOWS, StepState, _following
from fer_assets.storage.layout import Place
from fer_assets.storage.manifests import Manifest, Provenance, UnitEntry

ONE, TWO, NEW = "1" * 16, "2" * 16, "3" * 16
EMPTY = UnitEntry(Provenance(1, ""), "ok", None, {}, {})


def manifest(*keys: str) -> Manifest:
    return Manifest(Place("line/asset", "key"), "", dict.fromkeys(keys, EMPTY))


def state(*due: str, removed: tuple[str, ...] = ()) -> StepState:
    return StepState("line/before", "key", "stale", dict.fromkeys(due, "new"), removed=removed)


@pytest.mark.parametrize(
    ("before", "units", "due"),
    [
        # By video, after videos.
        ([state(ONE)], (ONE, TWO), {ONE}),
        ([state(NEW)], (ONE, TWO), {NEW}),
        ([state(ONE)], (f"{ONE}-a", f"{ONE}-b", f"{TWO}-a"), {f"{ONE}-a", f"{ONE}-b"}),
        ([state(f"{ONE}-a")], (ONE, TWO), {ONE}),
        ([state("summary")], (ONE, TWO), set()),
        # Runs learn from all videos; the whole follows anything.
        ([state(ONE)], ("expr-a", "va-a"), {"expr-a", "va-a"}),
        ([state(removed=(ONE,))], ("expr-a",), {"expr-a"}),
        ([state("expr-a")], ("whole",), {"whole"}),
        ([state(removed=(ONE,))], ("whole",), {"whole"}),
        # After a run or the whole everything is due.
        ([state(), state("expr-a")], (ONE, TWO), {ONE, TWO}),
        ([state("whole")], (ONE, TWO), {ONE, TWO}),
        # Nothing changed; never built.
        ([state()], (ONE, TWO), set()),
        ([state(ONE)], (), {ONE}),
        ([state("whole")], (), set()),
    ],
)
def test_what_follows(before, units, due):
    found = _following(before, manifest(*units) if units else None)
    assert found == dict.fromkeys(due, FOLLOWS)
