"""What a worker is asked about one face, and which sets of answers make sense.

Belongs here: the questionnaire as frozen data, loading it, and checking one worker's answers
against its branching. Does not belong here: reading files of answers (`answers.py`).
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from fer_assets.errors import FerError

IS_FACE = "is_face"
EKMAN = "ekman"
BEYOND_EKMAN = "beyond_ekman"
DEMOGRAPHICS = ("skin_tone", "age_group", "gender")
QUESTIONS = (IS_FACE, *DEMOGRAPHICS, EKMAN, BEYOND_EKMAN)
"""The questions every questionnaire has, in this order."""

YES, NO, NONE, OTHER = "yes", "no", "none", "other"
NO_EXPRESSION = (NONE, OTHER)
"""Votes that name no expression of the challenge: a face at rest, and something else."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class QuestionnaireError(FerError):
    """A questionnaire that can't be used."""


@dataclass(frozen=True)
class Answer:
    """One possible answer: its id in tables and the text a worker sees."""

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
    """

    id: str
    text: str
    answers: tuple[Answer, ...]
    asked_if: tuple[str, str] | None = None
    is_required: bool = False
    is_ordered: bool = False

    @property
    def answer_ids(self) -> tuple[str, ...]:
        """Ids of the possible answers, in order."""
        return tuple(answer.id for answer in self.answers)


@dataclass(frozen=True)
class Questionnaire:
    """All questions in the order they are asked.

    Attributes:
        version: raised when a wording changes what is asked.
        title: heading of the labelling page.
        questions: the six questions of `QUESTIONS`.
    """

    version: int
    title: str
    questions: tuple[Question, ...]

    def __post_init__(self) -> None:
        _check(self)

    @cached_property
    def digest(self) -> str:
        """16 hex digits over version, ids, order and branching; wording is covered by version."""
        meaning = [
            [q.id, q.answer_ids, q.asked_if, q.is_required, q.is_ordered] for q in self.questions
        ]
        text = json.dumps([self.version, meaning], separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def expressions(self) -> tuple[str, ...]:
        """Every expression of the challenge: Ekman ones, then the others."""
        ids = (*self.question(EKMAN).answer_ids, *self.question(BEYOND_EKMAN).answer_ids)
        return tuple(name for name in ids if name not in NO_EXPRESSION)

    @property
    def votes(self) -> tuple[str, ...]:
        """Every value of an expression vote, sorted: the expressions, ``none`` and ``other``."""
        return tuple(sorted({*self.expressions, *self.question(BEYOND_EKMAN).answer_ids}))

    def question(self, question_id: str) -> Question:
        """The question called `question_id`; KeyError if there is none."""
        for question in self.questions:
            if question.id == question_id:
                return question
        raise KeyError(question_id)

    def with_expressions(
        self, ekman: Sequence[str] | None = None, beyond: Sequence[str] | None = None
    ) -> Questionnaire:
        """The same questionnaire for a challenge with other expressions.

        Args:
            ekman: ids for the first list; None keeps the present ones. ``none`` is added.
            beyond: ids for the second list; None keeps the present ones. ``none`` and ``other``
                are added.

        Raises:
            QuestionnaireError: an expression in both lists, twice in one, or with a bad id.
        """
        new = {}
        if ekman is not None:
            new[EKMAN] = (*ekman, NONE)
        if beyond is not None:
            new[BEYOND_EKMAN] = (*beyond, NONE, OTHER)
        questions = tuple(
            replace(q, answers=_answers(q, new[q.id])) if q.id in new else q for q in self.questions
        )
        return replace(self, questions=questions)


def load_questionnaire(path: Path | None = None) -> Questionnaire:
    """Read a questionnaire from a TOML file; the paper's if no path is given.

    Raises:
        QuestionnaireError: a file that is not TOML, or a field that is missing or wrong.
    """
    source = path if path is not None else Path(__file__).with_name("questionnaire.toml")
    try:
        data = tomllib.loads(source.read_text(encoding="utf-8"))
        questions = tuple(_question(entry) for entry in data["questions"])
        return Questionnaire(int(data["version"]), str(data["title"]), questions)
    except OSError as error:
        raise QuestionnaireError(
            str(source), expected="a TOML file", found=str(error.strerror)
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise QuestionnaireError(str(source), expected="TOML in UTF-8", found=str(error)) from error
    except KeyError as error:
        raise QuestionnaireError(
            str(source), expected=f"the field {error.args[0]}", found="none"
        ) from error
    except (TypeError, ValueError) as error:
        raise QuestionnaireError(
            str(source), expected="fields as in the questionnaire that comes with the package",
            found=str(error),
        ) from error  # fmt: skip


def check_answers(questionnaire: Questionnaire, answers: Mapping[str, str]) -> str | None:
    """Why one worker's answers to one face make no sense, or None if they do.

    Args:
        answers: question id to answer id.
    """
    known = {question.id for question in questionnaire.questions}
    if any(question not in known for question in answers):
        return "unknown question"
    for question in questionnaire.questions:
        answer = answers.get(question.id)
        if answer is not None and answer not in question.answer_ids:
            return f"unknown answer to {question.id}"
    for question in questionnaire.questions:
        is_asked = question.asked_if is None or (
            answers.get(question.asked_if[0]) == question.asked_if[1]
        )
        if question.id in answers and not is_asked:
            condition, _ = question.asked_if or ("", "")
            found = answers.get(condition, "unanswered")
            return f"{question.id} answered although {condition} is {found}"
        if is_asked and question.is_required and question.id not in answers:
            return f"{question.id} not answered"
    return None


def _question(entry: Mapping[str, Any]) -> Question:
    condition = entry.get("asked_if")
    return Question(
        id=str(entry["id"]),
        text=str(entry["text"]),
        answers=tuple(Answer(str(a["id"]), str(a["text"])) for a in entry["answers"]),
        asked_if=(str(condition["question"]), str(condition["answer"])) if condition else None,
        is_required=bool(entry.get("is_required", False)),
        is_ordered=bool(entry.get("is_ordered", False)),
    )


def _answers(question: Question, ids: Sequence[str]) -> tuple[Answer, ...]:
    texts = {answer.id: answer.text for answer in question.answers}
    return tuple(Answer(i, texts.get(i, i.replace("-", " ").capitalize())) for i in ids)


def _check(questionnaire: Questionnaire) -> None:
    ids = tuple(question.id for question in questionnaire.questions)
    if ids != QUESTIONS:
        raise QuestionnaireError(
            "questionnaire", expected=f"the questions {', '.join(QUESTIONS)}", found=", ".join(ids)
        )
    for question in questionnaire.questions:
        where = f"questionnaire: {question.id}"
        answers = question.answer_ids
        if wrong := [a for a in answers if not _ID.fullmatch(a)]:
            raise QuestionnaireError(
                where, expected="answer ids of letters, digits, - and _", found=repr(wrong[0])
            )
        if len(set(answers)) != len(answers):
            raise QuestionnaireError(where, expected="different answers", found=", ".join(answers))
        _check_condition(questionnaire, question, where)
    if set(questionnaire.question(IS_FACE).answer_ids) != {YES, NO}:
        raise QuestionnaireError("questionnaire: is_face", expected="the answers yes and no")
    _check_expressions(questionnaire)


def _check_condition(questionnaire: Questionnaire, question: Question, where: str) -> None:
    if question.asked_if is None:
        return
    other, answer = question.asked_if
    before = questionnaire.questions[: questionnaire.questions.index(question)]
    if not any(q.id == other and answer in q.answer_ids for q in before):
        raise QuestionnaireError(
            f"{where}: asked_if",
            expected="an answer to an earlier question",
            found=f"{other} = {answer}",
        )


def _check_expressions(questionnaire: Questionnaire) -> None:
    for question_id, needed in ((EKMAN, {NONE}), (BEYOND_EKMAN, {NONE, OTHER})):
        if missing := needed - set(questionnaire.question(question_id).answer_ids):
            raise QuestionnaireError(
                f"questionnaire: {question_id}", expected=f"the answer {min(missing)}", found="none"
            )
    if questionnaire.question(BEYOND_EKMAN).asked_if != (EKMAN, NONE):
        raise QuestionnaireError("questionnaire: beyond_ekman: asked_if", expected="ekman = none")
    names = questionnaire.expressions
    if both := sorted({name for name in names if names.count(name) > 1}):
        raise QuestionnaireError(
            "questionnaire", expected="an expression in one list only", found=f"{both[0]} in both"
        )
