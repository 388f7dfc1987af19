"""The pieces of a questionnaire, and reading them from the tables of a TOML file.

Belongs here: one question, answer or reason, with its wording. Does not belong here: how questions
follow one another (`questionnaire.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fer_assets.errors import FerError

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_REMEDY = "Correct the field; the questionnaire that comes with the package shows the form."


class QuestionnaireError(FerError):
    """A questionnaire that can't be used."""


@dataclass(frozen=True)
class Answer:
    """One possible answer.

    Attributes:
        id: its name in tables.
        text: what a worker reads.
        example: what to look for in the face; "" where the text says enough.
        colour: ``#RRGGBB`` of a swatch shown with the answer; "" for none.
    """

    id: str
    text: str
    example: str = ""
    colour: str = ""


@dataclass(frozen=True)
class Reason:
    """Why a worker passes a face over or reports it: id in tables, and what the worker reads."""

    id: str
    text: str


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        id: name in tables.
        text: what a worker reads.
        answers: possible answers, in the order shown.
        asked_if: (question id, answer id) that leads here; None for the first question.
        is_required: must be answered whenever it is asked.
        is_ordered: the answers lie on a scale.
        help: how to answer, shown on demand.
        source: where the wording or the colours come from; not shown to workers.
    """

    id: str
    text: str
    answers: tuple[Answer, ...]
    asked_if: tuple[str, str] | None = None
    is_required: bool = False
    is_ordered: bool = False
    help: str = ""
    source: str = ""

    @property
    def answer_ids(self) -> tuple[str, ...]:
        """Ids of the possible answers, in order."""
        return tuple(answer.id for answer in self.answers)


def read_question(entry: object, field: str) -> Question:
    """A question from its TOML table; `field` names the table in errors.

    Raises:
        QuestionnaireError: a field is missing, unknown, or of the wrong type.
    """
    known = {
        "id", "text", "answers", "asked_if", "is_required", "is_ordered", "help", "source",
    }  # fmt: skip
    table = _table(entry, field, known)
    answers = read_list(table, "answers", field)
    return Question(
        id=read_id(table, field),
        text=read_text(table, "text", field),
        answers=tuple(_read_answer(a, f"{field}.answers[{i}]") for i, a in enumerate(answers)),
        asked_if=_read_condition(table.get("asked_if"), f"{field}.asked_if"),
        is_required=_read_flag(table, "is_required", field),
        is_ordered=_read_flag(table, "is_ordered", field),
        help=read_text(table, "help", field, default=""),
        source=read_text(table, "source", field, default=""),
    )


def read_reasons(entries: Sequence[object], field: str) -> tuple[Reason, ...]:
    """Reasons from their TOML tables.

    Raises:
        QuestionnaireError: a field is missing, unknown, of the wrong type, or an id comes twice.
    """
    found = []
    for i, entry in enumerate(entries):
        table = _table(entry, f"{field}[{i}]", {"id", "text"})
        where = f"{field}[{i}]"
        found.append(Reason(read_id(table, where), read_text(table, "text", where)))
    ids = [reason.id for reason in found]
    if len(set(ids)) != len(ids):
        raise QuestionnaireError(
            field, expected="a different id for each", found=", ".join(ids), remedy=_REMEDY
        )
    return tuple(found)


def read_id(table: Mapping[str, Any], field: str) -> str:
    """The field ``id``: letters, digits, - and _."""
    found = read_text(table, "id", field)
    if not _ID.fullmatch(found):
        raise QuestionnaireError(
            f"{field}.id", expected="letters, digits, - and _", found=repr(found), remedy=_REMEDY
        )
    return found


def read_text(
    table: Mapping[str, Any], name: str, field: str, *, default: str | None = None
) -> str:
    """A text that is not empty, stripped; `default` where it is left out."""
    where = f"{field}.{name}" if field else name
    value = table.get(name, default)
    if value is None:
        raise QuestionnaireError(where, expected=f"the field {name}", found="none", remedy=_REMEDY)
    if not isinstance(value, str) or (value.strip() == "" and value != default):
        raise QuestionnaireError(where, expected="text", found=repr(value), remedy=_REMEDY)
    return value.strip()


def read_list(
    table: Mapping[str, Any], name: str, field: str, *, is_optional: bool = False
) -> list[Any]:
    """A list with something in it; [] where it is left out and may be."""
    where = f"{field}.{name}" if field else name
    value = table.get(name)
    if value is None and is_optional:
        return []
    if not isinstance(value, list) or not value:
        expected = f"the field {name}, a list that is not empty"
        found = "none" if value is None else repr(value)
        raise QuestionnaireError(where, expected=expected, found=found, remedy=_REMEDY)
    return value


def is_id(text: str) -> bool:
    """Whether a text can be the id of an answer."""
    return _ID.fullmatch(text) is not None


def refuse_unknown(table: Mapping[str, Any], known: set[str], field: str) -> None:
    """Raise a QuestionnaireError that names the first key that is none of `known`."""
    if unknown := sorted(set(table) - known):
        raise QuestionnaireError(
            field,
            expected=f"only the fields {', '.join(sorted(known))}",
            found=unknown[0],
            remedy=f"Remove or correct {unknown[0]}.",
        )


def _read_answer(entry: object, field: str) -> Answer:
    table = _table(entry, field, {"id", "text", "example", "colour"})
    colour = read_text(table, "colour", field, default="")
    if colour and not _COLOUR.fullmatch(colour):
        raise QuestionnaireError(
            f"{field}.colour", expected="#RRGGBB", found=repr(colour), remedy=_REMEDY
        )
    return Answer(
        read_id(table, field),
        read_text(table, "text", field),
        read_text(table, "example", field, default=""),
        colour.upper(),
    )


def _read_condition(entry: object, field: str) -> tuple[str, str] | None:
    if entry is None:
        return None
    table = _table(entry, field, {"question", "answer"})
    return read_text(table, "question", field), read_text(table, "answer", field)


def _read_flag(table: Mapping[str, Any], name: str, field: str) -> bool:
    value = table.get(name, False)
    if not isinstance(value, bool):
        raise QuestionnaireError(
            f"{field}.{name}", expected="true or false", found=repr(value), remedy=_REMEDY
        )
    return value


def _table(entry: object, field: str, known: set[str]) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise QuestionnaireError(field, expected="a table", found=repr(entry), remedy=_REMEDY)
    refuse_unknown(entry, known, field)
    return entry
