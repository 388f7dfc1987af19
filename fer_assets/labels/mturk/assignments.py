"""Assignments: what workers handed in, and paying for it.

Belongs here: reading answers out of the service's XML, and approving. Does not belong here:
rejecting, which no code here does, and checking answers (`labels/exchange/submissions.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final
from xml.etree import ElementTree

from fer_assets.compute.progress import track
from fer_assets.labels.answers import FLAG, SKIP
from fer_assets.labels.exchange.submissions import Refused, Submission, read_seconds
from fer_assets.labels.mturk.client import has_code, service_errors
from fer_assets.labels.mturk.hits import Hit

_STATES: Final = ("Submitted", "Approved")
_WRONG_STATE: Final = "InvalidAssignmentState"
_MOST_CHARS: Final = 1 << 20


def list_assignments(
    client: Any, hits: Iterable[Hit], states: tuple[str, ...] = _STATES
) -> Iterator[tuple[Hit, dict[str, Any]]]:
    """(HIT, assignment as the service describes it) of all that was handed in."""
    for hit in hits:
        with service_errors():
            pages = client.get_paginator("list_assignments_for_hit").paginate(
                HITId=hit.hit_id, AssignmentStatuses=list(states)
            )
            for page in pages:
                for assignment in page["Assignments"]:
                    yield hit, assignment


def fetch_submissions(client: Any, hits: list[Hit]) -> tuple[list[Submission], list[Refused]]:
    """What was handed in, in the order it came; what can't be read is refused with a reason."""
    found: list[tuple[str, Submission]] = []
    refused: list[Refused] = []
    for hit, assignment in list_assignments(client, track(hits, len(hits), "HITs")):
        place, task = f"assignment {assignment['AssignmentId']}", hit.task_id
        said = read_answer_xml(assignment.get("Answer", ""))
        if said is None:
            refused.append(Refused(place, task, "the answer can't be read"))
            continue
        accepted, handed_in = assignment.get("AcceptTime"), assignment.get("SubmitTime")
        seconds = (handed_in - accepted).total_seconds() if accepted and handed_in else None
        submission = Submission(
            place, task, str(assignment["WorkerId"]),
            duration_s=read_seconds(seconds), skip=said.pop(SKIP, None), flag=said.pop(FLAG, None),
            comment=said.pop("comment", None), answers=said,
        )  # fmt: skip
        found.append((f"{handed_in}/{assignment['AssignmentId']}", submission))
    return [submission for _, submission in sorted(found, key=lambda pair: pair[0])], refused


def read_answer_xml(text: str) -> dict[str, str] | None:
    """Field to value of a ``QuestionFormAnswers`` document, empty fields left out.

    Returns:
        None where it is no such document, or declares entities of its own.
    """
    if len(text) > _MOST_CHARS or "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return None
    said: dict[str, str] = {}
    for answer in root.iter():
        if answer.tag.rpartition("}")[2] != "Answer":
            continue
        fields = {part.tag.rpartition("}")[2]: (part.text or "").strip() for part in answer}
        name, value = fields.get("QuestionIdentifier", ""), fields.get("FreeText", "")
        if name and value and name != "assignmentId":
            said[name] = value
    return said


def approve(client: Any, hits: list[Hit]) -> int:
    """Approve all that was handed in and waits, whatever was answered; returns how many.

    Work is paid for; that answers do not count is no reason not to.
    """
    from botocore.exceptions import ClientError

    waiting = [a for _, a in list_assignments(client, hits, ("Submitted",))]
    n_approved = 0
    for assignment in track(waiting, len(waiting), "approving"):
        with service_errors():
            try:
                client.approve_assignment(AssignmentId=assignment["AssignmentId"])
            except ClientError as error:
                if not has_code(error, _WRONG_STATE):  # approved meanwhile
                    raise
                continue
        n_approved += 1
    return n_approved
