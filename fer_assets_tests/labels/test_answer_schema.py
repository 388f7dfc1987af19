"""The schema accepts exactly what `check_answers` accepts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.labels.answer_schema import answers_schema, submission_schema
from fer_assets.labels.questionnaire import Questionnaire, check_answers, load_questionnaire

PAPER = load_questionnaire()


def _is_valid(schema: Any, value: Any) -> bool:
    """The keywords of JSON Schema that are used here, by their definitions."""
    if isinstance(schema, bool):
        return schema
    branch = "then" if "if" in schema and _is_valid(schema["if"], value) else "else"
    return (
        _is_valid_value(schema, value)
        and (not isinstance(value, dict) or _is_valid_object(schema, value))
        and ("if" not in schema or _is_valid(schema.get(branch, True), value))
        and all(_is_valid(part, value) for part in schema.get("allOf", []))
        and ("anyOf" not in schema or any(_is_valid(part, value) for part in schema["anyOf"]))
        and ("not" not in schema or not _is_valid(schema["not"], value))
    )


def _is_valid_value(schema: Any, value: Any) -> bool:
    types = {"object": dict, "string": str, "number": (int, float)}
    is_good = "type" not in schema or isinstance(value, types[schema["type"]])
    is_good = is_good and value in schema.get("enum", [value])
    is_good = is_good and value == schema.get("const", value)
    if isinstance(value, str):
        least, most = schema.get("minLength", 0), schema.get("maxLength", len(value))
        return is_good and least <= len(value) <= most
    if isinstance(value, int | float):
        least, most = schema.get("minimum", value), schema.get("maximum", value)
        return is_good and least <= value <= most
    return is_good


def _is_valid_object(schema: Any, value: dict[str, Any]) -> bool:
    known = schema.get("properties", {})
    if any(name not in value for name in schema.get("required", [])):
        return False
    if schema.get("additionalProperties", True) is False and set(value) - set(known):
        return False
    return all(_is_valid(known[name], part) for name, part in value.items() if name in known)


def _any_answers(questionnaire: Questionnaire) -> st.SearchStrategy[dict[str, str]]:
    options = {q.id: st.sampled_from([*q.answer_ids, "bogus"]) for q in questionnaire.questions}
    return st.fixed_dictionaries({}, optional={**options, "mood": st.just("good")})


def _good_answers(questionnaire: Questionnaire) -> st.SearchStrategy[dict[str, str]]:
    @st.composite
    def walk(draw: st.DrawFn) -> dict[str, str]:
        said: dict[str, str] = {}
        for q in questionnaire.questions:
            is_asked = q.asked_if is None or said.get(q.asked_if[0]) == q.asked_if[1]
            if is_asked and (q.is_required or draw(st.booleans())):
                said[q.id] = draw(st.sampled_from(q.answer_ids))
        return said

    return walk()


@given(st.one_of(_any_answers(PAPER), _good_answers(PAPER)))
@settings(max_examples=400, deadline=None)
def test_accepts_what_the_rules_accept(answers: dict[str, str]) -> None:
    assert _is_valid(answers_schema(PAPER), answers) == (check_answers(PAPER, answers) is None)


@given(st.one_of(_any_answers(PAPER), _good_answers(PAPER)))
@settings(max_examples=50, deadline=None)
def test_agrees_with_the_jsonschema_package(answers: dict[str, str]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(answers_schema(PAPER))
    assert validator.is_valid(answers) == (check_answers(PAPER, answers) is None)


@pytest.mark.parametrize(
    ("submission", "is_good"),
    [
        ({"answers": {"is_face": "no"}}, True),
        ({"answers": {"is_face": "no"}, "duration_s": 3.5}, True),
        ({"answers": {"is_face": "no"}, "duration_s": -1}, False),
        ({"skip": {"reason": "cant-tell"}}, True),
        ({"skip": {"reason": "bored"}}, False),
        ({"flag": {"reason": "other", "comment": "=1+1"}}, True),
        ({"flag": {"reason": "other", "comment": "x" * 501}}, False),
        ({"answers": {"is_face": "no"}, "flag": {"reason": "other"}}, True),
        ({"answers": {"is_face": "no"}, "skip": {"reason": "cant-tell"}}, False),
        ({}, False),
        ({"answers": {"is_face": "no"}, "mood": "good"}, False),
    ],
)
def test_submissions(submission: dict[str, Any], is_good: bool) -> None:
    schema = json.loads(json.dumps(submission_schema(PAPER)))
    assert _is_valid(schema, {"task_id": "t", "worker": "w", **submission}) == is_good
    assert not _is_valid(schema, {"worker": "w", **submission})


def test_the_schema_is_named_by_the_questionnaire() -> None:
    other = PAPER.with_expressions(beyond=("tongue-out",))
    assert submission_schema(PAPER)["$id"] != submission_schema(other)["$id"]
    assert "tongue-out" in answers_schema(other)["properties"]["beyond_ekman"]["enum"]
