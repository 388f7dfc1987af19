"""The JSON Schema of what one worker sends in about one face.

Belongs here: writing the questionnaire's rules as a schema (draft 2020-12), for whoever collects
answers elsewhere. Does not belong here: applying the rules (`questionnaire.check_answers`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fer_assets.labels.answer_files import LONGEST_S, MAX_COMMENT_CHARS
from fer_assets.labels.questionnaire import Question, Questionnaire
from fer_assets.labels.questions import Reason

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def answers_schema(questionnaire: Questionnaire) -> dict[str, Any]:
    """Schema of the object question id -> answer id; it accepts what `check_answers` accepts."""
    questions = questionnaire.questions
    return {
        "type": "object",
        "properties": {
            q.id: {"description": q.text, "enum": list(q.answer_ids)} for q in questions
        },
        "required": [q.id for q in questions if q.asked_if is None and q.is_required],
        "additionalProperties": False,
        "allOf": [_branch(q, q.asked_if) for q in questions if q.asked_if is not None],
    }


def submission_schema(questionnaire: Questionnaire) -> dict[str, Any]:
    """Schema of one submission: a task and its answers, or why it was skipped, or a flag."""
    return {
        "$schema": _DRAFT,
        "$id": f"urn:fer-assets:questionnaire:{questionnaire.digest}",
        "title": questionnaire.title,
        "type": "object",
        "properties": {
            "task_id": {"type": "string", "minLength": 1, "maxLength": 64},
            "worker": {"type": "string", "minLength": 1},
            "duration_s": {"type": "number", "minimum": 0, "maximum": LONGEST_S},
            "answers": answers_schema(questionnaire),
            "skip": _remark(questionnaire.skip_reasons),
            "flag": _remark(questionnaire.flag_reasons),
        },
        "required": ["task_id", "worker"],
        "additionalProperties": False,
        "anyOf": [{"required": [name]} for name in ("answers", "skip", "flag")],
        "not": {"required": ["answers", "skip"]},
    }


def _branch(question: Question, condition: tuple[str, str]) -> dict[str, Any]:
    other, answer = condition
    asked = {"required": [question.id]} if question.is_required else True
    return {
        "if": {"properties": {other: {"const": answer}}, "required": [other]},
        "then": asked,
        "else": {"properties": {question.id: False}},
    }


def _remark(reasons: Sequence[Reason]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "reason": {"enum": [reason.id for reason in reasons]},
            "comment": {"type": "string", "maxLength": MAX_COMMENT_CHARS},
        },
        "required": ["reason"],
        "additionalProperties": False,
    }
