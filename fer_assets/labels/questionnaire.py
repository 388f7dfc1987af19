"""What a worker is asked about one face, and which sets of answers make sense.

Belongs here: the questionnaire as frozen data, loading it, and checking one worker's answers
against its branching. Does not belong here: reading files of answers (`answers.py`).
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from fer_assets.labels.questions import (
    Answer,
    Question,
    QuestionnaireError,
    Reason,
    is_id,
    read_list,
    read_question,
    read_reasons,
    read_text,
    refuse_unknown,
)

__all__ = ["Answer", "Question", "Questionnaire", "QuestionnaireError", "Reason"]

IS_FACE = "is_face"
EKMAN = "ekman"
BEYOND_EKMAN = "beyond_ekman"
DEMOGRAPHICS = ("skin_tone", "age_group", "gender")
QUESTIONS = (IS_FACE, *DEMOGRAPHICS, EKMAN, BEYOND_EKMAN)
"""The questions every questionnaire has, in this order."""

YES, NO, NONE, OTHER = "yes", "no", "none", "other"
NO_EXPRESSION = (NONE, OTHER)
"""Votes that name no expression of the challenge: a face at rest, and something else."""


@dataclass(frozen=True)
class Questionnaire:
    """All questions in the order they are asked.

    Attributes:
        version: raised when a wording changes what is asked.
        title: heading of the labelling page.
        questions: the six questions of `QUESTIONS`.
        instructions: paragraphs that a worker reads first.
        content_warning: what the pictures may show.
        consent: sentences that a worker agrees to before the first face.
        skip_reasons: why a face may be passed over.
        flag_reasons: why a face may be reported, beside or instead of an answer.
    """

    version: int
    title: str
    questions: tuple[Question, ...]
    instructions: tuple[str, ...] = ()
    content_warning: str = ""
    consent: tuple[str, ...] = ()
    skip_reasons: tuple[Reason, ...] = ()
    flag_reasons: tuple[Reason, ...] = ()

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

    def refuse_without(self, ekman: Sequence[str], beyond: Sequence[str]) -> None:
        """Check that a challenge's expressions can be answered, each in its list.

        Raises:
            QuestionnaireError: naming the first that is missing, and the way out.
        """
        for name, wanted in ((EKMAN, ekman), (BEYOND_EKMAN, beyond)):
            if missing := [e for e in wanted if e not in self.question(name).answer_ids]:
                raise QuestionnaireError(
                    f"questions.{name}.answers",
                    expected=f"the answer {missing[0]}, for which the challenge has a prompt",
                    found=", ".join(self.question(name).answer_ids),
                    remedy="Add it, or correct the prompt's expression or group.",
                )

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
        known = {
            a.id: a for q in self.questions if q.id in (EKMAN, BEYOND_EKMAN) for a in q.answers
        }
        own = {q.id: {**known, **{a.id: a for a in q.answers}} for q in self.questions}
        questions = tuple(
            replace(q, answers=_answers(own[q.id], new[q.id])) if q.id in new else q
            for q in self.questions
        )
        return replace(self, questions=questions)


def load_questionnaire(path: Path | None = None) -> Questionnaire:
    """Read a questionnaire from a TOML file; the paper's if no path is given.

    A file without instructions, content warning, consent, or reasons to skip or flag a face has
    those of the package: a worker can always pass over a face.

    Raises:
        QuestionnaireError: a file that is not TOML, or a field that is missing, unknown or wrong.
    """
    packaged = _parse(_PACKAGED)
    source = path if path is not None else _PACKAGED
    data = {**{name: packaged[name] for name in _WORDING}, **_parse(source)}
    try:
        return _read(data)
    except QuestionnaireError as error:
        raise QuestionnaireError(
            f"{source}: {error.thing}",
            expected=error.expected, found=error.found, remedy=error.remedy,
        ) from error  # fmt: skip


def _parse(source: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise QuestionnaireError(
            str(source), expected="a TOML file", found=str(error.strerror)
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise QuestionnaireError(str(source), expected="TOML in UTF-8", found=str(error)) from error


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


_PACKAGED = Path(__file__).with_name("questionnaire.toml")
_WORDING = ("instructions", "content_warning", "consent", "skip_reasons", "flag_reasons")
_FIELDS = {"version", "title", "questions", *_WORDING}


def _read(data: dict[str, Any]) -> Questionnaire:
    refuse_unknown(data, _FIELDS, "the file")
    version = data.get("version")
    if not isinstance(version, int) or isinstance(version, bool):
        found = "none" if version is None else repr(version)
        raise QuestionnaireError(
            "version", expected="the field version, a whole number", found=found,
            remedy="Write version = 1, and raise it when a wording changes what is asked.",
        )  # fmt: skip
    questions = read_list(data, "questions", "")
    return Questionnaire(
        version=version,
        title=read_text(data, "title", ""),
        questions=tuple(read_question(q, f"questions[{i}]") for i, q in enumerate(questions)),
        instructions=_sentences(data, "instructions"),
        content_warning=read_text(data, "content_warning", "", default=""),
        consent=_sentences(data, "consent"),
        skip_reasons=read_reasons(
            read_list(data, "skip_reasons", "", is_optional=True), "skip_reasons"
        ),
        flag_reasons=read_reasons(
            read_list(data, "flag_reasons", "", is_optional=True), "flag_reasons"
        ),
    )


def _sentences(data: dict[str, Any], name: str) -> tuple[str, ...]:
    found = read_list(data, name, "", is_optional=True)
    return tuple(read_text({name: text}, name, f"{name}[{i}]") for i, text in enumerate(found))


def _answers(known: Mapping[str, Answer], ids: Sequence[str]) -> tuple[Answer, ...]:
    """Answers with the wording that is known; a new expression is written as its id."""
    return tuple(known.get(i) or Answer(i, i.replace("-", " ").capitalize()) for i in ids)


def _check(questionnaire: Questionnaire) -> None:
    ids = tuple(question.id for question in questionnaire.questions)
    if ids != QUESTIONS:
        raise QuestionnaireError(
            "questionnaire", expected=f"the questions {', '.join(QUESTIONS)}", found=", ".join(ids)
        )
    for question in questionnaire.questions:
        where = f"questionnaire: {question.id}"
        answers = question.answer_ids
        if wrong := [a for a in answers if not is_id(a)]:
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
