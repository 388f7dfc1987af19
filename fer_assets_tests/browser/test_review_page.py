"""The curator's review page in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fer_assets_tests.browser.conftest import PHONE
from fer_assets_tests.browser.servers import Server
from fer_assets_tests.browser.small_root import KEY, make_root
from fer_assets_tests.browser.watching import Watch

Browse = Callable[..., Watch]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    root = tmp_path_factory.mktemp("review")
    make_root(root)
    with Server(root, ("review", "--partition", KEY)) as server:
        yield server, root


@pytest.fixture(scope="module")
def links(base: tuple[Server, Path]) -> Callable[[], str]:
    """The first link; later ones appear when a used one is tried."""
    server, _ = base
    first = server.address()
    handed: list[str] = []

    def link() -> str:
        if not handed:
            handed.append(first)
        else:
            import httpx

            assert httpx.get(handed[-1]).status_code == 403
            handed.append(server.address())
        return handed[-1]

    return link


@pytest.fixture
def csv(base: tuple[Server, Path]) -> Path:
    return base[1] / "challenges" / KEY / "identity_corrections.csv"


def enter(browse: Browse, link: str, **options: object) -> Watch:
    watch = browse(**options)
    watch.page.goto(link)
    # Each test starts with nothing decided.
    while watch.page.locator("form[action='/undo']").count():
        watch.page.locator("form[action='/undo'] button").click()
    watch.page.goto(address(watch, "/"))
    return watch


def address(watch: Watch, path: str) -> str:
    return "/".join(watch.page.url.split("/")[:3]) + path


def rows(csv: Path) -> list[str]:
    return [line.split(",")[0] for line in csv.read_text().splitlines()[1:]] if csv.exists() else []


def test_the_whole_path_by_keyboard_alone(
    browse: Browse, links: Callable[[], str], csv: Path
) -> None:
    watch = enter(browse, links())
    page = watch.page
    heading = page.locator("h1")
    assert heading.inner_text() == "Does this belong to this person?"
    watch.check_screen()
    watch.check_focus()
    page.keyboard.press("ArrowRight")
    page.get_by_text("2 of 3").wait_for()
    assert heading.inner_text() == "Is this a face?"
    page.keyboard.press("ArrowLeft")
    page.get_by_text("1 of 3").wait_for()
    page.keyboard.press("?")
    assert page.locator("details[open]").count() == 1
    page.keyboard.press("m")  # the face is the other person
    page.get_by_text("2 corrections wait").wait_for()
    assert rows(csv) == ["split", "merge"]
    page.keyboard.press("n")  # the square
    page.get_by_text("3 corrections wait").wait_for()
    assert heading.inner_text() == "Are these the same person?"
    page.keyboard.press("k")
    page.get_by_text("Last: kept as it is").wait_for()
    assert heading.inner_text() == "Nothing is left to look at"
    assert page.locator("p code").is_visible()
    watch.check_screen()
    page.keyboard.press("u")
    page.get_by_text("Are these the same person?").wait_for()
    page.keyboard.press("u")
    page.get_by_text("2 corrections wait").wait_for()
    assert rows(csv) == ["split", "merge"]


def test_on_a_phone_marked_faces_alone_leave(
    browse: Browse, links: Callable[[], str], csv: Path
) -> None:
    watch = enter(browse, links(), **PHONE)
    page = watch.page
    for path in ("/queue", "/lists", "/"):
        page.goto(address(watch, path))
        page.wait_for_load_state("networkidle")
        watch.check_screen()
    page.locator("nav >> text=Queue").tap()
    page.locator("text=Are these the same person?").tap()
    page.wait_for_url("**/?item=*")
    watch.check_screen()
    page.get_by_label("Mark face 2 of First person").tap()
    assert page.get_by_text("1 marked: only this face leaves.").is_visible()
    button = page.get_by_role("button", name="not a face")
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    button.tap()
    page.get_by_text("1 correction waits").wait_for()
    (line,) = csv.read_text().splitlines()[1:]
    assert line.startswith("not-a-face,0000000000000003/500/500-401,")


def test_without_scripts(browse: Browse, links: Callable[[], str], csv: Path) -> None:
    watch = enter(browse, links(), java_script_enabled=False, color_scheme="dark")
    page = watch.page
    page.locator("[rel=next]").click()
    page.get_by_role("button", name="Not a face").click()
    assert page.get_by_text("1 correction waits").is_visible()
    page.get_by_role("button", name="Undo").click()
    assert rows(csv) == []


def test_a_second_browser_needs_a_link_of_its_own(browse: Browse, links: Callable[[], str]) -> None:
    first = enter(browse, links())
    other = browse()
    other.expected |= {401, 403}
    other.page.goto(first.page.url)
    assert other.page.get_by_role("alert").is_visible()
    assert other.page.locator("img").count() == 0
    other.check_screen()
    context = other.page.context
    context.add_cookies([
        {"name": c["name"], "value": c["value"][:-2] + "xx", "url": first.page.url}
        for c in first.page.context.cookies()
    ])  # fmt: skip
    other.page.goto(first.page.url)
    assert other.page.get_by_text("This session is not valid").is_visible()
    for path in first.page.evaluate("[...document.images].map((i) => i.src)"):
        assert other.status_of(path) == 401


def test_a_double_click_is_one_decision(
    browse: Browse, links: Callable[[], str], csv: Path
) -> None:
    watch = enter(browse, links())
    watch.page.get_by_role("button", name="Split off").dblclick()
    watch.page.get_by_text("1 correction waits").wait_for()
    assert rows(csv) == ["split"]
    watch.page.go_back()
    watch.page.wait_for_load_state()
    assert rows(csv) == ["split"]
