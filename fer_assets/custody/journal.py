"""The journal of an erasure: what has to be done, and what is done.

Belongs here: the record, its file, finding what is unfinished. Does not belong here: the actions
(`erasure.py`). It holds states, counts and hashes; nothing in it names the subject. The operator's
own reason is kept as it was given.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Final, Literal

from fer_assets.storage.digests import canonical_json
from fer_assets.storage.store import Store

FOLDER: Final = "custody/erasures"


@dataclass(frozen=True)
class Journal:
    """One erasure.

    Attributes:
        erasure_id: follows from the tombstones, so that the same erasure keeps its id.
        kind: what the operator named: a video, an uploader, …
        started_at: ISO 8601, UTC.
        reason: as the operator gave it.
        keeps_source: the video files stay where they are.
        scrubs_exports: recorded exports are scrubbed or deleted, too.
        partitions: challenges that the subject is in.
        counts: how many of each kind of name were withdrawn.
        n_shared_videos: videos that show the subject beside others, and stay.
        hashes: tombstones to be added, by kind; empty once they are.
        actions: what has to be done, in this order.
        done: action to what it came to.
        state: whether all is done.
    """

    erasure_id: str
    kind: str
    started_at: str
    reason: str | None
    keeps_source: bool
    scrubs_exports: bool
    partitions: tuple[str, ...]
    counts: Mapping[str, int]
    n_shared_videos: int
    hashes: Mapping[str, Sequence[str]]
    actions: tuple[str, ...]
    done: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    state: Literal["running", "finished"] = "running"

    @property
    def path(self) -> str:
        """Its file below the root."""
        return f"{FOLDER}/{self.erasure_id}.json"

    def with_done(self, action: str, counts: Mapping[str, int]) -> Journal:
        """The journal with one more action done."""
        return replace(self, done={**self.done, action: dict(counts)})

    def write(self, store: Store) -> None:
        """Put it in place of the one before."""
        store.write(self.path, canonical_json(asdict(self), indent=1) + b"\n")


def report_path(erasure_id: str) -> str:
    """Where an erasure's report is."""
    return f"{FOLDER}/{erasure_id}-report.json"


def read_journal(store: Store, path: str) -> Journal:
    """One journal."""
    data = json.loads(store.read(path))
    sequences = {name: tuple(data[name]) for name in ("partitions", "actions")}
    return Journal(**{**data, **sequences})


def journals(store: Store) -> list[Journal]:
    """All erasures of a root, the oldest first."""
    paths = [p for p in store.list(FOLDER) if p.endswith(".json") and "-report" not in p]
    found = [read_journal(store, path) for path in paths]
    return sorted(found, key=lambda journal: (journal.started_at, journal.erasure_id))


def unfinished(store: Store) -> list[Journal]:
    """Erasures that were interrupted."""
    return [journal for journal in journals(store) if journal.state == "running"]
