"""All videos of a challenge together: duplicates, and the table of uploads.

Belongs here: reading the single videos' parts, comparing what is new, carrying on what is known.
Does not belong here: the rows themselves (`sources/table.py`), comparing (`sources/matching.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import polars as pl

from fer_assets.sources.duplicates import Film, as_rows, find_originals, from_rows
from fer_assets.sources.fingerprints import coarse_from, motion_from
from fer_assets.sources.matching import Match, Motion, find_matches
from fer_assets.sources.table import video_table
from fer_assets.sources.uploads import Upload
from fer_assets.storage.manifests import FileEntry, read_manifest
from fer_assets.storage.parts import read_parts
from fer_assets.storage.planning import SUMMARY, Build
from fer_assets.storage.schemas.tiktokfer import VIDEO_FACTS, VIDEO_MATCHES
from fer_assets.storage.store import Store
from fer_assets.storage.tombstones import read_tombstones

_AT_ONCE = 256
"""Fingerprints held at a time; the others are read when they are needed."""


@dataclass(frozen=True)
class Before:
    """What was published last.

    Attributes:
        accepted: videos that were accepted; they stay accepted over newcomers.
        withdrawn: videos that repeat a withdrawn one; they stay out.
        compared: videos of which every pair was looked at, in this version of the code.
        matches: the matches that were found.
    """

    accepted: frozenset[str] = frozenset()
    withdrawn: frozenset[str] = frozenset()
    compared: frozenset[str] = frozenset()
    matches: tuple[Match, ...] = field(default=())


def published_before(store: Store, build: Build) -> Before:
    """What the partition's manifest says now, withdrawn subjects included."""
    manifest = read_manifest(store, build.place)
    entry = manifest.units.get(SUMMARY) if manifest else None
    if manifest is None or entry is None:
        return Before()
    rows = read_parts(store, [entry.tables["raw_videos"]])
    tombstones = read_tombstones(store)
    repeats = rows.filter(pl.col("duplicate_of").is_not_null()).select("video_id", "duplicate_of")
    withdrawn = {
        video_id
        for video_id, original in repeats.iter_rows()
        if video_id != original and tombstones.covers("video", original)
    }
    withdrawn |= set(rows.filter(pl.col("status") == "withdrawn")["video_id"])
    accepted = frozenset(rows.filter(pl.col("status") == "accepted")["video_id"])
    if entry.provenance.code_version != build.code_version:
        return Before(accepted, frozenset(withdrawn))
    compared = {
        key
        for key, unit in manifest.units.items()
        if key != SUMMARY and unit.tables["video_fingerprints"].rows
    }
    matches = from_rows(read_parts(store, [entry.tables["video_matches"]]).to_dicts())
    return Before(accepted, frozenset(withdrawn), frozenset(compared), tuple(matches))


def summarise_videos(
    store: Store,
    parts: Mapping[str, Mapping[str, FileEntry]],
    uploads: Mapping[str, Sequence[Upload]],
    forbidden: Callable[[Upload], str | None],
    before: Before,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`RAW_VIDEOS` and `VIDEO_MATCHES` of all videos.

    Args:
        store: the storage root.
        parts: video id to its stored tables.
        uploads: video id to the uploads with this content.
        forbidden: why the policy forbids an upload; None where it does not.
        before: what was published last.
    """
    facts = _facts(store, parts, uploads)
    films = {key: tables["video_fingerprints"] for key, tables in parts.items()}
    films = {key: entry for key, entry in films.items() if entry.rows and key in facts}
    matches = _matches(store, films, before)
    usable = [
        Film(
            video_id=key,
            duration_s=facts[key]["duration_s"],
            area_px=facts[key]["width_px"] * facts[key]["height_px"],
            was_accepted=key in before.accepted,
        )
        for key in sorted(films)
        if key not in before.withdrawn
    ]
    rows = video_table(uploads, facts, forbidden, find_originals(usable, matches), before.withdrawn)
    return rows, VIDEO_MATCHES.frame(as_rows(matches))


def _facts(
    store: Store,
    parts: Mapping[str, Mapping[str, FileEntry]],
    uploads: Mapping[str, Sequence[Upload]],
) -> dict[str, dict[str, Any]]:
    """Facts by video; of a forbidden video nothing is known."""
    filled = [tables["video_facts"] for tables in parts.values() if tables["video_facts"].rows]
    rows = read_parts(store, filled) if filled else VIDEO_FACTS.empty()
    known = {str(row["video_id"]): row for row in rows.iter_rows(named=True)}
    # Only seen where a retention ends between the videos and their table: the next run looks.
    nothing = {**dict.fromkeys(VIDEO_FACTS.dtypes), "reason": "not looked into yet"}
    return {key: known.get(key, nothing) for key in sorted(parts) if key in uploads}


def _matches(store: Store, films: Mapping[str, FileEntry], before: Before) -> list[Match]:
    @lru_cache(maxsize=_AT_ONCE)
    def fine(video_id: str) -> Motion:
        return motion_from(read_parts(store, [films[video_id]]).row(0, named=True))

    new = set(films) - before.compared
    known = [m for m in before.matches if m.video_id in films and m.other_id in films]
    if not new:
        return known
    rows = read_parts(store, [films[key] for key in sorted(films)], ("video_id", "coarse"))
    coarse = {str(key): coarse_from(data) for key, data in rows.iter_rows()}
    found = [*known, *find_matches(coarse, new, fine)]
    return sorted(found, key=lambda match: (match.video_id, match.other_id))
