"""The labelling page of a challenge: where its book is, opening it, and handing its answers on.

Belongs here: wiring of `labels.page`. Does not belong here: its work, serving it
(`commands/label.py`).
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fer_assets.lines.inputs import challenge
from fer_assets.lines.tiktokfer.names import FACE_CROPS, LABELLING_TASKS
from fer_assets.lines.tiktokfer.tasks import questionnaire_of
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.parts import parquet_bytes

if TYPE_CHECKING:
    from fer_assets.labels.page.answer_book import AnswerBook
    from fer_assets.labels.page.app import LabellingPage

COLLECTED: Final = "labelling-page.parquet"


def book_path(workspace: Workspace, key: str) -> Path:
    """The page's SQLite file; local, even where the storage root is not."""
    return workspace.state / "labelling" / f"{key}.sqlite"


def open_book(workspace: Workspace, key: str) -> AnswerBook:
    """The page's book, made if it is not there.

    Raises:
        ChallengeError: there is no such challenge.
    """
    from fer_assets.labels.page.answer_book import AnswerBook

    challenge(workspace, key)
    return AnswerBook(book_path(workspace, key))


def collect_page_answers(workspace: Workspace, key: str) -> int:
    """Write what the page's workers said to ``answers/KEY/labelling-page.parquet``.

    The file is replaced at once, left alone where nothing changed, and removed where the book is
    empty. A challenge whose page was never used is left alone, too.

    Returns:
        Rows in the file.
    """
    from fer_assets.labels.page.answer_book import AnswerBook

    path = book_path(workspace, key)
    if not path.exists():
        return 0
    book = AnswerBook(path)
    try:
        answers = book.answers()
    finally:
        book.close()
    target = f"answers/{key}/{COLLECTED}"
    if answers.is_empty():
        workspace.store.delete(target)
        return 0
    data = parquet_bytes(answers)
    if not (workspace.store.exists(target) and workspace.store.read(target) == data):
        workspace.store.write(target, data)
    return answers.height


def open_page(
    workspace: Workspace,
    key: str,
    *,
    pay_per_hour: float | None = None,
    currency: str = "",
    is_https: bool = False,
    hosts: Collection[str] | None = None,
) -> LabellingPage:
    """The page of a challenge, ready to be served; its desk's thread runs until it was.

    Args:
        pay_per_hour: pay for an hour, told to workers; None says nothing.
        currency: after amounts.
        is_https: whether browsers reach it by HTTPS only.
        hosts: names the server goes by; None for any.

    Raises:
        ChallengeError: there is no such challenge.
        NotMaterializedError: its labelling tasks were never made.
    """
    from fer_assets.labels.page.answer_book import AnswerBook
    from fer_assets.labels.page.app import LabellingPage
    from fer_assets.labels.page.board import Board
    from fer_assets.labels.page.collecting import Collector
    from fer_assets.labels.page.desk import Desk
    from fer_assets.labels.page.faces import FacePictures
    from fer_assets.labels.page.group_commit import DeskThread
    from fer_assets.labels.page.sessions import Sessions
    from fer_assets.labels.page.views import PageSettings, Views
    from fer_assets.web.signing import read_secret

    name = challenge(workspace, key).name
    questionnaire = questionnaire_of(workspace, key)
    path = book_path(workspace, key)
    store = workspace.store

    def open_desk() -> Desk:
        board = Board(store, Place(LABELLING_TASKS, key), questionnaire.digest)
        return Desk(AnswerBook(path), board, questionnaire)

    return LabellingPage(
        DeskThread(open_desk),
        FacePictures(store, Place(FACE_CROPS, key)),
        Sessions(read_secret(path.with_suffix(".secret")), key, is_https=is_https),
        Views(PageSettings(key, name, pay_per_hour, currency), questionnaire),
        Collector(lambda: collect_page_answers(workspace, key)),
        hosts,
    )
