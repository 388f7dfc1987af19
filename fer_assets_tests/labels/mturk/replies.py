"""Replies in the form of the service's interface."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def hit(
    task: str,
    *,
    key: str = "faces",
    status: str = "Assignable",
    most: int = 3,
    pending: int = 0,
    available: int = 3,
    completed: int = 0,
) -> dict[str, Any]:
    return {
        "HITId": f"HIT-{task}",
        "RequesterAnnotation": f"fer-assets/{key}/{task}",
        "HITStatus": status,
        "MaxAssignments": most,
        "NumberOfAssignmentsPending": pending,
        "NumberOfAssignmentsAvailable": available,
        "NumberOfAssignmentsCompleted": completed,
    }


def answer_xml(**fields: str) -> str:
    said = "".join(
        f"<Answer><QuestionIdentifier>{escape(name)}</QuestionIdentifier>"
        f"<FreeText>{escape(value)}</FreeText></Answer>"
        for name, value in fields.items()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><QuestionFormAnswers xmlns="http://mechanicalturk.'
        'amazonaws.com/AWSMechanicalTurkDataSchemas/2005-10-01/QuestionFormAnswers.xsd">'
        f"{said}</QuestionFormAnswers>"
    )


def assignment(name: str, worker: str, answer: str, seconds: float = 20.0) -> dict[str, Any]:
    return {
        "AssignmentId": name,
        "WorkerId": worker,
        "AssignmentStatus": "Submitted",
        "AcceptTime": START,
        "SubmitTime": START + timedelta(seconds=seconds),
        "Answer": answer,
    }
