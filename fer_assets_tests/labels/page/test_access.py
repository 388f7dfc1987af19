"""Who gets in and who does not: cookies, forged ones, CSRF tokens, invitations."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from fer_assets.labels.page.invitations import invite, revoke
from fer_assets.web.signing import Signer, read_secret
from fer_assets_tests.labels.page.roots import KEY, SAD

FORMS = ("/answer", "/skip", "/flag", "/undo", "/pause", "/resume", "/withdraw", "/leave")
PAGES = ("/", "/face", "/instructions", "/me", "/withdraw", "/picture/x")


def rows(book):
    return book.answers().select("task_id", "worker", "question", "answer").rows()


def test_the_session_cookie_is_guarded(page, book):
    [(_, token)] = invite(book, 1, 1)
    with TestClient(page.app()) as client:
        response = client.post(f"/enter/{token}", data={"consent": "yes"}, follow_redirects=False)
    cookie = response.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie


def test_behind_https_the_cookie_is_secure(workspace, book):
    from fer_assets.lines.tiktokfer.page_answers import open_page

    [(_, token)] = invite(book, 1, 1)
    with TestClient(open_page(workspace, KEY, is_https=True).app()) as client:
        response = client.post(f"/enter/{token}", data={"consent": "yes"}, follow_redirects=False)
    assert response.headers["set-cookie"].startswith("__Host-label-faces=")
    assert "secure" in response.headers["set-cookie"].lower()


def test_leaving_ends_the_session(browser):
    assert "Goodbye" in browser.post("/leave", csrf=browser.form["csrf"]).text
    assert browser.client.get("/face").status_code == 401


@pytest.mark.parametrize("path", FORMS)
def test_forms_without_the_sessions_token_are_refused(browser, book, path):
    fields = {**browser.form, **SAD, "reason": "other", "sure": "yes"}
    for token in ({}, {"csrf": ""}, {"csrf": "0" * 64}):
        sent = {**{k: v for k, v in fields.items() if k != "csrf"}, **token}
        assert browser.post(path, **sent).status_code == 403
    assert rows(book) == []


def test_anothers_csrf_token_does_not_do(browser, new_browser, book):
    stolen = new_browser().form["csrf"]
    assert browser.post("/answer", **{**browser.form, "csrf": stolen}, **SAD).status_code == 403
    assert rows(book) == []


@pytest.mark.parametrize("path", PAGES)
def test_without_a_session_nothing_is_shown(browser, path):
    response = TestClient(browser.client.app).get(path)
    assert response.status_code == 401
    assert "invitation link" in response.text


@pytest.mark.parametrize("path", FORMS)
def test_without_a_session_nothing_is_taken(browser, path):
    assert TestClient(browser.client.app).post(path, data=browser.form).status_code == 401


def test_forged_and_foreign_cookies_are_refused(browser, workspace, book):
    [name] = browser.client.cookies.keys()
    real = browser.client.cookies[name]
    own = Signer(read_secret(book.database.path.with_suffix(".secret")))
    worker = own.read(real)["worker"]
    forged = Signer(b"0123456789abcdef").sign(own.read(real), 1000)
    foreign = own.sign({"worker": worker, "session": "x", "key": "another"}, 1000)
    old = own.sign(own.read(real), -1)
    for token in ("x", real[:-1], real + "A", forged, foreign, old):
        client = TestClient(browser.client.app, cookies={name: token})
        assert client.get("/face").status_code == 401
        assert client.get(f"/picture/{browser.hidden('task')}").status_code == 401


def test_wrong_invitations_are_refused(page, book):
    [(expired, late), (closed, token)] = invite(book, 2, 1)
    book.database.run("UPDATE invitations SET expires_s = 1 WHERE worker = ?", (expired,))
    revoke(book, closed)
    with TestClient(page.app()) as client:
        for found, words in (("nonsense", "no such"), (late, "expired"), (token, "closed")):
            for response in (
                client.get(f"/enter/{found}"),
                client.post(f"/enter/{found}", data={"consent": "yes"}),
            ):
                assert response.status_code == 403
                assert words in response.text
                assert "set-cookie" not in response.headers


def test_a_session_ends_when_its_invitation_does(new_browser, book):
    [(worker, token)] = invite(book, 1, 1)
    browser = new_browser(token)
    form = browser.form
    revoke(book, worker)
    assert browser.post("/answer", **form, **SAD).status_code == 403
    assert browser.client.get("/face").status_code == 403
    assert browser.client.get(f"/picture/{form['task']}").status_code == 403
    assert rows(book) == []
