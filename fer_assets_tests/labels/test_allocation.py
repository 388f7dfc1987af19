import math
from collections import Counter
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fer_assets.labels.allocation import NOT_A_FACE, AllocationSettings, Allocator
from fer_assets.labels.information import crowd_confusion, expected_information, label_posterior

CLASSES = ("angry", "sad", "smiling", "none")


def _tasks(
    n: int, *, people: int = 5, wanted: int = 2, most: int = 4, gold_each: int = 0
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "task_id": [f"task{i}" for i in range(n)],
            "identity_id": [f"person{i % people}" for i in range(n)],
            "is_gold": [gold_each > 0 and i % gold_each == 0 for i in range(n)],
        }
    ).with_columns(answers_wanted=pl.lit(wanted, pl.Int32), answers_at_most=pl.lit(most, pl.Int32))


class Crowd(RuleBasedStateMachine):
    """Workers come, answer, skip, answer again, take back and let holds run out."""

    N, WANTED, MOST, HOLD_S = 7, 2, 3, 10.0

    def __init__(self) -> None:
        super().__init__()
        tasks = _tasks(self.N, people=3, wanted=self.WANTED, most=self.MOST, gold_each=4)
        self.allocator = Allocator(
            tasks, CLASSES, AllocationSettings(hold_s=self.HOLD_S, identity_gap=1)
        )
        self.votes: dict[tuple[str, str], str | None] = {}
        self.held: dict[str, tuple[str, float]] = {}
        self.now = 0.0

    workers = st.sampled_from(["ann", "bob", "cyd", "dan"])

    def _active(self, worker: str) -> str | None:
        task, until = self.held.get(worker, ("", -1.0))
        return task if until > self.now else None

    @rule(worker=workers)
    def ask(self, worker: str) -> None:
        before = self._active(worker)
        task = self.allocator.hand_out(worker, self.now)
        if before is not None:
            assert task == before
        if task is None:
            return
        assert (task, worker) not in self.votes
        self.held[worker] = (task, self.now + self.HOLD_S)

    @rule(worker=workers, vote=st.sampled_from([*CLASSES, NOT_A_FACE, None]))
    def answer(self, worker: str, vote: str | None) -> None:
        task = self._active(worker)
        if task is not None:
            self.allocator.record(task, worker, vote)
            self.votes[task, worker] = vote
            del self.held[worker]

    @precondition(lambda self: self.votes)
    @rule(data=st.data(), vote=st.sampled_from([*CLASSES, None]))
    def answer_again(self, data: st.DataObject, vote: str | None) -> None:
        task, worker = data.draw(st.sampled_from(sorted(self.votes)))
        if self.votes[task, worker] is not None:  # a skip may not become an answer over the limit
            self.allocator.record(task, worker, vote)
            self.votes[task, worker] = vote

    @precondition(lambda self: self.votes)
    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        task, worker = data.draw(st.sampled_from(sorted(self.votes)))
        self.allocator.withdraw(task, worker)
        self.allocator.withdraw(task, worker)  # the second time nothing happens
        del self.votes[task, worker]

    @rule(seconds=st.sampled_from([1.0, 6.0, 11.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def counts_agree(self) -> None:
        given_votes: dict[str, int] = {}
        for (task, _), vote in self.votes.items():
            if vote is not None:
                given_votes[task] = given_votes.get(task, 0) + 1
        assert all(n <= self.MOST for n in given_votes.values())
        progress = self.allocator.progress()
        assert progress.n_answers == sum(given_votes.values())
        skips = Counter(task for (task, _), vote in self.votes.items() if vote is None)
        lost = {task for task, n in skips.items() if n >= self.WANTED}
        given_to_lost = sum(given_votes.get(task, 0) for task in lost)
        assert progress.n_wanted == (self.N - len(lost)) * self.WANTED + given_to_lost
        reached = {task for task, n in given_votes.items() if n >= self.WANTED}
        assert progress.n_open_tasks == self.N - len(reached | lost)

    def teardown(self) -> None:
        """Enough fresh workers always bring every task to the answers wanted."""
        self.now += 2 * self.HOLD_S
        for i in range(self.WANTED):
            while (task := self.allocator.hand_out(f"late{i}", self.now)) is not None:
                self.allocator.record(task, f"late{i}", "sad")
        assert self.allocator.progress().n_open_tasks == 0


TestCrowd = Crowd.TestCase
TestCrowd.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


def _answer_all(allocator: Allocator, workers: int, votes: str = "sad") -> dict[str, list[str]]:
    order: dict[str, list[str]] = {f"w{i}": [] for i in range(workers)}
    is_going = True
    while is_going:
        is_going = False
        for worker, done in order.items():
            task = allocator.hand_out(worker, 0.0)
            if task is not None:
                allocator.record(task, worker, votes)
                done.append(task)
                is_going = True
    return order


@given(st.integers(6, 15), st.integers(1, 5), st.integers(2, 6))
@settings(max_examples=25, deadline=None)
def test_identities_are_spread_where_avoidable(people: int, gap: int, workers: int) -> None:
    n = 4 * people
    tasks = _tasks(n, people=people, wanted=workers, most=workers)
    allocator = Allocator(tasks, CLASSES, AllocationSettings(identity_gap=gap))
    person = dict(tasks.select("task_id", "identity_id").iter_rows())
    for done in _answer_all(allocator, workers).values():
        assert sorted(done) == sorted(person)  # nobody else is left: each sees every face
        for i, task in enumerate(done):
            recent = {person[t] for t in done[max(0, i - gap) : i]}
            left = {person[t] for t in done[i:]}
            assert person[task] not in recent or left <= recent


def test_fewest_answers_come_first() -> None:
    tasks = _tasks(30, people=30, wanted=3, most=3)
    allocator = Allocator(tasks, CLASSES)
    counts = dict.fromkeys(tasks["task_id"], 0)
    for i in range(60):
        worker = f"w{i % 6}"
        task = allocator.hand_out(worker, 0.0)
        assert task is not None
        seen_least = min(counts.values())
        assert counts[task] <= seen_least + 1
        allocator.record(task, worker, "sad")
        counts[task] += 1
    assert set(counts.values()) == {2}


def test_more_answers_go_where_votes_are_split_and_stop_at_the_most() -> None:
    tasks = _tasks(3, people=3, wanted=4, most=6)
    allocator = Allocator(tasks, CLASSES)
    for i, votes in enumerate((["sad"] * 4, ["sad", "sad", "angry", "angry"], ["sad"] * 4)):
        for j, vote in enumerate(votes):
            allocator.record(f"task{i}", f"w{j}", vote)
    assert allocator.progress().n_open_tasks == 0
    assert allocator.progress().n_uncertain_tasks == 1
    assert allocator.hand_out("w0", 0.0) is None
    assert allocator.hand_out("new1", 0.0) == "task1"
    assert allocator.hand_out("new2", 0.0) == "task1"
    assert allocator.hand_out("new3", 0.0) is None  # two holds fill it up
    assert allocator.hand_out("new3", 1800.0) == "task1"  # they have run out
    allocator.record("task1", "new1", "angry")
    allocator.record("task1", "new2", "angry")
    assert allocator.progress().n_uncertain_tasks == 0
    assert allocator.hand_out("new4", 9000.0) is None


def test_gold_comes_at_its_share_at_unforeseeable_places() -> None:
    tasks = _tasks(400, people=40, wanted=1, most=9, gold_each=10)
    allocator = Allocator(tasks, CLASSES, AllocationSettings(gold_share=0.1))
    is_gold = dict(tasks.select("task_id", "is_gold").iter_rows())
    places = []
    for worker in ("a", "b", "c", "d"):
        for _ in range(5):
            for place in range(10):
                task = allocator.hand_out(worker, 0.0)
                assert task is not None
                allocator.record(task, worker, "sad")
                if is_gold[task]:
                    places.append(place)
    assert len(places) == 4 * 5
    assert len(set(places)) > 3


def test_a_certain_task_is_held_after_an_undo() -> None:
    tasks = _tasks(4, people=4, wanted=1, most=1)
    allocator = Allocator(tasks, CLASSES)
    first = allocator.hand_out("w", 0.0)
    assert first is not None
    allocator.record(first, "w", "sad")
    second = allocator.hand_out("w", 0.0)
    assert not allocator.hold(first, "w", 0.0)  # answered
    allocator.withdraw(first, "w")
    assert allocator.hold(first, "w", 0.0)
    assert allocator.hand_out("w", 0.0) == first
    assert not allocator.hold(first, "v", 0.0)  # held by w
    assert second is not None
    assert allocator.hold(second, "v", 0.0)  # given free by w


def test_a_face_that_all_skip_is_given_up() -> None:
    allocator = Allocator(_tasks(1, wanted=2, most=4), CLASSES)
    for worker in ("v", "w"):
        assert allocator.hand_out(worker, 0.0) == "task0"
        allocator.record("task0", worker, None)
    assert allocator.hand_out("x", 0.0) is None
    assert allocator.progress().n_open_tasks == 0
    assert allocator.progress().n_wanted == 0
    allocator.withdraw("task0", "v")
    assert allocator.hand_out("x", 0.0) == "task0"


def test_order_is_the_same_for_the_same_answers() -> None:
    orders = [_answer_all(Allocator(_tasks(50), CLASSES), 6) for _ in range(2)]
    assert orders[0] == orders[1]
    starts = {done[0] for done in orders[0].values()}
    assert len(starts) > 3


def test_unknown_tasks_and_votes_are_refused() -> None:
    allocator = Allocator(_tasks(2), CLASSES)
    assert "task1" in allocator
    assert "task9" not in allocator
    with pytest.raises(KeyError):
        allocator.record("task9", "w", "sad")
    with pytest.raises(ValueError, match="happy"):
        allocator.record("task1", "w", "happy")
    assert allocator.progress().n_answers == 0
    with pytest.raises(ValueError, match="out of range"):
        AllocationSettings(hold_s=0)


def test_no_tasks() -> None:
    allocator = Allocator(_tasks(0), CLASSES)
    assert allocator.hand_out("w", 0.0) is None
    assert allocator.progress().n_wanted == 0


def _slow_information(counts: list[int], confusion: list[list[float]]) -> float:
    """Mutual information of label and next vote, by its definition."""
    n = len(counts)
    weights = [math.prod(confusion[k][v] ** counts[v] for v in range(n)) for k in range(n)]
    posterior = [w / sum(weights) for w in weights]
    total = 0.0
    for k in range(n):
        for v in range(n):
            vote = sum(posterior[j] * confusion[j][v] for j in range(n))
            joint = posterior[k] * confusion[k][v]
            if joint > 0:
                total += joint * math.log2(joint / (posterior[k] * vote))
    return total


@given(st.lists(st.lists(st.integers(0, 6), min_size=4, max_size=4), min_size=1, max_size=6))
@settings(max_examples=50, deadline=None)
def test_expected_information_is_mutual_information(rows: list[list[int]]) -> None:
    counts = np.array(rows, dtype=np.float64)
    confusion = crowd_confusion(counts)
    assert confusion.sum(axis=1) == pytest.approx(1.0)
    assert label_posterior(counts, confusion).sum(axis=1) == pytest.approx(1.0)
    found = expected_information(counts, confusion)
    slow = [_slow_information(row, confusion.tolist()) for row in rows]
    assert found == pytest.approx(slow, abs=1e-9)


def test_information_falls_as_votes_agree() -> None:
    counts = np.array([[n, 0, 0, 0] for n in range(6)], dtype=np.float64)
    gains = expected_information(counts, crowd_confusion(np.zeros((1, 4))))
    assert all(a > b for a, b in pairwise(gains))
