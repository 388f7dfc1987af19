"""One case: our function and a peer's on the same input.

Belongs here: the record and how it is measured. Does not belong here: any question's own input.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

ROUNDS = 5


@dataclass(frozen=True)
class Case:
    """A question that is answered by two timings.

    Attributes:
        bench: the question, i.e. the module's name.
        case: what input.
        ours: does the work once and returns its result.
        peer: name of what it is compared with, with its version.
        theirs: does the same work with the peer and returns its result.
        target: upper bound of our time over the peer's.
        equal: compares the two results; true if ours is equal or better, as the case defines.
        rounds: how often both run, in turns, after one round that is not counted.
    """

    bench: str
    case: str
    ours: Callable[[], Any]
    peer: str
    theirs: Callable[[], Any]
    target: float
    equal: Callable[[Any, Any], bool]
    rounds: int = ROUNDS


@dataclass(frozen=True)
class Skipped:
    """A case that can't be measured here.

    Attributes:
        bench: the question.
        case: what input.
        reason: what is missing.
    """

    bench: str
    case: str
    reason: str


def measure(case: Case) -> dict[str, Any]:
    """Run both sides in turns and take medians; which goes first changes with every round."""
    ours, theirs = case.ours(), case.theirs()
    is_equal = bool(case.equal(ours, theirs))
    ours_s: list[float] = []
    peer_s: list[float] = []
    for at in range(case.rounds):
        sides = [(case.ours, ours_s), (case.theirs, peer_s)]
        for work, times in sides if at % 2 == 0 else reversed(sides):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
    ours_median, peer_median = statistics.median(ours_s), statistics.median(peer_s)
    return {
        "bench": case.bench,
        "case": case.case,
        "ours_s": round(ours_median, 6),
        "peer": case.peer,
        "peer_s": round(peer_median, 6),
        "ratio": round(ours_median / peer_median, 4),
        "target": round(case.target, 4),
        "equal": is_equal,
    }
