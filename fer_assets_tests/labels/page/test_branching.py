"""The order of the questions, against `check_answers`, which knows nothing of the screen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fer_assets.labels.page.branching import (
    PASSED,
    choices,
    next_question,
    sensible,
    summary,
)
from fer_assets.labels.questionnaire import check_answers, load_questionnaire

QUESTIONNAIRE = load_questionnaire()
IDS = [q.id for q in QUESTIONNAIRE.questions]
VALUES = [*sorted({a for q in QUESTIONNAIRE.questions for a in q.answer_ids}), PASSED, "x"]


@given(st.data())
def test_every_walk_through_the_buttons_ends_in_answers_that_count(data):
    said: dict[str, str] = {}
    while (question := next_question(QUESTIONNAIRE, said)) is not None:
        buttons = choices(QUESTIONNAIRE, question, said, None)
        keys = [button.key for button in buttons]
        assert len(set(keys)) == len(keys)
        button = data.draw(st.sampled_from(buttons))
        said[question.id] = button.value
        assert button.is_last == (next_question(QUESTIONNAIRE, said) is None)
    kept = {name: value for name, value in said.items() if value != PASSED}
    assert check_answers(QUESTIONNAIRE, kept) is None
    assert sensible(QUESTIONNAIRE, said) == said
    assert [item.question.id for item in summary(QUESTIONNAIRE, said)] == list(said)


@given(st.dictionaries(st.sampled_from([*IDS, "x"]), st.sampled_from(VALUES)))
def test_whatever_a_query_says_only_sense_is_kept(said):
    kept = sensible(QUESTIONNAIRE, said)
    assert kept.items() <= said.items()
    answers = {name: value for name, value in kept.items() if value != PASSED}
    why = check_answers(QUESTIONNAIRE, answers)
    assert why is None or why.endswith("not answered")
    assert sensible(QUESTIONNAIRE, kept) == kept


def test_keys_of_commands_are_no_answers():
    for question in QUESTIONNAIRE.questions:
        keys = {choice.key for choice in choices(QUESTIONNAIRE, question, {}, None)}
        assert not keys & set("usfp?")
    beyond = choices(QUESTIONNAIRE, QUESTIONNAIRE.question("beyond_ekman"), {}, "other")
    assert [choice.key for choice in beyond][8:] == ["9", "a", "b", "c"]
    assert [choice.value for choice in beyond if choice.is_chosen] == ["other"]
