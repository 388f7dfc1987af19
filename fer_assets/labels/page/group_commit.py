"""One thread owns the desk and commits many requests at once.

Belongs here: the queue, batches, and what a failed commit means. Does not belong here: what a
request does (`desk.py`).

A sync to disk takes milliseconds and requests don't wait for each other's: what arrived meanwhile
is done in one transaction with one sync. A request is answered only after its transaction is on
disk. A request that is refused is undone alone; if the disk is full, all of its batch fail.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

from fer_assets.labels.page.database import NotSavedError
from fer_assets.labels.page.desk import Desk
from fer_assets.web.errors import PageError

T = TypeVar("T")
Kind = Literal["read", "write", "alone"]

_MOST: Final = 64


@dataclass(frozen=True)
class _Request:
    kind: Kind
    work: Callable[[Desk], Any]
    future: Future[Any]


class DeskThread:
    """Runs requests at the desk, in the order they come: reads first, then writes in one go.

    Args:
        open_desk: opens the desk, in the thread that owns it.
    """

    def __init__(self, open_desk: Callable[[], Desk]) -> None:
        self._open_desk = open_desk
        self._queue: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._is_open: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="desk", daemon=True)
        self._thread.start()
        self._is_open.result()

    def submit(self, work: Callable[[Desk], T], kind: Kind = "read") -> Future[T]:
        """Do `work` at the desk.

        Args:
            kind: ``read`` changes nothing; ``write`` is done with others in one transaction, and
                the future is set when it is on disk; ``alone`` is outside of any transaction.
        """
        future: Future[T] = Future()
        self._queue.put(_Request(kind, work, future))
        return future

    def close(self) -> None:
        """Finish what is queued, close the book, end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        desk: Desk | None = None
        with _errors_to([self._is_open]):
            desk = self._open_desk()
            self._is_open.set_result(None)
        if desk is None:
            return
        try:
            while (batch := self._next_batch()) is not None:
                _serve(desk, batch)
        finally:
            desk.book.close()

    def _next_batch(self) -> list[_Request] | None:
        """All that waits, at most `_MOST`; waits for the first. None at the end."""
        first = self._queue.get()
        if first is None:
            return None
        batch = [first]
        while len(batch) < _MOST:
            try:
                more = self._queue.get_nowait()
            except queue.Empty:
                break
            if more is None:
                self._queue.put(None)
                break
            batch.append(more)
        return batch


@contextmanager
def _errors_to(futures: Sequence[Future[Any]]) -> Iterator[None]:
    """Raise what goes wrong where the futures are waited for: nobody waits in this thread."""
    try:
        yield
    except BaseException as error:  # noqa: BLE001 - handed on whole, as executors do
        for future in futures:
            if not future.done():
                future.set_exception(error)


def _serve(desk: Desk, batch: Sequence[_Request]) -> None:
    # From here on a request can't be cancelled; one that was, since its browser left, is not done.
    batch = [request for request in batch if request.future.set_running_or_notify_cancel()]
    with _errors_to([request.future for request in batch]):
        desk.refresh()
        for request in batch:
            if request.kind == "read":
                _settle(request, desk)
        if writes := [request for request in batch if request.kind == "write"]:
            _write(desk, writes)
        for request in batch:
            if request.kind == "alone":
                _settle(request, desk)


def _settle(request: _Request, desk: Desk) -> None:
    with _errors_to([request.future]):
        request.future.set_result(request.work(desk))


def _write(desk: Desk, requests: Sequence[_Request]) -> None:
    """Do all in one transaction; who was refused is told so only after it, too."""
    with _errors_to([request.future for request in requests]):
        for request, (result, refusal) in zip(requests, _commit(desk, requests), strict=True):
            if refusal is not None:
                request.future.set_exception(refusal)
            else:
                request.future.set_result(result)


def _commit(desk: Desk, requests: Sequence[_Request]) -> list[tuple[Any, PageError | None]]:
    """Each request's result, or why it was refused; all of it is on disk."""
    outcomes: list[tuple[Any, PageError | None]] = []
    try:
        with desk.book.database.write():
            for request in requests:
                mark = desk.mark()
                try:
                    with desk.book.database.write():
                        outcomes.append((request.work(desk), None))
                except NotSavedError:
                    raise
                except PageError as refusal:
                    desk.roll_back(mark)
                    outcomes.append((None, refusal))
        desk.keep()
    finally:
        desk.roll_back()  # what was kept is not touched
    return outcomes
