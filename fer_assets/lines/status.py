"""The state of a line: what is up to date, what is stale and why, what waits for people.

Belongs here: asking every step's plan, in the order data flows. Does not belong here: runs that
failed (Dagster knows), printing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from fer_assets.lines.step import Step, plan_step
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.manifests import Manifest, read_manifest
from fer_assets.storage.planning import SUMMARY, Plan, video_of
from fer_assets.storage.reader import NotMaterializedError

State = Literal["up to date", "stale", "never built", "waiting"]

FOLLOWS = "an input will change"


@dataclass(frozen=True)
class StepState:
    """What running a step would do, if everything before it ran first.

    Attributes:
        asset: the asset.
        partition: partition key; None over all challenges.
        state: where it stands.
        due: unit (a video's id, a training run, or the whole) to the reason; what brings the units
            together is named only where it is all that is due.
        kept: units that would be reused.
        removed: units that would go.
        quarantined: unit to the reason why it can't be used.
        waits_for: what people have to do first.
    """

    asset: str
    partition: str | None
    state: State
    due: Mapping[str, str] = field(default_factory=dict)
    kept: int = 0
    removed: tuple[str, ...] = ()
    quarantined: Mapping[str, str] = field(default_factory=dict)
    waits_for: str | None = None


def step_states(
    workspace: Workspace, steps: Sequence[Step], partition: str | None
) -> list[StepState]:
    """States of steps of one partition, in the order data flows.

    A step after a stale one is planned as far as it can be known now: videos that are due before
    it are due in it, too.

    Raises:
        FerError: the challenge, its folder or its settings can't be used.
    """
    states: dict[str, StepState] = {}
    for step in steps:
        before = [states[dep] for dep in step.deps if dep in states]
        states[step.asset] = _state(workspace, step, partition, before)
    return list(states.values())


def _state(
    workspace: Workspace, step: Step, partition: str | None, before: Sequence[StepState]
) -> StepState:
    manifest = read_manifest(workspace.store, Place(step.asset, partition))
    try:
        waits_for = step.waiting(workspace, partition)
        if waits_for:
            return StepState(step.asset, partition, "waiting", waits_for=waits_for)
        planned = plan_step(step, workspace, partition)
    except NotMaterializedError:
        due = _following(before, manifest)
        state: State = "stale" if manifest else "never built"
        return StepState(step.asset, partition, state, due=due)
    due = {**_following(before, manifest), **planned.due}
    if len(due) > 1 or planned.removed:
        due.pop(SUMMARY, None)
    return StepState(
        asset=step.asset,
        partition=partition,
        state=_name(manifest, planned, due),
        due=due,
        kept=len(set(planned.kept) - set(due) - {SUMMARY}),
        removed=planned.removed,
        quarantined=_quarantined(manifest),
    )


def _following(before: Sequence[StepState], manifest: Manifest | None) -> dict[str, str]:
    """Units that are due because something before them is."""
    units = set(manifest.units) if manifest else set()
    changed = {key for state in before for key in state.due if key != SUMMARY}
    is_by_video = any(video_of(key) for key in units) or not units
    if not is_by_video or any(video_of(key) is None for key in changed):
        # A whole changed, or a run; or runs follow, which learn from all videos.
        is_due = bool(changed) or any(state.removed for state in before)
        return dict.fromkeys(sorted(units), FOLLOWS) if is_due else {}
    videos = {video_of(key) for key in changed}
    known = {video_of(key) for key in units}
    due = {key for key in units if video_of(key) in videos}
    return dict.fromkeys(sorted(due | {video for video in videos - known if video}), FOLLOWS)


def _name(manifest: Manifest | None, planned: Plan, due: Mapping[str, str]) -> State:
    if manifest is None:
        return "never built"
    return "up to date" if planned.is_current and not due and not planned.removed else "stale"


def _quarantined(manifest: Manifest | None) -> dict[str, str]:
    if manifest is None:
        return {}
    units = manifest.units.items()
    return {key: unit.reason or "" for key, unit in units if unit.status == "quarantined"}
