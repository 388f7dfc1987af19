"""HITs: what is there, what has to be made, making it, taking it down.

Belongs here: one HIT per face, so that the service lets no worker answer a face twice. Does not
belong here: what workers hand in (`assignments.py`).

Nothing is remembered on this side: a HIT carries its challenge and task in the requester's
annotation, so that the same command goes on after a crash, also from another machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import polars as pl

from fer_assets.compute.progress import track
from fer_assets.labels.mturk.client import has_code, service_errors
from fer_assets.labels.mturk.settings import MTurkSettings, may_grow

_ALREADY: Final = ("HITAlreadyExists", "DuplicateRequest")
_NOT_DONE: Final = "InvalidHITState"
_PAST: Final = datetime(2015, 1, 1, tzinfo=UTC)
"""An expiry in the past takes a HIT from the list at once."""


@dataclass(frozen=True)
class Hit:
    """One HIT of ours.

    Attributes:
        hit_id: the service's name.
        task_id: our task.
        status: ``Assignable``, ``Unassignable``, ``Reviewable``, ``Reviewing`` or ``Disposed``.
        most: answers asked for in all.
        n_open: assignments that may still be, or are, worked on.
        n_done: assignments that were approved or rejected.
    """

    hit_id: str
    task_id: str
    status: str
    most: int
    n_open: int
    n_done: int

    @property
    def n_unreviewed(self) -> int:
        """Assignments that were handed in and neither approved nor rejected yet."""
        return max(self.most - self.n_open - self.n_done, 0)


@dataclass(frozen=True)
class HitPlan:
    """What a run would put up.

    Attributes:
        new: task to answers asked for, for tasks without a HIT.
        more: (HIT, further answers) for HITs that ran out of assignments too early.
        renewed: HITs that ran out of time before they ran out of assignments.
        too_small: HITs that the service does not let grow to the number needed.
    """

    new: Mapping[str, int]
    more: Sequence[tuple[Hit, int]] = ()
    renewed: Sequence[Hit] = ()
    too_small: int = 0


def annotation(key: str, task_id: str) -> str:
    """What a HIT carries so that it is found again."""
    return f"fer-assets/{key}/{task_id}"


def list_hits(client: Any, key: str) -> dict[str, Hit]:
    """Task to HIT of one challenge, as the service has them."""
    found: dict[str, Hit] = {}
    for page in _pages(client, "list_hits"):
        for hit in page["HITs"]:
            prefix, _, task = hit.get("RequesterAnnotation", "").rpartition("/")
            if prefix != annotation(key, "").rstrip("/") or hit["HITStatus"] == "Disposed":
                continue
            found[task] = Hit(
                hit["HITId"], task, hit["HITStatus"], hit["MaxAssignments"],
                hit["NumberOfAssignmentsPending"] + hit["NumberOfAssignmentsAvailable"],
                hit["NumberOfAssignmentsCompleted"],
            )  # fmt: skip
    return found


def plan_hits(tasks: pl.DataFrame, doubt: pl.DataFrame, hits: Mapping[str, Hit]) -> HitPlan:
    """What is missing: HITs for faces that have none, and one more answer where it is worth it.

    Args:
        tasks: LABELLING_TASKS.
        doubt: from `labels.uncertainty.uncertainty`: task_id, n_answers, missing, is_uncertain.
        hits: from `list_hits`.
    """
    new: dict[str, int] = {}
    more: list[tuple[Hit, int]] = []
    renewed: list[Hit] = []
    too_small = 0
    columns = ["task_id", "missing", "is_uncertain"]
    for task, missing, is_uncertain in (
        tasks.select("task_id")
        .join(doubt, on="task_id")
        .sort("task_id")
        .select(columns)
        .iter_rows()
    ):
        needed = missing or int(is_uncertain)
        hit = hits.get(task)
        if not needed:
            continue
        if hit is None:
            new[task] = needed
        elif hit.n_open and hit.status == "Reviewable":
            renewed.append(hit)
        elif hit.n_open == 0 and hit.n_unreviewed == 0:
            if may_grow(hit.most, hit.most + needed):
                more.append((hit, needed))
            else:
                too_small += 1
    return HitPlan(new, more, renewed, too_small)


def create_hit_type(client: Any, settings: MTurkSettings, blocked_qualification: str | None) -> str:
    """The HIT type of these settings; the service returns the same one for the same settings."""
    requirements = []
    if blocked_qualification:
        requirements.append(
            {
                "QualificationTypeId": blocked_qualification,
                "Comparator": "DoesNotExist",
                "ActionsGuarded": "DiscoverPreviewAndAccept",
            }
        )
    with service_errors():
        made = client.create_hit_type(
            AutoApprovalDelayInSeconds=settings.approval_s,
            AssignmentDurationInSeconds=settings.assignment_s,
            Reward=settings.reward_usd,
            Title=settings.title,
            Keywords=settings.keywords,
            Description=settings.description,
            QualificationRequirements=requirements,
        )
    return str(made["HITTypeId"])


def create_hits(
    client: Any,
    key: str,
    plan: HitPlan,
    questions: Iterable[tuple[str, str]],
    hit_type: str,
    settings: MTurkSettings,
) -> int:
    """Put up what the plan says; a HIT that a broken-off run made already is not made twice.

    Args:
        questions: (task, HTMLQuestion) of the plan's new tasks.

    Returns:
        HITs made, extended or put up again now.
    """
    n_made = 0
    for task, question in track(questions, len(plan.new), "HITs"):
        most = plan.new[task]
        request = {
            "HITTypeId": hit_type,
            "MaxAssignments": most,
            "LifetimeInSeconds": settings.lifetime_s,
            "Question": question,
            "RequesterAnnotation": annotation(key, task),
            "UniqueRequestToken": _token(key, task, str(most)),
        }
        n_made += _once(client, "create_hit_with_hit_type", request)
    for hit, further in plan.more:
        request = {
            "HITId": hit.hit_id,
            "NumberOfAdditionalAssignments": further,
            "UniqueRequestToken": _token(key, hit.hit_id, str(hit.most + further)),
        }
        n_made += _once(client, "create_additional_assignments_for_hit", request)
    if plan.more or plan.renewed:
        ends = datetime.now(UTC) + timedelta(seconds=settings.lifetime_s)
        for hit in (*(hit for hit, _ in plan.more), *plan.renewed):
            with service_errors():
                client.update_expiration_for_hit(HITId=hit.hit_id, ExpireAt=ends)
    return n_made + len(plan.renewed)


def delete_hits(client: Any, hits: Iterable[Hit]) -> tuple[int, int]:
    """Take HITs from the list, and delete those whose work is all approved.

    Returns:
        (deleted, kept): kept ones have work that is being done or waits for approval.
    """
    from botocore.exceptions import ClientError

    deleted = kept = 0
    for hit in hits:
        with service_errors():
            client.update_expiration_for_hit(HITId=hit.hit_id, ExpireAt=_PAST)
            try:
                client.delete_hit(HITId=hit.hit_id)
            except ClientError as error:
                if not has_code(error, _NOT_DONE):
                    raise
                kept += 1
                continue
        deleted += 1
    return deleted, kept


def _once(client: Any, call: str, request: Mapping[str, Any]) -> int:
    from botocore.exceptions import ClientError

    with service_errors():
        try:
            getattr(client, call)(**request)
        except ClientError as error:
            if not has_code(error, *_ALREADY):
                raise
            return 0
    return 1


def _pages(client: Any, call: str, **request: Any) -> Iterator[Any]:
    with service_errors():
        yield from client.get_paginator(call).paginate(**request)


def _token(*parts: str) -> str:
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:64]
