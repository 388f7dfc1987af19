"""Damaged files through the guarded decoder, as the pipeline asks it, with the books kept.

Belongs here: running and counting. Does not belong here: making files (`seeds.py`,
`mutations.py`), the command (`__main__.py`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fer_assets.media.errors import MediaError
from fer_assets.media.frames import sample_times
from fer_assets.media.guarded import DecodeLimits, GuardedDecoder
from fer_assets.media.reasons import REASONS
from fer_assets_tests.fuzz.mutations import MUTATIONS
from fer_assets_tests.fuzz.seeds import Seed

LIMITS = DecodeLimits(request_s=20.0, memory_bytes=2 << 30, output_bytes=1 << 30)
REQUESTS = 4
# Starting a child, ending one, and a busy machine.
_GRACE_S = 5.0
_BOOKS_EVERY = 100


@dataclass
class Summary:
    """What became of the files.

    Attributes:
        files: how many there were.
        outcomes: ``"accepted"``, ``"accepted, damaged"`` or ``"quarantined: REASON"``, each with
            its number of files.
        problems: what may not happen, with the file's number, seed and mutation.
        slowest_s: the longest that one file took.
        slowest: that file.
        restarts: how often a child had to be replaced.
    """

    files: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    slowest: str = ""
    restarts: int = 0


def mutants(seeds: Sequence[Seed], count: int, seed: int) -> Iterator[tuple[str, Seed]]:
    """`count` damaged files with a label each; file n is the same whatever came before it."""
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        start = seeds[number % len(seeds)]
        mutate = MUTATIONS[number // len(seeds) % len(MUTATIONS)]
        yield f"{number}: {start.name}{start.suffix}, {mutate.__name__}", mutate(rng, start, seeds)


def run(
    files: Iterable[tuple[str, Seed]], folder: Path, limits: DecodeLimits, has_pictures: bool
) -> Summary:
    """Put each file through the decoder; stop at nothing, note everything."""
    summary = Summary()
    before = _books(folder)
    with GuardedDecoder(limits) as decoder:
        for label, content in files:
            path = folder / f"mutant{content.suffix}"
            path.write_bytes(content.data)
            pid, start = decoder.child_pid, time.monotonic()
            try:
                outcome = _pass(decoder, path) if has_pictures else _hear(decoder, path)
            except MediaError as error:
                outcome = f"quarantined: {error.reason}"
                if error.reason not in REASONS:
                    summary.problems.append(f"{label}: unknown reason {error.reason}")
            except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
                outcome = "worker crashed"
                summary.problems.append(f"{label}: …{repr(error)[-400:]}")
            _note(summary, label, outcome, time.monotonic() - start, limits)
            summary.restarts += pid is not None and decoder.child_pid != pid
            path.unlink()
            if summary.files % _BOOKS_EVERY == 0:
                decoder.close()
                _compare(summary, before, _books(folder), label)
    _compare(summary, before, _books(folder), "the end")
    return summary


def _pass(decoder: GuardedDecoder, path: Path) -> str:
    """What a video goes through: facts, survey, sound, frames."""
    found = decoder.probe(path)
    seen = decoder.survey(path)
    decoder.read_audio(path)
    times = sample_times(0.0, min(found.duration_s, 10.0), 2.0)
    frames = list(decoder.sample_frames(path, times))
    is_whole = not seen.n_missing and not seen.is_corrupt.any() and len(frames) == times.size
    return "accepted" if is_whole else "accepted, damaged"


def _hear(decoder: GuardedDecoder, path: Path) -> str:
    sound = decoder.read_audio(path)
    return "accepted" if sound.size else "accepted, damaged"


def _note(summary: Summary, label: str, outcome: str, took_s: float, limits: DecodeLimits) -> None:
    summary.files += 1
    summary.outcomes[outcome] += 1
    if took_s > summary.slowest_s:
        summary.slowest_s, summary.slowest = took_s, label
    if took_s > REQUESTS * limits.request_s + _GRACE_S:
        summary.problems.append(f"{label}: took {took_s:.1f} s")


def _books(folder: Path) -> dict[str, object]:
    """What must be as before: open files, child processes, files left behind."""
    tasks = Path("/proc/self/task").glob("*/children")
    return {
        "open files": sum(1 for _ in Path("/proc/self/fd").glob("*")),
        "children": sorted(pid for task in tasks for pid in task.read_text().split()),
        "files": sorted(path.name for path in folder.iterdir()),
    }


def _compare(
    summary: Summary, before: dict[str, object], after: dict[str, object], label: str
) -> None:
    for name, value in after.items():
        if value != before[name]:
            summary.problems.append(f"{label}: {name} are {value}, were {before[name]}")
