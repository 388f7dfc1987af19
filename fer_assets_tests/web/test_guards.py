"""The guards, asked over HTTP as a browser or an attacker would."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from fer_assets.web.errors import PageError
from fer_assets.web.forms import FormError, parse_fields, read_form
from fer_assets.web.guards import LOOPBACK_HOSTS, CsrfError, Guards, check_csrf, csrf_token

SECRET = b"0123456789abcdef"


async def _echo(request: Request) -> Response:
    try:
        return PlainTextResponse(repr(sorted((await read_form(request)).items())))
    except PageError as error:
        return PlainTextResponse(str(error), error.status)


async def _cached(request: Request) -> Response:
    del request
    return PlainTextResponse("x", headers={"cache-control": "max-age=5"})


@pytest.fixture
def client() -> TestClient:
    routes = [Route("/", _echo, methods=["GET", "POST"]), Route("/cached", _cached)]
    app = Guards(Starlette(routes=routes), hosts=LOOPBACK_HOSTS, max_body_bytes=1000)
    return TestClient(app, base_url="http://127.0.0.1:8000")


def test_every_response_carries_the_headers(client):
    for response in (client.get("/"), client.get("/nowhere"), client.post("/", data={"a": "b"})):
        headers = response.headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


def test_a_response_may_say_that_it_can_be_cached(client):
    assert client.get("/cached").headers["cache-control"] == "max-age=5"


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:9", "LOCALHOST"])
def test_names_of_this_machine_are_served(client, host):
    assert client.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::2]:1"])
def test_other_names_are_refused(client, host):
    assert client.get("/", headers={"host": host}).status_code == 400


@pytest.mark.parametrize(
    ("site", "status"),
    [("same-origin", 200), ("none", 200), ("cross-site", 403), ("same-site", 403)],
)
def test_forms_of_other_sites_are_refused(client, site, status):
    headers = {"sec-fetch-site": site}
    assert client.post("/", data={"a": "1"}, headers=headers).status_code == status
    assert client.get("/", headers=headers).status_code == 200


def test_an_oversized_body_is_refused_with_and_without_a_stated_length(client):
    assert client.post("/", data={"a": "x" * 2000}).status_code == 413

    def pieces():
        for _ in range(20):
            yield b"a" * 100

    headers = {"content-type": "application/x-www-form-urlencoded"}
    response = client.post("/", content=pieces(), headers=headers)
    assert response.status_code == 413
    assert response.headers["x-frame-options"] == "DENY"


def test_a_length_that_is_no_number_is_refused(client):
    assert client.post("/", content=b"", headers={"content-length": "-5"}).status_code == 400


def test_a_form_is_read(client):
    assert client.post("/", data={"a": "ä b", "c": ""}).text == "[('a', 'ä b'), ('c', '')]"


def test_other_content_is_no_form(client):
    assert client.post("/", json={"a": 1}).status_code == 415


@pytest.mark.parametrize(
    "body", [b"a=1&a=2", b"a=%ff", b"\xff=1", b"&".join(b"f%d=1" % i for i in range(99))]
)
def test_malformed_forms_are_refused(body):
    with pytest.raises(FormError):
        parse_fields(body)


@pytest.mark.parametrize("found", [None, "", "a", "é", "0" * 64])
def test_a_form_without_the_sessions_token_is_refused(found):
    with pytest.raises(CsrfError):
        check_csrf(SECRET, "session", found)


def test_csrf_tokens_belong_to_one_session():
    token = csrf_token(SECRET, "session")
    check_csrf(SECRET, "session", token)
    with pytest.raises(CsrfError):
        check_csrf(SECRET, "another", token)
