"""Carrying out an erasure: a journalled list of actions, each of which can be called again.

Belongs here: the order of the actions, their journal, taking the leases, going on after a crash.
Does not belong here: what each action does (`places.py`, `part_scrubbing.py`, `published.py`),
whom it is about (`subjects.py`), the report (`reporting.py`).

The journal comes first, with the hashes of the new tombstones; then the tombstones, from when on no
reader sees the subject; then everything is scrubbed by asking the tombstones, so that whoever goes
on needs to know no name.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Final

from fer_assets.compute.progress import track
from fer_assets.custody import annotated_sources
from fer_assets.custody import places as rooms
from fer_assets.custody.checkpoints import mark_stale, places, stale_runs
from fer_assets.custody.journal import Journal, unfinished
from fer_assets.custody.part_scrubbing import Scrubbed, count_place, scrub_place
from fer_assets.custody.published import scrub_exports, withdraw_releases
from fer_assets.custody.subjects import Subject
from fer_assets.custody.sweep import Counts, Sweep
from fer_assets.errors import FerError
from fer_assets.lines.catalog import find_steps, lines
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.digests import sha256_bytes
from fer_assets.storage.layout import Place
from fer_assets.storage.leases import LeaseError, lease
from fer_assets.storage.tombstones import add_hashes, hashed_names, read_tombstones, with_hashes

_TOMBSTONES: Final = "tombstones"
_CHECKPOINTS: Final = "stale checkpoints"
_RELEASES: Final = "published releases"
_EXPORTS: Final = "exports"
_SOURCES: Final = ("source files", "crop folders")
_ASSET: Final = "asset "

_BEFORE_ASSETS: Final = {
    "labelling page": rooms.scrub_book,
    "source files": rooms.delete_sources,
    "crop folders": annotated_sources.delete_crops,
    "annotation files": annotated_sources.scrub_annotations,
    "challenge files": rooms.scrub_challenge_files,
    "answer files": rooms.scrub_answers,
    "caches": rooms.scrub_caches,
}
_AFTER_ASSETS: Final = {
    "registries": rooms.scrub_registries,
    "other files": rooms.scrub_the_rest,
}
_SAFE_TO_COUNT: Final = ("annotation files", "challenge files", "answer files", "registries")


class BusyError(FerError):
    """Something is being built that may hold the subject; nothing was erased."""


@dataclass(frozen=True)
class Wishes:
    """How an erasure is carried out.

    Attributes:
        keeps_source: the video files stay where they are.
        scrubs_exports: recorded exports are scrubbed, too.
        reason: kept in the journal as it is; it should name nobody.
        wait_s: how long to wait for what is being built, in s.
    """

    keeps_source: bool = False
    scrubs_exports: bool = False
    reason: str | None = None
    wait_s: float = 60.0


def erase(workspace: Workspace, subject: Subject, wishes: Wishes) -> Journal:
    """Take a subject out; returns the journal with everything done.

    Args:
        workspace: the places.
        subject: from `subjects.find_subject`.
        wishes: how.

    Raises:
        BusyError: what holds the subject is being built for longer than `wishes.wait_s`.
    """
    with _alone(workspace, wishes.wait_s):
        journal = _new_journal(workspace, subject, wishes)
        with _leases(workspace, journal, wishes.wait_s) as concerned:
            journal.write(workspace.store)
            return _carry_out(workspace, journal, concerned, wishes.wait_s)


def resume(workspace: Workspace, wait_s: float = 60.0) -> list[Journal]:
    """Finish the erasures that were interrupted; returns them.

    Raises:
        BusyError: see `erase`.
    """
    finished = []
    with _alone(workspace, wait_s):
        for journal in unfinished(workspace.store):
            with _leases(workspace, journal, wait_s) as concerned:
                finished.append(_carry_out(workspace, journal, concerned, wait_s))
    return finished


def apply_again(workspace: Workspace, wait_s: float = 60.0) -> Journal:
    """Sweep everything by all tombstones, as after a backup was put back.

    Raises:
        BusyError: see `erase`.
    """
    with _alone(workspace, wait_s):
        keys = {p.partition for p in places(workspace.store)} - {None}
        journal = Journal(
            erasure_id=f"er-again-{read_tombstones(workspace.store).digest[:12]}",
            kind="everybody withdrawn",
            started_at=_now(),
            reason=None,
            keeps_source=False,
            scrubs_exports=False,
            partitions=tuple(sorted(key for key in keys if key)),
            counts={},
            n_shared_videos=0,
            hashes={},
            actions=_actions(workspace, Wishes()),
        )
        with _leases(workspace, journal, wait_s) as concerned:
            journal.write(workspace.store)
            return _carry_out(workspace, journal, concerned, wait_s)


def preview(workspace: Workspace, subject: Subject) -> dict[str, Counts]:
    """What an erasure would take out, by place; nothing is written."""
    store = workspace.store
    known = read_tombstones(store)
    graves = with_hashes(known, hashed_names(known.salt, subject.names))
    sweep = Sweep(workspace, graves, is_dry=True)
    found: dict[str, Counts] = {}
    for place in places(store):
        found[str(place)] = _counts(count_place(store, place, graves))
    for name, action in {**_BEFORE_ASSETS, **_AFTER_ASSETS}.items():
        if name in _SAFE_TO_COUNT:
            found[name] = action(sweep)
    return {name: counts for name, counts in found.items() if any(counts.values())}


def _new_journal(workspace: Workspace, subject: Subject, wishes: Wishes) -> Journal:
    known = read_tombstones(workspace.store)
    hashes = hashed_names(known.salt, subject.names)
    digest = with_hashes(known, hashes).digest
    return Journal(
        erasure_id=f"er-{sha256_bytes(digest.encode())[:12]}",
        kind=subject.asked.kind,
        started_at=_now(),
        reason=wishes.reason,
        keeps_source=wishes.keeps_source,
        scrubs_exports=wishes.scrubs_exports,
        partitions=subject.partitions,
        counts={kind: subject.count(kind) for kind in sorted(subject.names)}
        | {"faces that go": subject.n_faces},
        n_shared_videos=subject.n_shared_videos,
        hashes=hashes,
        actions=_actions(workspace, wishes),
    )


def _actions(workspace: Workspace, wishes: Wishes) -> tuple[str, ...]:
    """What has to be done; what is read from a table comes before the table is scrubbed."""
    before = [name for name in _BEFORE_ASSETS if name not in _SOURCES or not wishes.keeps_source]
    exports = [_EXPORTS] if wishes.scrubs_exports else []
    assets = [f"{_ASSET}{place}" for place in places(workspace.store)]
    return (
        _TOMBSTONES, _CHECKPOINTS, _RELEASES, *exports, *before, *assets, *_AFTER_ASSETS,
    )  # fmt: skip


def _carry_out(
    workspace: Workspace, journal: Journal, concerned: frozenset[Place], wait_s: float
) -> Journal:
    """The actions that are not done yet, each written down when it is."""
    todo = [action for action in journal.actions if action not in journal.done]
    for action in track(todo, len(todo), "erasing"):
        counts = _act(workspace, journal, action, concerned, wait_s)
        if action == _TOMBSTONES:
            journal = replace(journal, hashes={})
        journal = journal.with_done(action, {k: n for k, n in counts.items() if n})
        journal.write(workspace.store)
    journal = replace(journal, state="finished")
    journal.write(workspace.store)
    return journal


def _act(
    workspace: Workspace,
    journal: Journal,
    action: str,
    concerned: frozenset[Place],
    wait_s: float,
) -> Counts:
    store = workspace.store
    if action == _TOMBSTONES:
        add_hashes(store, journal.hashes)
        return {}
    sweep = Sweep.of(workspace)
    if action == _CHECKPOINTS:
        stale = stale_runs(store, places(store), sweep.tombstones, journal.erasure_id)
        mark_stale(store, stale)
        return {"checkpoints": len(stale)}
    if action == _RELEASES:
        return withdraw_releases(sweep, journal.erasure_id)
    if action == _EXPORTS:
        return scrub_exports(sweep)
    if action.startswith(_ASSET):
        place = next((p for p in places(store) if f"{_ASSET}{p}" == action), None)
        return _scrub(sweep, journal, place, concerned, wait_s) if place else {}
    return {**_BEFORE_ASSETS, **_AFTER_ASSETS}[action](sweep)


def _scrub(
    sweep: Sweep, journal: Journal, place: Place, concerned: frozenset[Place], wait_s: float
) -> Counts:
    """One partition; the leases of those where the subject can be are held already."""
    workspace = sweep.workspace
    if place in concerned:
        shows = journal.kind != "worker"
        return _counts(scrub_place(workspace.store, place, sweep.tombstones, drops_pictures=shows))
    is_touched = any(vars(count_place(workspace.store, place, sweep.tombstones)).values())
    try:
        with lease(
            workspace.state, place.asset, place.partition, wait_s=wait_s if is_touched else 0
        ):
            found = scrub_place(workspace.store, place, sweep.tombstones, drops_pictures=is_touched)
            return _counts(found)
    except LeaseError as error:
        if is_touched:
            raise _busy(place, error) from error
        return {}  # whoever is at work there finds the tombstones, and nobody withdrawn


def _counts(found: Scrubbed) -> dict[str, int]:
    return dict(vars(found))


def _concerned(workspace: Workspace, journal: Journal) -> frozenset[Place]:
    """What can hold the subject: its challenges' partitions, and what is built from them."""
    stored = places(workspace.store)
    kinds = {workspace.catalog.kind(key) for key in journal.partitions}
    asked = [line for line in lines() if line.kind in kinds or None in kinds]
    assets = {step.asset for line in asked for step in line.partitioned()}
    assets |= {place.asset for place in stored if place.partition in journal.partitions}
    found = {Place(asset, key) for asset in assets for key in journal.partitions}
    steps = find_steps(())
    while new := {s.asset for s in steps if assets & set(s.deps)} - assets:
        assets |= new
    pooled = {step.asset for step in steps if not step.is_partitioned}
    return frozenset(found | {Place(asset) for asset in assets & pooled})


@contextmanager
def _alone(workspace: Workspace, wait_s: float) -> Iterator[None]:
    """One erasure at a time."""
    try:
        with lease(workspace.state, "custody", None, wait_s=wait_s):
            yield
    except LeaseError as error:
        raise _busy("another erasure", error) from error


@contextmanager
def _leases(workspace: Workspace, journal: Journal, wait_s: float) -> Iterator[frozenset[Place]]:
    """Nothing is built where the subject can be, neither now nor while it is taken out.

    Yields these places.
    """
    concerned = _concerned(workspace, journal)
    with ExitStack() as held:
        for place in sorted(concerned, key=str):
            try:
                held.enter_context(
                    lease(workspace.state, place.asset, place.partition, wait_s=wait_s)
                )
            except LeaseError as error:
                raise _busy(place, error) from error
        yield concerned


def _busy(what: object, error: LeaseError) -> BusyError:
    return BusyError(
        f"erasure: {what}",
        expected="not to be at work",
        found=error.found,
        remedy="Wait for it or end it, then call again; `--wait SECONDS` waits longer. What was "
        "begun is finished by the next call.",
    )


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def running(workspace: Workspace) -> Mapping[str, int]:
    """Interrupted erasures: id to the number of actions that are left."""
    found = unfinished(workspace.store)
    return {j.erasure_id: len(j.actions) - len(j.done) for j in found}
