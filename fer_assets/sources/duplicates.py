"""Which of the videos that show the same film stays.

Belongs here: from matches to originals. Does not belong here: finding matches
(`sources/matching.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fer_assets.sources.matching import MIN_COVERED, Match


@dataclass(frozen=True)
class Film:
    """A usable video, as far as choosing an original goes.

    Attributes:
        video_id: its id.
        duration_s: its length.
        area_px: size of its picture.
        was_accepted: it is accepted in what was published last; labels may hang on it.
    """

    video_id: str
    duration_s: float
    area_px: int
    was_accepted: bool


@dataclass(frozen=True)
class Original:
    """The video that a duplicate repeats, and whether left and right are exchanged."""

    video_id: str
    is_mirrored: bool


def find_originals(films: Sequence[Film], matches: Sequence[Match]) -> dict[str, Original]:
    """Duplicate to its original; a video that is no duplicate is left out.

    A video is a duplicate if an original shows at least `MIN_COVERED` of its length. Originals are
    chosen in this order: accepted before, longer, larger picture, lowest id. So an original is
    never itself a duplicate, and what was accepted makes way for nothing new.
    """
    by_video: dict[str, list[Match]] = {}
    for match in matches:
        by_video.setdefault(match.video_id, []).append(match)
        by_video.setdefault(match.other_id, []).append(match)
    order = sorted(films, key=lambda f: (not f.was_accepted, -f.duration_s, -f.area_px, f.video_id))
    rank = {film.video_id: index for index, film in enumerate(order)}
    found: dict[str, Original] = {}
    for film in order:
        covering = [
            (rank[other], other, match.is_mirrored)
            for match in by_video.get(film.video_id, [])
            if (other := _other(match, film.video_id)) in rank
            and rank[other] < rank[film.video_id]
            and other not in found
            and match.overlap_s >= MIN_COVERED * film.duration_s
        ]
        if covering:
            _, original, is_mirrored = min(covering)
            found[film.video_id] = Original(original, is_mirrored)
    return found


def _other(match: Match, video_id: str) -> str:
    return match.other_id if match.video_id == video_id else match.video_id


def as_rows(matches: Sequence[Match]) -> list[dict[str, object]]:
    """Matches as rows of `VIDEO_MATCHES`."""
    return [dict(vars(match)) for match in matches]


def from_rows(rows: Sequence[Mapping[str, object]]) -> list[Match]:
    """Matches from rows of `VIDEO_MATCHES`."""
    return [Match(**row) for row in rows]  # type: ignore[arg-type]
