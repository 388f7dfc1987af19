"""Rendering in several processes that end with the one that started them.

Belongs here: the pool. Does not belong here: what is rendered.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

T = TypeVar("T")


def carried_out(work: Callable[[T], None], todo: Sequence[T], processes: int) -> Iterator[None]:
    """Do `work` on each of `todo`, in that order, and yield once per finished one.

    Args:
        work: a function that can be pickled.
        todo: what to work on; the longest first keeps all processes busy to the end.
        processes: how many; with 1 everything happens in this process.
    """
    if processes == 1 or len(todo) < 2:
        for item in todo:
            work(item)
            yield
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        processes, mp_context=context, initializer=_end_with_parent, initargs=(os.getpid(),)
    ) as pool:
        for future in as_completed([pool.submit(work, item) for item in todo]):
            future.result()
            yield


def _end_with_parent(parent: int) -> None:
    """End this process when the one that started it was killed and could not say so."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
