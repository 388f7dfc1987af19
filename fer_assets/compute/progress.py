"""Progress of long work, shown wherever the work happens to run.

Belongs here: `track`, `show`, and who the command line, a Dagster step or a notebook lets listen.
Does not belong here: drawing bars (the command line does) or logging (the Dagster step does).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

T = TypeVar("T")


class Reporter(Protocol):
    """Is told how far a named piece of work has come."""

    def __call__(self, label: str, done: int, total: int) -> None:
        """Called at 0, after each item, and at `total`."""


class Viewer(Protocol):
    """Is shown pictures of work that goes on."""

    def __call__(self, title: str, draw: Callable[[], bytes]) -> None:
        """Called when there is something new to see; `draw` makes a PNG, for who wants it."""


_viewers: ContextVar[tuple[Viewer, ...]] = ContextVar("fer_assets_viewers", default=())
_reporters: ContextVar[tuple[Reporter, ...]] = ContextVar("fer_assets_reporters", default=())


@contextmanager
def reporting_to(reporter: Reporter) -> Iterator[None]:
    """Send all progress inside the block to `reporter`, too: who listens already still does."""
    token = _reporters.set((*_reporters.get(), reporter))
    try:
        yield
    finally:
        _reporters.reset(token)


def track(items: Iterable[T], total: int, label: str) -> Iterator[T]:
    """Yield `items` unchanged, reporting ``label: done of total`` as they are consumed.

    Args:
        items: what is worked through; consumed lazily.
        total: how many there will be.
        label: what the work is, e.g. ``"detecting faces"``; no file, video or person in it.
    """
    reporters = _reporters.get()

    def report(done: int) -> None:
        for reporter in reporters:
            reporter(label, done, total)

    report(0)
    for done, item in enumerate(items, start=1):
        yield item
        report(done)


@contextmanager
def shown_to(viewer: Viewer) -> Iterator[None]:
    """Send all that is shown inside the block to `viewer`, too."""
    token = _viewers.set((*_viewers.get(), viewer))
    try:
        yield
    finally:
        _viewers.reset(token)


def show(title: str, draw: Callable[[], bytes]) -> None:
    """Let who watches see a picture of the work, e.g. its learning curve so far.

    Args:
        title: what it is; the same title takes the place of what was shown before.
        draw: makes the PNG; not called where nobody watches.
    """
    for viewer in _viewers.get():
        viewer(title, draw)
