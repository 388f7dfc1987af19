"""The form on Mechanical Turk in a real browser: branching, skipping, what is sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from fer_assets.labels.mturk.question import html_question
from fer_assets.labels.questionnaire import (
    Questionnaire,
    check_answers,
    load_questionnaire,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SUBMIT = "https://mturk.example/externalSubmit"
SENT = """
(form => { form.addEventListener('submit', e => e.preventDefault());
  return Object.fromEntries([...new FormData(form)].filter(pair => pair[1])); })
"""


@pytest.fixture
def questionnaire() -> Questionnaire:
    return load_questionnaire()


@pytest.fixture
def page(chromium: Browser, questionnaire: Questionnaire) -> Iterator[Any]:
    document = ElementTree.fromstring(
        html_question(questionnaire, "https://p.example/a.jpg", SUBMIT)
    )
    opened = chromium.new_page(viewport={"width": 360, "height": 740})
    opened.route("https://p.example/**", lambda route: route.abort())
    opened.route(
        "https://mturk.example/**",
        lambda route: route.fulfill(content_type="text/html", body=document[0].text or ""),
    )
    opened.goto("https://mturk.example/hit?assignmentId=A17")
    yield opened
    opened.close()


def _asked(page: Any) -> list[str]:
    shown = page.eval_on_selector_all(
        "fieldset[id]", "all => all.filter(f => !f.hidden && !f.disabled).map(f => f.id.slice(4))"
    )
    return list(shown)


def _choose(page: Any, question: str, answer: str) -> None:
    page.check(f"input[name='{question}'][value='{answer}']")


def test_branching_and_what_is_sent(page: Any, questionnaire: Questionnaire) -> None:
    assert _asked(page) == ["is_face"]
    _choose(page, "is_face", "yes")
    assert _asked(page) == ["is_face", "skin_tone", "age_group", "gender", "ekman"]
    _choose(page, "skin_tone", "IV")
    _choose(page, "ekman", "none")
    assert _asked(page)[-1] == "beyond_ekman"
    assert not page.eval_on_selector("form", "form => form.checkValidity()")
    _choose(page, "beyond_ekman", "kiss")
    sent = page.eval_on_selector("form", SENT)
    assert sent.pop("assignmentId") == "A17"
    assert sent == {"is_face": "yes", "skin_tone": "IV", "ekman": "none", "beyond_ekman": "kiss"}
    assert check_answers(questionnaire, sent) is None
    # answers that are not asked any more are not sent
    _choose(page, "ekman", "sad")
    assert "beyond_ekman" not in page.eval_on_selector("form", SENT)
    _choose(page, "is_face", "no")
    sent = page.eval_on_selector("form", SENT)
    assert {name for name in sent if name != "assignmentId"} == {"is_face"}
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360


def test_a_skipped_face_sends_no_answer(page: Any) -> None:
    _choose(page, "is_face", "yes")
    page.click("summary:has-text('Skip or report')")
    _choose(page, "skip", "cant-tell")
    assert page.eval_on_selector("form", "form => form.checkValidity()")
    sent = page.eval_on_selector("form", SENT)
    assert sent == {"assignmentId": "A17", "skip": "cant-tell"}
