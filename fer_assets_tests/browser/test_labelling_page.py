"""The labelling page in a real browser."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import polars as pl
import pytest

from fer_assets.labels.page.invitations import invite, revoke
from fer_assets.lines.tiktokfer.page_answers import open_book
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets_tests.browser.conftest import PHONE
from fer_assets_tests.browser.servers import Server
from fer_assets_tests.browser.small_root import KEY, make_root
from fer_assets_tests.browser.watching import Watch

Browse = Callable[..., Watch]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, str]]:
    root = tmp_path_factory.mktemp("labelling")
    make_root(root, n_videos=3)
    options = ("--partition", KEY, "--pay-per-hour", "12", "--currency", "EUR")
    with Server(root, ("label", *options)) as server:
        yield open_workspace(root), server.address()


@pytest.fixture
def worker(served: tuple[Workspace, str]) -> tuple[str, str]:
    """A new worker's pseudonym and link."""
    return invited(served)


def invited(served: tuple[Workspace, str], days: float = 1) -> tuple[str, str]:
    workspace, url = served
    book = open_book(workspace, KEY)
    try:
        ((name, token),) = invite(book, 1, days)
    finally:
        book.close()
    return name, f"{url}/enter/{token}"


def said(served: tuple[Workspace, str], name: str) -> pl.DataFrame:
    book = open_book(served[0], KEY)
    try:
        return book.answers().filter(pl.col("worker") == name)
    finally:
        book.close()


def pairs(answers: pl.DataFrame) -> dict[str, str]:
    return dict(answers.select("question", "answer").iter_rows())


def at_face(watch: Watch, number: int) -> None:
    watch.page.locator("h1", has_text=re.compile(f"^Face {number}$")).wait_for(state="attached")


def enter(browse: Browse, link: str, **options: object) -> Watch:
    """Through consent and instructions to the first face."""
    watch = browse(**options)
    page = watch.page
    page.goto(link)
    if page.locator("input[name=consent]").count():
        page.locator("input[name=consent]").check()
    page.locator("form button").click()
    if "/instructions" in page.url:
        page.locator("a.primary").first.click()
    page.locator("#question").wait_for()
    return watch


def task_of(watch: Watch) -> str:
    return watch.page.locator("#final [name=task]").get_attribute("value") or ""


def test_the_whole_path_by_keyboard_alone(
    browse: Browse, served: tuple[Workspace, str], worker: tuple[str, str]
) -> None:
    name, link = worker
    watch = browse()
    page, keyboard = watch.page, watch.page.keyboard
    page.goto(link)
    watch.check_screen()
    watch.check_focus()
    page.evaluate("document.activeElement.blur()")
    while page.evaluate("document.activeElement.name") != "consent":
        keyboard.press("Tab")
    keyboard.press("Space")
    keyboard.press("Tab")
    keyboard.press("Enter")
    page.wait_for_url("**/instructions")
    watch.check_screen()
    keyboard.press("Enter")
    at_face(watch, 1)
    watch.check_screen()
    watch.check_focus()
    for question, key in (("is_face", "1"), ("skin_tone", "3"), ("age_group", "2")):
        page.locator(f"#question [data-question={question}]").wait_for()
        keyboard.press(key)
    keyboard.press("u")  # the age again
    assert page.locator("#question .chosen").get_attribute("value") == "teen"
    keyboard.press("3")
    page.locator("#question [data-question=gender]").wait_for()
    keyboard.press("1")
    assert page.locator("#summary li").count() == 4
    page.locator("#question [data-question=ekman]").wait_for()
    watch.check_screen()
    chosen = page.locator("#question button[value=surprise]").get_attribute("data-key")
    keyboard.press(chosen or "")
    at_face(watch, 2)
    first = {"is_face": "yes", "skin_tone": "III", "age_group": "young-adult", "gender": "woman",
             "ekman": "surprise"}  # fmt: skip
    assert pairs(said(served, name)) == first
    # Taken back, it is there again, filled in; kept, it is as it was.
    keyboard.press("Backspace")
    at_face(watch, 1)
    assert said(served, name).is_empty()
    assert page.locator("#summary li").count() == 5
    watch.check_screen()
    keyboard.press("Enter")
    at_face(watch, 2)
    assert pairs(said(served, name)) == first
    keyboard.press("?")
    assert page.locator("dialog[open]").is_visible()
    keyboard.press("Escape")
    keyboard.press("p")
    page.get_by_role("heading", name="Paused").wait_for()
    watch.check_screen()
    keyboard.press("Enter")
    at_face(watch, 2)


def test_on_a_phone_by_touch(
    browse: Browse, served: tuple[Workspace, str], worker: tuple[str, str]
) -> None:
    name, link = worker
    watch = enter(browse, link, **PHONE)
    page = watch.page
    watch.check_screen()
    for question, value in (
        ("is_face", "yes"), ("skin_tone", "II"), ("age_group", "adult"), ("gender", "man"),
        ("ekman", "none"),
    ):  # fmt: skip
        button = page.locator(f"#question [data-question={question}] button[value={value}]")
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        watch.check_screen()
        button.tap()
    # The challenge has Ekman's expressions alone: only these are left to say.
    page.locator("#question [data-question=beyond_ekman] button[value=none]").tap()
    at_face(watch, 2)
    assert pairs(said(served, name))["beyond_ekman"] == "none"
    for path in ("/me", "/instructions", "/withdraw"):
        page.goto(re.sub(r"/face.*", path, page.url) if "/face" in page.url else served[1] + path)
        watch.check_screen()


def test_resumes_in_another_browser(
    browse: Browse, served: tuple[Workspace, str], worker: tuple[str, str]
) -> None:
    name, link = worker
    first = enter(browse, link)
    first.page.keyboard.press("2")
    at_face(first, 2)
    second = enter(browse, link, color_scheme="dark")
    at_face(second, 2)
    assert task_of(second) == task_of(first)
    # The same face answered in both is answered once.
    second.page.keyboard.press("2")
    at_face(second, 3)
    first.expected |= {409}
    first.page.keyboard.press("2")
    first.page.wait_for_load_state()
    answers = said(served, name)
    assert answers.height == answers["task_id"].n_unique() == 2


def test_skip_and_report(
    browse: Browse, served: tuple[Workspace, str], worker: tuple[str, str]
) -> None:
    name, link = worker
    watch = enter(browse, link)
    page, keyboard = watch.page, watch.page.keyboard
    reported, comment = task_of(watch), '=HYPERLINK("x") <b>&'
    keyboard.press("f")
    watch.check_screen()
    keyboard.press("1")
    page.locator("#flag textarea").fill(comment)
    page.locator("#flag button").click()
    page.get_by_role("status").wait_for()
    keyboard.press("s")
    keyboard.press("2")
    keyboard.press("Tab")
    page.keyboard.type("u1s")  # words, not keys
    page.locator("#skip button").press("Enter")
    at_face(watch, 2)
    assert task_of(watch) != reported
    rows = said(served, name).sort("question")
    assert rows["question"].to_list() == ["flag", "skip"]
    assert rows["comment"].to_list() == [comment, "u1s"]
    assert set(rows["task_id"]) == {reported}


def test_links_that_let_nobody_in(
    browse: Browse, served: tuple[Workspace, str], worker: tuple[str, str]
) -> None:
    watch = browse()
    watch.expected |= {401, 403}
    _, expired = invited(served, days=1e-9)
    name, link = worker
    inside = enter(browse, link)
    picture = inside.page.locator(".picture img").get_attribute("src") or ""
    book = open_book(served[0], KEY)
    revoke(book, name)
    book.close()
    for address, words in (
        (expired, "has expired"),
        (link, "has been closed"),
        (f"{served[1]}/enter/guessed", "no such invitation"),
    ):
        time.sleep(0.001)
        found = watch.page.goto(address)
        assert found is not None
        assert found.status == 403
        assert words in watch.page.locator("h1").inner_text()
        assert watch.page.locator("form").count() == 0
        watch.check_screen()
    # A session that was open ends, too.
    inside.expected |= {403}
    for path in ("/face", picture):
        assert inside.status_of(served[1] + path) == 403


def test_a_forged_cookie_is_nobody(
    browse: Browse, served: tuple[Workspace, str], worker: tuple[str, str]
) -> None:
    inside = enter(browse, worker[1])
    picture = inside.page.locator(".picture img").get_attribute("src") or ""
    (cookie,) = inside.page.context.cookies()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert inside.page.evaluate("document.cookie") == ""
    stranger = browse()
    stranger.expected |= {401, 403}
    for value in ("", cookie["value"][:-3] + "AAA", "e30.x"):
        if value:
            stranger.page.context.add_cookies(
                [{"name": cookie["name"], "value": value, "url": served[1]}]
            )
        for path in ("/face", "/me", picture):
            assert stranger.status_of(served[1] + path) == 401
    # Another worker does not get the picture, and nobody a kept copy.
    other = enter(browse, invited(served)[1])
    other.expected |= {403, 404, 409}
    if task_of(other) != task_of(inside):
        assert other.status_of(served[1] + picture) >= 400
    own = inside.page.context.request.get(served[1] + picture)
    assert (own.status, own.headers["cache-control"]) == (200, "no-store")


def test_withdrawal(browse: Browse, served: tuple[Workspace, str], worker: tuple[str, str]) -> None:
    name, link = worker
    watch = enter(browse, link)
    page = watch.page
    page.keyboard.press("2")
    at_face(watch, 2)
    page.goto(f"{served[1]}/me")
    assert "EUR" in page.locator("table").inner_text()
    watch.check_focus()
    page.get_by_role("link", name="Withdraw my answers").click()
    page.get_by_role("button", name="Withdraw").click()  # the box is not ticked: nothing happens
    assert said(served, name).height == 1
    page.locator("input[name=sure]").check()
    page.get_by_role("button", name="Withdraw").click()
    page.get_by_role("heading", name="Your answers are removed").wait_for()
    watch.check_screen()
    assert said(served, name).is_empty()
    watch.expected |= {401, 403}
    assert watch.status_of(link) == 403


def test_without_scripts(
    browse: Browse, served: tuple[Workspace, str], worker: tuple[str, str]
) -> None:
    name, link = worker
    watch = enter(browse, link, java_script_enabled=False, **PHONE)
    page = watch.page
    for value in ("yes", "I", "senior", "unclear"):
        page.locator(f"#question button[value={value}]").first.click()
    assert page.locator("#summary li").count() == 4
    page.locator("#summary a").nth(2).click()  # back to the age
    page.locator("#question button[value=adult]").click()
    page.locator("#question button[value=unclear]").click()
    page.locator("#question button[value=smiling]").click()
    assert "Face 2" in page.title()
    assert pairs(said(served, name)) == {
        "is_face": "yes", "skin_tone": "I", "age_group": "adult", "gender": "unclear",
        "ekman": "smiling",
    }  # fmt: skip
    page.locator("#undo button").click()
    assert "Face 1" in page.title()
    page.get_by_role("button", name="Keep these answers").click()
    page.locator("#skip summary").click()
    page.locator("#skip input[type=radio]").first.check()
    page.locator("#skip button").click()
    assert "Face 3" in page.title()
    assert said(served, name).filter(pl.col("question") == "skip").height == 1


def test_to_the_last_face(
    browse: Browse, served: tuple[Workspace, str], worker: tuple[str, str]
) -> None:
    name, link = worker
    watch = enter(browse, link)
    number = 1
    while watch.page.locator("#question").count():
        watch.page.keyboard.press("2")
        number += 1
        shown = re.compile(rf"^Face {number}$|^That is all")
        watch.page.locator("h1", has_text=shown).wait_for(state="attached")
    watch.check_screen()
    answers = said(served, name)
    tasks = served[0].data.table("tiktokfer/labelling_tasks", KEY)
    assert answers.height == answers["task_id"].n_unique() == number - 1
    assert set(answers["task_id"]) <= set(tasks["task_id"])
    watch.page.keyboard.press("u")
    at_face(watch, number - 1)
