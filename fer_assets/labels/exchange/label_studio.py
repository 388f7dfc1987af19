"""Label Studio: tasks, annotations and the labelling configuration.

Belongs here: those three files. Does not belong here: running it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, Final
from xml.etree import ElementTree as Xml

import polars as pl

from fer_assets.labels.answers import FLAG, SKIP
from fer_assets.labels.exchange.mturk_files import picture_url
from fer_assets.labels.exchange.submissions import (
    ExchangeError,
    Refused,
    Submission,
    read_seconds,
)
from fer_assets.labels.questionnaire import Questionnaire
from fer_assets.labels.questions import Question, Reason

_IMAGE: Final = "image"
_COMMENT: Final = "comment"


def write_config(questionnaire: Questionnaire) -> bytes:
    """The labelling configuration: the questionnaire's questions with their branching."""
    view = Xml.Element("View")
    Xml.SubElement(view, "Header", value=questionnaire.title)
    Xml.SubElement(view, "Image", name=_IMAGE, value=f"${_IMAGE}")
    for question in questionnaire.questions:
        _add_question(view, question)
    for name, reasons in ((SKIP, questionnaire.skip_reasons), (FLAG, questionnaire.flag_reasons)):
        _add_reasons(view, name, reasons)
    Xml.SubElement(view, "TextArea", name=_COMMENT, toName=_IMAGE, maxSubmissions="1")
    Xml.indent(view)
    config: bytes = Xml.tostring(view, encoding="utf-8")
    return config + b"\n"


def write_tasks(tasks: pl.DataFrame, image_url: str) -> bytes:
    """Tasks to import into a project; what is gold is not told.

    Args:
        tasks: LABELLING_TASKS.
        image_url: what comes before ``TASK_ID.jpg``.
    """
    names = tasks["task_id"].sort().to_list()
    data = [{"data": {"task_id": n, _IMAGE: picture_url(image_url, n)}} for n in names]
    return _one_per_line(data)


def write_annotations(submissions: Sequence[Submission], questionnaire: Questionnaire) -> bytes:
    """Answers as a project's JSON export, annotations grouped by task."""
    del questionnaire
    by_task: dict[str, list[dict[str, Any]]] = {}
    for found in submissions:
        chosen = {**found.answers, SKIP: found.skip, FLAG: found.flag}
        result = [
            {"from_name": name, "to_name": _IMAGE, "type": "choices", "value": {"choices": [value]}}
            for name, value in chosen.items()
            if value is not None
        ]
        if found.comment:
            text = {"text": [found.comment]}
            result.append(
                {"from_name": _COMMENT, "to_name": _IMAGE, "type": "textarea", "value": text}
            )
        by_task.setdefault(found.task_id, []).append(
            {
                "completed_by": {"email": found.worker},
                "was_cancelled": found.skip is not None,
                "lead_time": found.duration_s,
                "is_simulated": found.is_simulated,
                "result": result,
            }
        )
    data = [{"data": {"task_id": t}, "annotations": a} for t, a in sorted(by_task.items())]
    return _one_per_line(data)


def read_annotations(
    data: bytes, questionnaire: Questionnaire
) -> tuple[list[Submission], list[Refused]]:
    """Submissions of a project's JSON export.

    A cancelled annotation without a reason counts as skipped for the first reason there is.

    Raises:
        ExchangeError: no JSON array of tasks.
    """
    found: list[Submission] = []
    refused: list[Refused] = []
    for place, task, annotation in _annotations(data):
        if not isinstance(annotation, dict) or not isinstance(annotation.get("result"), list):
            refused.append(Refused(place, task, "no annotation with a result"))
            continue
        said = _said(annotation["result"])
        if said is None:
            refused.append(Refused(place, task, "a result that is no single choice or text"))
            continue
        skip, reasons = said.pop(SKIP, None), questionnaire.skip_reasons
        if annotation.get("was_cancelled") is True and skip is None and reasons:
            skip, said = reasons[0].id, {k: v for k, v in said.items() if k in (FLAG, _COMMENT)}
        found.append(
            Submission(
                place, task, _worker(annotation.get("completed_by")), skip=skip,
                flag=said.pop(FLAG, None), comment=said.pop(_COMMENT, None), answers=said,
                duration_s=read_seconds(annotation.get("lead_time")),
                is_simulated=annotation.get("is_simulated") is True,
            )
        )  # fmt: skip
    return found, refused


def _one_per_line(tasks: Sequence[object]) -> bytes:
    """A JSON array with a task a line; the encoder's own indenting is ten times slower."""
    return ("[\n" + ",\n".join(json.dumps(task) for task in tasks) + "\n]\n").encode()


def _annotations(data: bytes) -> Iterator[tuple[str, str, object]]:
    try:
        tasks = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ExchangeError("the file", expected="JSON", found=str(error)[:200]) from error
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise ExchangeError("the file", expected="a JSON array of tasks", found=str(data[:40]))
    for i, task in enumerate(tasks):
        fields = task.get("data")
        name = fields.get("task_id") if isinstance(fields, dict) else None
        annotations = task.get("annotations")
        if not isinstance(name, str) or not isinstance(annotations, list):
            yield f"task {i + 1}", str(name or ""), None
            continue
        for j, annotation in enumerate(annotations):
            yield f"task {i + 1}, annotation {j + 1}", name, annotation


def _said(results: list[object]) -> dict[str, str] | None:
    """Field to its one value; None where one has another form."""
    said: dict[str, str] = {}
    for result in results:
        if not isinstance(result, dict) or not isinstance(result.get("value"), dict):
            return None
        name, value = result.get("from_name"), result["value"]
        chosen = value.get("text" if name == _COMMENT else "choices")
        if isinstance(chosen, str):
            chosen = [chosen]
        is_one = isinstance(chosen, list) and len(chosen) == 1 and isinstance(chosen[0], str)
        if not isinstance(name, str) or not is_one or name in said:
            return None
        said[name] = chosen[0]
    return said


def _worker(who: object) -> str:
    if isinstance(who, dict):
        who = who.get("email") or who.get("id")
    return "" if who is None or isinstance(who, bool | float | list | dict) else str(who)


def _add_question(view: Xml.Element, question: Question) -> None:
    parent = view
    if question.asked_if is not None:
        other, value = question.asked_if
        parent = Xml.SubElement(
            view, "View", visibleWhen="choice-selected", whenTagName=other, whenChoiceValue=value
        )
    Xml.SubElement(parent, "Header", value=question.text, size="4")
    choices = Xml.SubElement(
        parent, "Choices", name=question.id, toName=_IMAGE, choice="single-radio",
        required=str(question.is_required).lower(),
    )  # fmt: skip
    for answer in question.answers:
        # `value` is what comes back, `html` what is read
        choice = Xml.SubElement(choices, "Choice", value=answer.id, html=escape(answer.text))
        if answer.example:
            choice.set("hint", answer.example)


def _add_reasons(view: Xml.Element, name: str, reasons: Sequence[Reason]) -> None:
    choices = Xml.SubElement(view, "Choices", name=name, toName=_IMAGE, choice="single-radio")
    for reason in reasons:
        Xml.SubElement(choices, "Choice", value=reason.id, html=escape(reason.text))
