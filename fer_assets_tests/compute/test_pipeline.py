from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.compute.pipeline import ahead, chunks, in_order


class Item:
    """Something whose life can be watched."""

    def __init__(self, number: int) -> None:
        self.number = number


class Source:
    """An iterator that notes how many of its items are alive, and who reads and closes it."""

    def __init__(self, count: int, fails_at: int | None = None) -> None:
        self.count, self.fails_at = count, fails_at
        self.alive: list[weakref.ref[Item]] = []
        self.most = 0
        self.is_closed = False
        self.threads: set[str] = set()

    def __iter__(self) -> Iterator[Item]:
        try:
            for number in range(self.count):
                self.threads.add(threading.current_thread().name)
                if number == self.fails_at:
                    raise OSError("the source broke")
                item = Item(number)
                self.alive.append(weakref.ref(item))
                self.most = max(self.most, sum(ref() is not None for ref in self.alive))
                yield item
                del item
        finally:
            self.threads.add(threading.current_thread().name)
            self.is_closed = True


def _threads() -> set[threading.Thread]:
    return {t for t in threading.enumerate() if t.name.startswith(("ahead", "in-order"))}


@given(count=st.integers(0, 40), limit=st.integers(1, 5))
@settings(max_examples=30, deadline=None)
def test_items_come_unchanged_and_in_order(count: int, limit: int) -> None:
    source = Source(count)
    assert [item.number for item in ahead(source, limit)] == list(range(count))
    assert source.is_closed
    assert threading.current_thread().name not in source.threads
    assert not _threads()


@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_are_fetched_than_the_limit(limit: int) -> None:
    source = Source(60)
    for item in ahead(source, limit):
        time.sleep(0.001)  # lets the thread fetch as many as it may
        del item
    assert limit <= source.most <= limit + 1


def test_fetching_goes_on_while_an_item_is_worked_on() -> None:
    fetched = threading.Event()

    def source() -> Iterator[int]:
        yield 0
        fetched.set()
        yield 1

    items = ahead(source(), 2)
    assert next(items) == 0
    assert fetched.wait(10)
    assert list(items) == [1]


def test_an_error_comes_where_its_item_would_have_come() -> None:
    source = Source(9, fails_at=4)
    seen = []
    with pytest.raises(OSError, match="the source broke"):
        for item in ahead(source, 3):
            seen.append(item.number)
    assert seen == [0, 1, 2, 3]
    assert not _threads()


def test_a_consumer_that_stops_early_ends_the_thread_and_closes_the_source() -> None:
    source = Source(1_000_000)
    items = ahead(source, 2)
    assert next(items).number == 0
    items.close()
    assert source.is_closed
    assert threading.current_thread().name not in source.threads
    assert not _threads()


def test_an_iterator_never_begun_starts_nothing() -> None:
    source = Source(3)
    ahead(source, 1).close()
    assert not source.threads


@given(count=st.integers(0, 30), workers=st.integers(1, 4), waiting=st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_results_are_in_the_order_of_the_items(count: int, workers: int, waiting: int) -> None:
    def work(item: Item) -> int:
        time.sleep(0.0005 * (item.number % 3))  # later ones finish earlier
        return item.number**2

    found = in_order(work, Source(count), workers, waiting)
    assert list(found) == [number**2 for number in range(count)]


def test_workers_work_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=10)
    assert list(in_order(lambda _: both.wait() in (0, 1), range(4), workers=2)) == [True] * 4


def test_what_is_taken_and_not_yielded_is_bounded() -> None:
    source = Source(50)
    for number in in_order(lambda item: item.number, source, workers=2, waiting=4):
        assert number < 50
    assert source.most <= 5


def test_an_error_of_the_work_is_raised_in_its_place_and_ends_the_threads() -> None:
    seen = []

    def work(number: int) -> int:
        if number == 5:
            raise ValueError("five")
        return number

    with pytest.raises(ValueError, match="five"):
        for number in in_order(work, range(100), workers=3):
            seen.append(number)
    assert seen == [0, 1, 2, 3, 4]
    assert not _threads()


def test_closing_early_leaves_the_rest_undone() -> None:
    done: list[int] = []
    found = in_order(lambda n: done.append(n) or n, range(100), workers=1, waiting=3)
    assert next(found) == 0
    found.close()
    assert len(done) <= 3
    assert not _threads()


def test_both_together_pass_errors_on() -> None:
    source = Source(20, fails_at=10)
    found = in_order(lambda item: item.number, ahead(source, 2), workers=2)
    seen = []
    with pytest.raises(OSError, match="broke"):
        seen.extend(found)
    assert seen == list(range(len(seen)))
    assert not _threads()


@given(st.lists(st.integers()), st.integers(1, 7))
def test_chunks_hold_every_item_once(items: list[int], size: int) -> None:
    found = list(chunks(items, size))
    assert [item for chunk in found for item in chunk] == items
    assert all(len(chunk) == size for chunk in found[:-1])


def test_sizes_below_one_are_refused() -> None:
    for make in (lambda: ahead([], 0), lambda: in_order(str, [], 0), lambda: list(chunks([], 0))):
        with pytest.raises(ValueError, match="at least 1"):
            make()
