"""A small root, a clock, and the page on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from starlette.testclient import TestClient

from fer_assets.labels.page.answer_book import AnswerBook
from fer_assets.labels.page.app import LabellingPage
from fer_assets.labels.page.invitations import invite
from fer_assets.lines.tiktokfer.page_answers import book_path, open_page
from fer_assets.lines.tiktokfer.tasks import questionnaire_of
from fer_assets.lines.workspace import Workspace
from fer_assets_tests.labels.page.roots import KEY, Browser, Clock, make_root


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return make_root(tmp_path)


@pytest.fixture
def book(workspace) -> Iterator[AnswerBook]:
    """A second connection to the page's book, as other processes have."""
    found = AnswerBook(book_path(workspace, KEY))
    yield found
    found.close()


@pytest.fixture
def page(workspace) -> LabellingPage:
    return open_page(workspace, KEY, pay_per_hour=18.0, currency="EUR")


@pytest.fixture
def new_browser(page, book, workspace) -> Iterator[Callable[[], Browser]]:
    """Makes browsers with an invitation of their own, on the same running page."""
    app = page.app()
    questionnaire = questionnaire_of(workspace, KEY)
    with TestClient(app, base_url="http://testserver"):

        def make(token: str = "") -> Browser:
            link = f"/enter/{token or invite(book, 1, 1)[0][1]}"
            client = TestClient(app, base_url="http://testserver")
            return Browser(client, questionnaire).enter(link)

        yield make


@pytest.fixture
def browser(new_browser) -> Browser:
    return new_browser()
