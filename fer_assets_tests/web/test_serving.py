"""Serving and templates: where the page listens, and what templates and static files do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request

import jinja2
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from fer_assets.web.serving import ServingError, base_url, is_loopback, serve
from fer_assets.web.templating import StaticFiles, environment

SERVER = """
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from fer_assets.web.serving import serve

async def hello(request):
    return PlainTextResponse("hello")

serve(Starlette(routes=[Route("/", hello)]), announce=lambda url: print(url, flush=True))
print("ended in order", flush=True)
"""


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_only_loopback_is_listened_to_unless_told_otherwise(host):
    with pytest.raises(ServingError, match="allow-network"):
        serve(Starlette(), host)


def test_a_port_that_is_taken_is_one_sentence():
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(ServingError, match="free address"),
    ):
        serve(Starlette(), "127.0.0.1", taken.getsockname()[1])


def test_addresses():
    assert is_loopback("localhost")
    assert is_loopback("127.1.2.3")
    assert is_loopback("::1")
    assert not is_loopback("10.0.0.1")
    assert base_url("::1", 80) == "http://[::1]:80"


def test_a_served_page_answers_at_the_address_it_prints_and_ends_in_order():
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    try:
        url = process.stdout.readline().strip()
        with urllib.request.urlopen(url, timeout=20) as response:
            assert response.read() == b"hello"
            assert "server" not in {name.lower() for name in response.headers}
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stdout.read().strip() == "ended in order"
    finally:
        process.kill()
        process.wait()


def test_templates_escape_and_know_what_is_missing(tmp_path):
    (tmp_path / "a.html.j2").write_text("{{ x }}")
    page = environment(tmp_path).get_template("a.html.j2")
    assert page.render(x="<script>'\"") == "&lt;script&gt;&#39;&#34;"
    with pytest.raises(jinja2.UndefinedError):
        page.render()


def test_static_files_are_served_under_names_of_their_content(tmp_path):
    (tmp_path / "own.css").write_text("a {}")
    static = StaticFiles(tmp_path)
    client = TestClient(Starlette(routes=[static.route()]))
    for name, kind in (
        ("own.css", "text/css"),
        ("base.css", "text/css"),
        ("icon.svg", "image/svg"),
    ):
        response = client.get(static.url(name))
        assert response.status_code == 200
        assert response.headers["content-type"].startswith(kind)
        assert "immutable" in response.headers["cache-control"]
    before = static.url("own.css")
    (tmp_path / "own.css").write_text("b {}")
    assert StaticFiles(tmp_path).url("own.css") != before
    assert client.get("/static/000000000000/own.css").status_code == 404
    assert client.get("/static/000000000000/..%2f..%2fsigning.py").status_code == 404


def test_the_shared_layout_holds_no_inline_script_or_style(tmp_path):
    static = StaticFiles(tmp_path)
    page = environment(tmp_path, static).get_template("layout.html.j2").render()
    assert "style=" not in page
    assert "<script" not in page
    assert static.url("base.css") in page
