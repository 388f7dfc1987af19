"""Every route, as a browser without JavaScript uses it, and every bad input."""

from __future__ import annotations

import re
import time

import pytest
from markupsafe import escape
from starlette.testclient import TestClient

from fer_assets.labels.page.invitations import invite
from fer_assets_tests.labels.page.roots import KEY, NO_FACE, SAD, picture


def rows(book):
    return book.answers().select("task_id", "worker", "question", "answer").rows()


def test_a_worker_is_welcomed_warned_and_asked_for_consent(page, book, workspace):
    [(_, token)] = invite(book, 1, 1)
    with TestClient(page.app()) as client:
        welcome = client.get(f"/enter/{token}").text
        questionnaire = page.views.questionnaire
        assert questionnaire.content_warning[:40] in welcome
        assert all(sentence[:30] in welcome for sentence in questionnaire.consent)
        assert "18.00 EUR per hour" in welcome
        assert "Faces &lt;to&gt; label" in welcome
        assert client.post(f"/enter/{token}").status_code == 422
        assert client.get("/face").status_code == 401
        started = client.post(f"/enter/{token}", data={"consent": "yes"})
        assert started.url.path == "/instructions"
        for question in questionnaire.questions:
            assert all(escape(a.text) in started.text for a in question.answers)
        assert "<svg" in started.text  # the Fitzpatrick scale
        again = client.get(f"/enter/{token}").text
        assert "Welcome back" in again
        assert client.post(f"/enter/{token}").url.path == "/face"


def test_the_questions_come_one_after_another(browser):
    said: dict[str, str] = {}
    own = {name: browser.hidden(name) for name in ("task", "attempt")}
    for question, answer, form in (
        ("is_face", "yes", "step"),
        ("skin_tone", "III", "step"),
        ("age_group", "", "step"),
        ("gender", "man", "step"),
        ("ekman", "none", "step"),
        ("beyond_ekman", "other", "final"),
    ):
        page = browser.client.get("/face", params={**own, **said}).text
        shown = page.split("<template")[0]
        assert f'data-question="{question}"' in shown
        assert shown.count("data-question") == 1
        button = re.search(rf'<button form="(\w+)" name="{question}" value="{answer}"', shown)
        assert button, shown
        assert button.group(1) == form
        said[question] = answer
    assert (
        'form="final" name="ekman" value="sad"'
        in browser.client.get(
            "/face",
            params={**own, "is_face": "yes", "skin_tone": "", "age_group": "", "gender": ""},
        ).text.split("<template")[0]
    )


def test_answers_to_another_face_in_the_query_are_ignored(browser):
    page = browser.client.get("/face", params={"task": "f" * 16, "attempt": "0", "is_face": "yes"})
    assert 'data-question="is_face"' in page.text.split("<template")[0]


def test_an_answer_is_stored_and_the_next_face_comes(browser, book):
    first = browser.hidden("task")
    response = browser.answer(**SAD)
    assert response.status_code == 303
    assert browser.hidden("task") != first
    assert {(q, a) for _, _, q, a in rows(book)} == set(SAD.items())
    assert {task for task, *_ in rows(book)} == {first}
    assert "1 face by you" in browser.page


def test_a_question_passed_over_is_no_answer(browser, book):
    browser.answer(**{**SAD, "age_group": ""})
    assert "age_group" not in {q for _, _, q, _ in rows(book)}


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"is_face": "maybe"},
        {**SAD, "ekman": "9000"},
        {**SAD, "skin_tone": "VII"},
        {"is_face": "yes"},
        {"is_face": "no", "ekman": "sad"},
        {**SAD, "beyond_ekman": "other"},
        {"is_face": "yes", "ekman": "none"},
        {**SAD, "ekman": ""},
        {**SAD, "mood": "good"},
        {**SAD, "ekman": "<script>"},
    ],
)
def test_answers_that_make_no_sense_are_refused(browser, book, answers):
    task = browser.hidden("task")
    response = browser.answer(**answers)
    assert response.status_code == 422
    assert "Nothing was saved" in response.text
    assert "<script>" not in response.text
    assert rows(book) == []
    assert browser.hidden("task") == task
    assert browser.answer(**SAD).status_code == 303


def test_the_same_answer_twice_is_one(browser, book):
    form = browser.form
    assert browser.post("/answer", **form, **SAD).status_code == 303
    assert browser.post("/answer", **form, **SAD).status_code == 303
    assert len(rows(book)) == len(SAD)


def test_another_answer_to_the_same_face_is_refused(browser, book):
    form = browser.form
    browser.post("/answer", **form, **SAD)
    response = browser.post("/answer", **form, **{**SAD, "ekman": "angry"})
    assert response.status_code == 409
    assert ("ekman", "sad") in {(q, a) for _, _, q, a in rows(book)}
    assert len(rows(book)) == len(SAD)


def test_reordered_submissions_store_nothing_wrong(browser, book):
    first = browser.form
    browser.answer(**SAD)
    second = browser.form
    browser.answer(**NO_FACE)
    before = rows(book)
    assert browser.post("/answer", **second, **NO_FACE).status_code == 303
    assert browser.post("/answer", **first, **SAD).status_code == 303
    assert browser.post("/answer", **first, **NO_FACE).status_code == 409
    assert browser.post("/skip", **first, reason="cant-tell").status_code == 409
    assert rows(book) == before


def test_a_task_of_another_worker_is_refused(new_browser, book):
    mine, theirs = new_browser(), new_browser()
    taken = theirs.hidden("task")
    if taken == mine.hidden("task"):
        theirs.answer(**SAD)
        taken = theirs.hidden("task")
    before = rows(book)
    form = {**mine.form, "task": taken}
    for path, fields in (("/answer", SAD), ("/skip", {"reason": "cant-tell"})):
        assert mine.post(path, **form, **fields).status_code == 409
    assert mine.post("/flag", csrf=form["csrf"], task=taken, reason="other").status_code == 409
    assert mine.client.get(f"/picture/{taken}").status_code == 409
    assert rows(book) == before


def test_an_unknown_task_is_refused(browser, book):
    form = {**browser.form, "task": "0123456789abcdef"}
    assert browser.post("/answer", **form, **SAD).status_code == 404
    assert browser.client.get("/picture/0123456789abcdef").status_code == 404
    assert rows(book) == []


@pytest.mark.parametrize("attempt", ["", "-1", "1", "x", "9" * 30, "٣"])
def test_a_wrong_attempt_is_refused(browser, book, attempt):
    response = browser.post("/answer", **{**browser.form, "attempt": attempt}, **SAD)
    assert response.status_code in {400, 409}
    assert rows(book) == []


def test_undo_brings_the_last_face_back_filled_in(browser, book):
    form = browser.form
    browser.answer(**{**SAD, "age_group": ""})
    assert browser.post("/undo", csrf=browser.form["csrf"]).status_code == 303
    browser.look()
    assert browser.form == {**form, "attempt": "1"}
    assert "You took this answer back" in browser.page
    assert re.search(r'name="ekman" value="sad" form="final"', browser.page)
    assert rows(book) == []
    # what the browser sends again from before does not come back
    assert browser.post("/answer", **form, **{**SAD, "age_group": ""}).status_code == 409
    assert rows(book) == []
    assert browser.answer(**NO_FACE).status_code == 303
    assert {(q, a) for _, _, q, a in rows(book)} == set(NO_FACE.items())


def test_undo_goes_back_step_by_step_and_forward_again(browser, book):
    tasks = []
    for _ in range(3):
        tasks.append(browser.hidden("task"))
        browser.answer(**SAD)
    ahead = browser.hidden("task")
    for task in reversed(tasks):
        browser.post("/undo", csrf=browser.form["csrf"])
        assert browser.look().hidden("task") == task
    assert browser.post("/undo", csrf=browser.form["csrf"]).status_code == 409
    for task in tasks:
        assert browser.hidden("task") == task
        browser.answer(**NO_FACE)
    assert browser.hidden("task") == ahead
    assert {a for *_, a in rows(book)} == {"no"}


def test_skip_and_flag_with_a_comment(browser, book):
    task = browser.hidden("task")
    comment = "<b>=HYPERLINK(1)</b>\n\x00tab\there"
    fields = {"csrf": browser.form["csrf"], "task": task, "reason": "other", "comment": comment}
    assert browser.post("/flag", **fields).status_code == 303
    assert browser.look().hidden("task") == task
    assert "You reported this face" in browser.page
    assert browser.post("/skip", **browser.form, reason="cant-tell", comment="").status_code == 303
    assert browser.look().hidden("task") != task
    found = book.answers().select("task_id", "question", "answer", "comment").rows()
    assert found == [
        (task, "skip", "cant-tell", None),
        (task, "flag", "other", "<b>=HYPERLINK(1)</b>  tab here"),
    ]


@pytest.mark.parametrize("path", ["/skip", "/flag"])
@pytest.mark.parametrize(
    "fields", [{}, {"reason": "because"}, {"reason": "other", "comment": "x" * 501}]
)
def test_a_skip_or_flag_needs_a_reason_and_a_short_comment(browser, book, path, fields):
    if path == "/skip" and fields.get("reason") == "other":
        fields = {**fields, "reason": "cant-tell"}
    assert browser.post(path, **browser.form, **fields).status_code == 422
    assert rows(book) == []


def test_a_picture_is_served_to_its_worker_only_and_never_kept(browser, new_browser):
    task = browser.hidden("task")
    response = browser.client.get(f"/picture/{task}")
    assert response.status_code == 200
    assert response.headers["content-type"] == "image/jpeg"
    assert response.headers["cache-control"] == "no-store"
    assert response.content in {picture(i) for i in range(24)}
    browser.answer(**SAD)
    assert browser.client.get(f"/picture/{task}").status_code == 409
    assert TestClient(browser.client.app).get(f"/picture/{task}").status_code == 401


def test_a_worker_goes_on_in_another_browser(browser, new_browser, book):
    [(_, token)] = invite(book, 1, 1)
    one = new_browser(token)
    one.answer(**SAD)
    other = new_browser(token)
    assert other.hidden("task") == one.hidden("task")
    other.answer(**NO_FACE)
    # the first browser still shows the face that was answered elsewhere
    assert one.post("/answer", **one.form, **SAD).status_code == 409
    assert one.look().hidden("task") == other.hidden("task")


def test_pause_stops_the_clock_and_resume_starts_it(browser):
    csrf, task = browser.form["csrf"], browser.hidden("task")
    assert browser.post("/pause", csrf=csrf).status_code == 303
    paused = browser.client.get("/face").text
    assert "The clock stands" in paused
    assert "/picture/" not in paused
    assert browser.post("/resume", csrf=csrf).status_code == 303
    assert browser.look().hidden("task") == task


def test_my_answers_tell_time_and_pay(browser, book):
    browser.answer(**SAD)
    book.database.run("UPDATE entries SET duration_s = 100")
    page = browser.client.get("/me").text
    assert "1 min 40 s" in page
    assert "0.50 EUR" in page


def test_withdrawal_removes_everything_and_closes_the_invitation(
    browser, new_browser, book, workspace
):
    other = new_browser()
    other.answer(**NO_FACE)
    browser.answer(**SAD)
    csrf = browser.form["csrf"]
    browser.post("/flag", csrf=csrf, task=browser.hidden("task"), reason="other")
    assert "Withdraw all" in browser.client.get("/withdraw").text
    assert browser.post("/withdraw", csrf=csrf).status_code == 422
    assert len(rows(book)) == len(SAD) + 2
    assert "removed" in browser.post("/withdraw", csrf=csrf, sure="yes").text
    assert {(q, a) for _, _, q, a in rows(book)} == set(NO_FACE.items())
    assert browser.client.get("/face").status_code == 401
    kept = workspace.store.read(f"answers/{KEY}/labelling-page.parquet")
    import polars as pl

    assert pl.read_parquet(kept).height == 1


def test_a_withdrawn_invitation_stays_closed(new_browser, book):
    [(worker, token)] = invite(book, 1, 1)
    browser = new_browser(token)
    browser.answer(**SAD)
    assert book.forget_worker(worker) > 0  # by another process: the command, or an erasure
    assert browser.client.get("/face").status_code == 403
    refused = TestClient(browser.client.app).get(f"/enter/{token}")
    assert refused.status_code == 403
    assert "withdrawn" in refused.text


def test_a_full_disk_is_said_and_the_form_can_be_sent_again(browser, page, book):
    def at_desk(sql):
        return page.desk.submit(lambda d: d.book.database.number(sql)).result(20)

    at_desk(f"PRAGMA max_page_count = {at_desk('PRAGMA page_count')}")
    acknowledged = []
    for _ in range(24):
        form = browser.form
        comment = f"it is <too> dark {'x' * 400}"
        response = browser.post("/skip", **form, reason="cant-tell", comment=comment)
        if response.status_code == 507:
            break
        acknowledged.append(form["task"])
        browser.look()
    assert response.status_code == 507
    assert "was not saved" in response.text
    assert "Send it again" in response.text
    again = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', response.text))
    assert again["task"] == form["task"]
    assert again["comment"].startswith("it is &lt;too&gt; dark")
    assert [task for task, *_ in rows(book)] == acknowledged
    assert browser.post("/skip", **again).status_code == 507
    at_desk("PRAGMA max_page_count = 1000000")
    assert browser.post("/skip", **again).status_code == 303
    assert [task for task, *_ in rows(book)] == [*acknowledged, form["task"]]
    assert browser.look().hidden("task") != form["task"]


def test_everything_done_is_said(new_browser):
    browser = new_browser()
    for _ in range(24):
        assert browser.answer(**SAD).status_code == 303
    assert "That is all for now" in browser.page
    assert "24 faces" in browser.page


def test_pages_hold_no_inline_code(browser):
    for path in ("/face", "/me", "/instructions", "/withdraw"):
        page = browser.client.get(path).text
        assert not re.search(r"\sstyle=|\son\w+=|<style|javascript:", page)
        assert all("src=" in script for script in re.findall(r"<script[^>]*>", page))


def test_a_page_that_is_not_there(browser):
    assert browser.client.get("/nowhere").status_code == 404
    assert browser.client.get("/answer").status_code == 405
    assert browser.client.post("/answer", json={"a": 1}).status_code == 415


def test_the_wait_for_the_next_look_is_short(browser, book):
    started = time.time()
    browser.answer(**SAD)
    at = book.database.row("SELECT at_s, duration_s FROM entries")
    assert started - 1 < at[0] < time.time() + 1
    assert 0 <= at[1] < 60
