"""Candidate prompts: the sounds that many uploads of a challenge share.

Belongs here: `find_shared_segments`, from shared runs to clean templates. Does not belong here:
finding the runs (`share_profile.py`), lining uploads up (`averaging.py`), reading files
(`upload_sounds.py`), naming what was found.

Runs are taken in turn, the one that most uploads share first. Its sound is looked for in all
uploads by the matched filter, as a prompt is; where it is found, the uploads are lined up, and the
parts in which they agree become templates, averaged over uploads so that what only one of them has
(voices, music, noise) sinks. What a template explains is not looked at again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_assets.compute.progress import track
from fer_assets.errors import FerError
from fer_assets.prompts.averaging import agreeing_parts, average, lined_up
from fer_assets.prompts.hits import PromptHit, find_prompts
from fer_assets.prompts.matched_filter import correlate_many
from fer_assets.prompts.resampling import at_speed
from fer_assets.prompts.share_profile import LowSound, Run, share_profile, shared_runs
from fer_assets.prompts.templates import RATE_HZ, PromptTemplate

# Two segments this alike are one.
_SAME = 0.5
# After so many runs without a new segment the others are left.
_PATIENCE = 16


class SegmentError(FerError):
    """No segment is shared, or one is named wrongly."""


@dataclass(frozen=True)
class SegmentSettings:
    """What counts as shared.

    Attributes:
        min_share: share of the uploads that must contain a segment.
        min_agreement: share of a segment's power that the uploads must have in common on average.
        shortest_s: shorter segments are left out.
        longest_s: longer ones are cut at their quietest moment.
        references: uploads whose every window is looked for in others.
        partners: others that each of them is compared with.
        seed: which uploads these are.
    """

    min_share: float = 0.3
    min_agreement: float = 0.4
    shortest_s: float = 0.3
    longest_s: float = 4.0
    references: int = 8
    partners: int = 12
    seed: int = 0


@dataclass(frozen=True, eq=False)
class SharedSegment:
    """A sound that many uploads contain.

    Attributes:
        samples: float32 (n,) at 16 kHz, averaged over uploads, as loud as in the upload named.
        upload: position of the upload in which it stands out best.
        start_s: where it starts there.
        end_s: where it ends there.
        n_uploads: how many uploads contain it.
        n_times: how often they do; a beat of music comes more than once in each.
        agreement: share of its power that the uploads lined up have in common, 0 to 1.
    """

    samples: NDArray[np.float32]
    upload: int
    start_s: float
    end_s: float
    n_uploads: int
    n_times: int
    agreement: float


def find_shared_segments(
    sounds: Sequence[NDArray[np.float32]], settings: SegmentSettings | None = None
) -> list[SharedSegment]:
    """The segments that at least `min_share` of the uploads contain, most shared first.

    Args:
        sounds: one per upload, float32 (n,) mono at 16 kHz.
        settings: see `SegmentSettings`.
    """
    settings = settings or SegmentSettings()
    least = max(2, int(np.ceil(settings.min_share * len(sounds))))
    runs = _runs(sounds, settings)
    found: list[SharedSegment] = []
    explained: list[list[tuple[float, float]]] = [[] for _ in sounds]
    in_vain = 0
    for run in track(runs, len(runs), "cutting shared segments"):
        parts = _unexplained(run, explained[run.upload], settings.shortest_s)
        if not parts or in_vain == _PATIENCE:
            continue
        in_vain += 1
        for segment, hits in _segments_in(sounds, run.upload, parts, settings):
            # Rare ones too: they need not be looked at again.
            for upload, hit in hits:
                explained[upload].append((hit.start_s, hit.end_s))
            is_clear = segment.agreement >= settings.min_agreement
            if segment.n_uploads >= least and is_clear and not _is_known(segment, found):
                found.append(segment)
                in_vain = 0
    return sorted(found, key=lambda x: (-x.n_uploads, x.upload, x.start_s))


def named_segments(
    found: Sequence[SharedSegment], names: Sequence[str]
) -> dict[str, SharedSegment]:
    """The segments that `names` keeps, by prompt id.

    Args:
        found: the segments; the first is number 1.
        names: ``NUMBER=ID`` each, e.g. ``1=angry``; none keeps all as segment-1, segment-2, ….

    Raises:
        SegmentError: nothing is shared, or a name has another form, a number that is not there,
            or an id used before.
    """
    if not found:
        raise SegmentError(
            "shared sounds",
            expected="at least one that enough uploads contain",
            found="none",
            remedy="Lower --min-share, raise --most-uploads, or cut the prompts out of a "
            "reference video with --reference and --mark.",
        )
    if not names:
        return {f"segment-{number}": segment for number, segment in enumerate(found, start=1)}
    kept: dict[str, SharedSegment] = {}
    for name in names:
        number, _, prompt_id = name.partition("=")
        is_there = number.isdecimal() and 1 <= int(number) <= len(found)
        if not is_there or not prompt_id or prompt_id in kept:
            raise SegmentError(
                f"segment {name}",
                expected=f"NUMBER=ID with a number from 1 to {len(found)} and an id of its own",
                found=repr(name),
            )
        kept[prompt_id] = found[int(number) - 1]
    return kept


def _segments_in(
    sounds: Sequence[NDArray[np.float32]],
    upload: int,
    parts: Sequence[tuple[float, float]],
    settings: SegmentSettings,
) -> Iterator[tuple[SharedSegment, list[tuple[int, PromptHit]]]]:
    """The segments in parts (start and end, s) of one upload, each with where it is heard."""
    for start_s, stop_s in parts:
        exemplar = sounds[upload][round(start_s * RATE_HZ) : round(stop_s * RATE_HZ)]
        for clean in _cleaned(sounds, exemplar, settings):
            hits = _occurrences(sounds, clean)
            stack = lined_up(sounds, hits, clean.size)
            if stack.shape[0] >= 2:
                yield _segment(sounds, average(stack), hits), hits


def _runs(sounds: Sequence[NDArray[np.float32]], settings: SegmentSettings) -> list[Run]:
    """Shared runs of the reference uploads, the longest and most shared first."""
    rng = np.random.default_rng(settings.seed)
    low = [LowSound(sound, RATE_HZ) for sound in sounds]
    references = sorted(rng.permutation(len(sounds))[: settings.references].tolist())
    runs: list[Run] = []
    for upload in track(references, len(references), "comparing uploads"):
        others = [i for i in rng.permutation(len(sounds)).tolist() if i != upload]
        partners = [low[i] for i in others[: settings.partners]]
        if partners:
            places = share_profile(low[upload], partners)
            runs += shared_runs(upload, low[upload], places, settings.min_share)
    return sorted(runs, key=lambda run: -run.share * (run.end_s - run.start_s))


def _unexplained(
    run: Run, explained: Sequence[tuple[float, float]], shortest_s: float
) -> list[tuple[float, float]]:
    """The parts of a run that no segment explains, from `shortest_s` on."""
    parts = []
    at_s = run.start_s
    for start_s, end_s in [*sorted(explained), (run.end_s, run.end_s)]:
        stop_s = min(start_s, run.end_s)
        if stop_s - at_s >= shortest_s:
            parts.append((at_s, stop_s))
        at_s = max(at_s, end_s)
    return parts


def _cleaned(
    sounds: Sequence[NDArray[np.float32]], exemplar: NDArray[np.float32], settings: SegmentSettings
) -> list[NDArray[np.float32]]:
    """The parts of a run's sound in which uploads agree, averaged over them, on their usual clock.

    The exemplar's own clock may be off; one video has one clock, so prompts of different
    exemplars have to share theirs.
    """
    hits = _occurrences(sounds, exemplar)
    stack = lined_up(sounds, hits, exemplar.size)
    if stack.shape[0] < 2:
        return []
    usual = float(np.median([hit.speed for _, hit in hits]))
    parts = agreeing_parts(stack, settings.shortest_s, settings.longest_s)
    clean = [average(stack[:, first:stop]) for first, stop in parts]
    return [at_speed(part, usual).astype(np.float32) for part in clean]


def _segment(
    sounds: Sequence[NDArray[np.float32]],
    samples: NDArray[np.float32],
    hits: Sequence[tuple[int, PromptHit]],
) -> SharedSegment:
    """The segment that a clean sound makes, as loud as in the upload where it is clearest."""
    upload, best = max(hits, key=lambda hit: (hit[1].score, -hit[0]))
    first = round(best.start_s * RATE_HZ)
    own = sounds[upload][max(0, first) : max(0, first + samples.size)]
    gain = float(np.std(own)) * best.score / max(float(np.std(samples)), 1e-9)
    return SharedSegment(
        samples=np.asarray(gain * samples, np.float32),
        upload=upload,
        start_s=best.start_s,
        end_s=best.end_s,
        n_uploads=len({upload for upload, _ in hits}),
        n_times=len(hits),
        agreement=float(np.mean([hit.score for _, hit in hits]) ** 2),
    )


def _occurrences(
    sounds: Sequence[NDArray[np.float32]], samples: NDArray[np.float32]
) -> list[tuple[int, PromptHit]]:
    """Where `samples` is heard: position of the upload, and the hit."""
    template = PromptTemplate("segment", "segment", samples, RATE_HZ)
    return [
        (upload, hit)
        for upload, sound in enumerate(sounds)
        for hit in find_prompts(sound, [template])
    ]


def _is_known(segment: SharedSegment, found: Sequence[SharedSegment]) -> bool:
    """Whether the shorter of the two sounds lies in the longer one, for any found before."""
    for other in found:
        short, long = sorted((segment.samples, other.samples), key=lambda x: x.size)
        edge = np.zeros(short.size // 2, np.float32)
        [scores] = correlate_many(np.concatenate([edge, long, edge]), [short])
        if float(scores.max(initial=0.0)) >= _SAME:
            return True
    return False
