"""Work that overlaps, in order and in bounded memory.

Belongs here: reading ahead on one thread, and one function on several threads. Does not belong
here: what is read or worked on. Decoders, networks and image codecs let other threads run while
they compute, so threads are enough.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from queue import SimpleQueue
from threading import Event, Semaphore
from typing import Any, Final, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_END: Final = object()


def ahead(items: Iterable[T], limit: int) -> Generator[T, None, None]:
    """Yield `items` unchanged while a thread of its own already fetches the next ones.

    At most `limit` of them are fetched and not yet taken. An error of `items` is raised where its
    item would have come. When the consumer stops early, `items` is closed on the thread that read
    it, as soon as the item being fetched is there.

    Args:
        items: read on one other thread, from the first item asked for.
        limit: at least 1.
    """
    if limit < 1:
        raise ValueError(f"limit is at least 1, not {limit}")
    return _ahead(items, limit)


def _ahead(items: Iterable[T], limit: int) -> Generator[T, None, None]:
    queue: SimpleQueue[Any] = SimpleQueue()
    free = Semaphore(limit)
    is_over = Event()

    def fetch() -> None:
        source = iter(items)
        try:
            while free.acquire() and not is_over.is_set():
                item = next(source, _END)
                if item is _END:
                    break
                queue.put(item)
                del item  # or one item more than `limit` would be kept while this waits
        finally:
            queue.put(_END)
            if close := getattr(source, "close", None):
                close()

    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        fetching = pool.submit(fetch)
        try:
            while (item := queue.get()) is not _END:
                free.release()
                yield item
                del item
            fetching.result()
        finally:
            is_over.set()
            free.release()


def in_order(
    work: Callable[[T], R], items: Iterable[T], workers: int, waiting: int | None = None
) -> Generator[R, None, None]:
    """Yield ``work(item)`` for each item, in the items' order, worked on by several threads.

    Args:
        work: called on any of the threads, on several at once.
        items: read on the caller's thread.
        workers: threads; with 1, one item is worked on while the next is read.
        waiting: most items that are taken and whose result is not yet yielded; twice the workers
            by default.

    Raises:
        ValueError: `workers` or `waiting` is below 1.
    """
    waiting = 2 * workers if waiting is None else waiting
    if workers < 1 or waiting < 1:
        raise ValueError(f"workers and waiting are at least 1, not {workers} and {waiting}")
    return _in_order(work, items, workers, waiting)


def _in_order(
    work: Callable[[T], R], items: Iterable[T], workers: int, waiting: int
) -> Generator[R, None, None]:
    results: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="in-order") as pool:
        try:
            for item in items:
                results.append(pool.submit(work, item))
                del item
                if len(results) >= waiting:
                    yield results.popleft().result()
            while results:
                yield results.popleft().result()
        finally:
            for result in results:
                result.cancel()


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield `items` in lists of `size`; the last may be shorter."""
    if size < 1:
        raise ValueError(f"size is at least 1, not {size}")
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk
        chunk = []
