"""How the questions follow one another on the screen.

Belongs here: from what a worker has said so far, which question comes now and where each answer
leads; keys. Does not belong here: whether answers are acceptable (`questionnaire.check_answers`),
HTML.

On the way a question that need not be answered and was passed over is kept as "" (`PASSED`), so
that it does not come again; it is no answer and is never stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Final

from fer_assets.labels.questionnaire import Answer, Question, Questionnaire

PASSED: Final = ""
PASS_KEY: Final = "0"
_COMMANDS: Final = "usfpm"
_KEYS: Final = "123456789" + "".join(c for c in ascii_lowercase if c not in _COMMANDS)
"""Keys of answers in their order; letters of the page's own commands are left out."""


@dataclass(frozen=True)
class Choice:
    """One button: the answer's id (`PASSED`: no answer), its words, key, and what it leads to.

    Attributes:
        answer: the answer of the questionnaire; None for passing the question over.
        is_last: whether nothing is asked after it.
        is_chosen: whether the worker chose it before.
    """

    value: str
    text: str
    key: str
    answer: Answer | None
    is_last: bool
    is_chosen: bool


@dataclass(frozen=True)
class Said:
    """One question that is answered, in words, and the answers before it."""

    question: Question
    text: str
    before: Mapping[str, str]


def is_asked(question: Question, said: Mapping[str, str]) -> bool:
    """Whether a question belongs to what was said."""
    if question.asked_if is None:
        return True
    other, answer = question.asked_if
    return said.get(other) == answer


def next_question(questionnaire: Questionnaire, said: Mapping[str, str]) -> Question | None:
    """The first question that is asked and neither answered nor passed over; None at the end."""
    for question in questionnaire.questions:
        if is_asked(question, said) and question.id not in said:
            return question
    return None


def sensible(questionnaire: Questionnaire, said: Mapping[str, str]) -> dict[str, str]:
    """The part of `said` that leads somewhere: known questions that are asked, known answers."""
    kept: dict[str, str] = {}
    for question in questionnaire.questions:
        value = said.get(question.id)
        is_known = value in question.answer_ids or (value == PASSED and not question.is_required)
        if value is not None and is_known and is_asked(question, kept):
            kept[question.id] = value
    return kept


def choices(
    questionnaire: Questionnaire, question: Question, said: Mapping[str, str], before: str | None
) -> list[Choice]:
    """The buttons of a question.

    Args:
        said: the answers so far.
        before: what the worker chose before taking it back; None for nothing.
    """
    options: list[tuple[str, str, str, Answer | None]] = [
        (answer.id, answer.text, key, answer)
        for answer, key in zip(question.answers, _keys(len(question.answers)), strict=True)
    ]
    if not question.is_required:
        options.append((PASSED, "Can't tell", PASS_KEY, None))
    return [
        Choice(
            value, text, key, answer,
            is_last=next_question(questionnaire, {**said, question.id: value}) is None,
            is_chosen=value == before,
        )
        for value, text, key, answer in options
    ]  # fmt: skip


def summary(questionnaire: Questionnaire, said: Mapping[str, str]) -> list[Said]:
    """What was said so far, question by question."""
    found: list[Said] = []
    before: dict[str, str] = {}
    for question in questionnaire.questions:
        if question.id not in said:
            continue
        value = said[question.id]
        texts = {answer.id: answer.text for answer in question.answers}
        found.append(Said(question, texts.get(value, "Can't tell"), dict(before)))
        before[question.id] = value
    return found


def _keys(n: int) -> list[str]:
    """A key for each of n answers; "" where keys run out."""
    return [_KEYS[i] if i < len(_KEYS) else "" for i in range(n)]
