from __future__ import annotations

import html
import re
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from fer_assets.identities.review.app import ReviewPage, clock
from fer_assets.identities.review.pictures import Pictures
from fer_assets.lines.tiktokfer import names
from fer_assets.lines.tiktokfer.identities import CORRECTIONS_FILE
from fer_assets.lines.tiktokfer.review import open_page
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.tombstones import add_tombstones
from fer_assets_tests.browser.small_root import KEY, RUDE, make_root


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_root(tmp_path)


@pytest.fixture
def tokens() -> list[str]:
    return []


@pytest.fixture
def page(workspace: Workspace, tokens: list[str]) -> ReviewPage:
    found = open_page(workspace, KEY, tokens.append, "fer-review-test")
    found.access.offer()
    return found


@pytest.fixture
def client(page: ReviewPage, tokens: list[str]) -> TestClient:
    inside = TestClient(page.app(), base_url="http://127.0.0.1")
    assert inside.get(f"/enter/{tokens[0]}").status_code == 200
    return inside


def outside(page: ReviewPage) -> TestClient:
    return TestClient(page.app(), base_url="http://127.0.0.1")


def form(text: str) -> dict[str, str]:
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', text))


def csv_of(workspace: Workspace) -> Path:
    return workspace.catalog.folder / KEY / CORRECTIONS_FILE


def answer(client: TestClient, choice: str, **changed: str) -> httpx.Response:
    fields = form(client.get("/").text.split('action="/decide"')[1])
    return client.post("/decide", data={**fields, "choice": choice, **changed})


PAGES = ("/", "/queue", "/lists")


def test_the_link_opens_once(page: ReviewPage, client: TestClient, tokens: list[str]) -> None:
    assert client.get("/").status_code == 200
    late = outside(page)
    refused = late.get(f"/enter/{tokens[0]}")
    assert (refused.status_code, "used already" in refused.text) == (403, True)
    # Whoever sees the terminal gets another one, once.
    late.get(f"/enter/{tokens[0]}")
    assert len(tokens) == 2
    assert late.get(f"/enter/{tokens[1]}").status_code == 200
    assert outside(page).get("/enter/guess").status_code == 403
    assert len(tokens) == 2


def test_the_same_browser_may_open_its_link_again(client: TestClient, tokens: list[str]) -> None:
    assert client.get(f"/enter/{tokens[0]}").status_code == 200


@pytest.mark.parametrize("cookie", [None, "x", "a.b", "é.ü", "e30.AAAA"])
def test_nothing_is_shown_without_a_session(
    page: ReviewPage, client: TestClient, cookie: str | None
) -> None:
    handle = re.findall(r'src="(/faces/[^"]+)"', client.get("/").text)[0]
    stranger = outside(page)
    if cookie:
        stranger.cookies = httpx.Cookies()
        header = {"cookie": f"{page.cookie}={cookie}".encode()}
    else:
        header = {}
    for path in (*PAGES, handle):
        found = stranger.get(path, headers=header)
        assert found.status_code == 401
        assert "face-" not in found.text
    assert stranger.post("/decide", data={"item": "1"}, headers=header).status_code == 401


def test_a_session_of_another_server_is_none(
    page: ReviewPage, client: TestClient, workspace: Workspace
) -> None:
    other = open_page(workspace, KEY, lambda _: None, page.cookie)
    stranger = TestClient(other.app(), base_url="http://127.0.0.1", cookies=client.cookies)
    assert stranger.get("/").status_code == 401


def test_headers_and_cookie_are_strict(page: ReviewPage, tokens: list[str]) -> None:
    fresh = outside(page)
    entered = fresh.get(f"/enter/{tokens[0]}", follow_redirects=False)
    cookie = entered.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/"))
    handle = re.findall(r'src="(/faces/[^"]+)"', fresh.get("/").text)[0]
    for path in (*PAGES, handle):
        headers = fresh.get(path).headers
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_other_hosts_and_sites_are_refused(page: ReviewPage, client: TestClient) -> None:
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400
    fields = form(client.get("/").text)
    foreign = client.post("/decide", data=fields, headers={"sec-fetch-site": "cross-site"})
    assert foreign.status_code == 403


def test_a_decision_is_written_and_what_waits_is_said(
    client: TestClient, workspace: Workspace
) -> None:
    after = answer(client, "move")
    assert after.status_code == 200
    assert "2 corrections wait" in after.text
    assert f"fer-assets materialize identity_clusters --partition {KEY}" in after.text
    lines = csv_of(workspace).read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["action", "split", "merge"]
    undone = client.post("/undo", data=form(after.text.split('action="/undo"')[1]))
    assert "corrections wait" not in undone.text
    assert csv_of(workspace).read_text().splitlines() == lines[:1]


def test_everything_answered_says_so(client: TestClient) -> None:
    for _ in range(3):
        answer(client, "keep")
    assert "Nothing is left to look at" in client.get("/").text


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"csrf": "0" * 64}, 403),
        ({"csrf": ""}, 403),
        ({"item": "f" * 16}, 409),
        ({"choice": "merge"}, 422),
        ({"choice": "<script>alert(1)</script>"}, 422),
    ],
)
def test_bad_forms_are_refused_and_nothing_is_written(
    client: TestClient, workspace: Workspace, changed: dict[str, str], status: int
) -> None:
    choice = changed.get("choice", "keep")
    found = answer(client, choice, **{k: v for k, v in changed.items() if k != "choice"})
    assert found.status_code == status
    assert "<script>alert" not in found.text
    assert not csv_of(workspace).exists()


def test_a_replayed_decision_changes_nothing(client: TestClient, workspace: Workspace) -> None:
    fields = {**form(client.get("/").text.split('action="/decide"')[1]), "choice": "split"}
    client.post("/decide", data=fields)
    once = csv_of(workspace).read_bytes()
    assert client.post("/decide", data=fields).status_code == 200
    assert client.post("/decide", data={**fields, "choice": "not-a-face"}).status_code == 200
    assert csv_of(workspace).read_bytes() == once


def test_a_broken_corrections_file_is_one_sentence(
    client: TestClient, workspace: Workspace
) -> None:
    fields = {**form(client.get("/").text.split('action="/decide"')[1]), "choice": "split"}
    csv_of(workspace).write_text("action,id\n")
    found = client.post("/decide", data=fields)
    assert (found.status_code, "no column other_id" in found.text) == (422, True)
    assert csv_of(workspace).read_text() == "action,id\n"


def test_a_withdrawn_face_is_gone_at_once(client: TestClient, workspace: Workspace) -> None:
    clusters = workspace.data.table(names.IDENTITY_CLUSTERS, KEY, "identity_clusters")
    pictures = re.findall(r'src="(/faces/[^"]+)"', client.get("/").text)
    assert {client.get(path).status_code for path in pictures} == {200}
    add_tombstones(workspace.store, "video", clusters["video_id"].unique().to_list())
    assert {client.get(path).status_code for path in pictures} == {404}
    assert "Nothing is left" in client.get("/").text


def test_lists_show_suspect_labels(client: TestClient) -> None:
    text = client.get("/lists").text
    assert "Labels with low agreement" in text
    assert "perhaps disgust" in text
    assert text.count("/faces/") == 4


def test_a_workers_words_stay_words(client: TestClient) -> None:
    text = client.get("/lists").text
    assert "<img src=x" not in text
    assert html.escape(RUDE, quote=True).replace("&quot;", "&#34;") in text


def test_no_page_names_a_file_or_a_face(client: TestClient, workspace: Workspace) -> None:
    clusters = workspace.data.table(names.IDENTITY_CLUSTERS, KEY, "identity_clusters")
    for path in PAGES:
        text = client.get(path).text
        assert not [i for i in (*clusters["face_id"], *clusters["video_id"]) if i in text]


def test_pictures_kept_are_bounded() -> None:
    reads: list[str] = []

    def read(video: str) -> dict[str, bytes]:
        reads.append(video)
        return {f"{video}/{k}": bytes(100) for k in range(3)}

    version = ["1"]
    pictures = Pictures(read, lambda: version[0], most_bytes=350)
    assert pictures.crop("a/0") == bytes(100)
    assert pictures.crop("a/1") == bytes(100)
    assert reads == ["a"]
    assert pictures.crop("b/2") == bytes(100)
    assert pictures._n_bytes == 300
    assert pictures.crop("b/9") is None
    version[0] = "2"
    pictures.crop("b/2")
    assert (len(pictures._kept), pictures._n_bytes) == (3, 300)


def test_clock() -> None:
    assert [clock(s) for s in (0, 7.25, 59.96, 67.5, 3600)] == [
        "0:00.0", "0:07.2", "1:00.0", "1:07.5", "60:00.0",
    ]  # fmt: skip
