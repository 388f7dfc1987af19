"""Which face a worker is shown next.

Belongs here: counting votes, holding faces for workers, and choosing the next one, in memory and
without a clock. Does not belong here: storing answers (`page/`, `answers.py`), making tasks
(`tasks.py`), what a further vote is worth (`information.py`).
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.labels.draws import mix
from fer_assets.labels.information import PRIOR_ACCURACY, crowd_confusion, expected_information

NOT_A_FACE: Final = "not a face"
"""The vote of a worker who sees no face."""

_SKIPPED: Final = -1
_REFRESH: Final = 500
"""Changes after which the crowd's confusion is learned anew, at least an eighth of all answers."""


@dataclass(frozen=True)
class AllocationSettings:
    """How faces are handed out.

    Attributes:
        hold_s: time for which a face is kept for the worker it was handed to, in seconds.
        identity_gap: a worker's last tasks in which no identity comes twice, where avoidable.
        gold_share: share of a worker's tasks that are gold, while there are gold tasks left.
        min_information: a face with enough answers gets more while the next is expected to bring
            this many bits.
        prior_accuracy: accuracy that the crowd is taken to have before it has voted, in (0, 1).
    """

    hold_s: float = 1800.0
    identity_gap: int = 10
    gold_share: float = 0.1
    min_information: float = 0.1
    prior_accuracy: float = PRIOR_ACCURACY

    def __post_init__(self) -> None:
        if self.hold_s <= 0 or self.identity_gap < 0 or self.min_information < 0:
            raise ValueError(f"allocation settings out of range: {self}")
        if not 0 <= self.gold_share <= 1 or not 0 < self.prior_accuracy < 1:
            raise ValueError(f"allocation settings out of range: {self}")


@dataclass(frozen=True)
class AllocationProgress:
    """Where the labelling stands.

    Attributes:
        n_answers: answers given; skips are none.
        n_wanted: fewest answers wanted, summed over all tasks, given ones included; of a task that
            is given up only the given ones.
        n_open_tasks: tasks with fewer answers than wanted.
        n_uncertain_tasks: tasks with enough answers of which a further one is still worth asking.
    """

    n_answers: int
    n_wanted: int
    n_open_tasks: int
    n_uncertain_tasks: int


@dataclass
class _Worker:
    """What one worker did: task to class, in the order first answered, and a mask of the tasks."""

    key: np.uint64
    seen: NDArray[np.bool_]
    votes: dict[int, int] = field(default_factory=dict)
    n_gold: int = 0
    held: tuple[int, float] | None = None


class Allocator:
    """Hands out tasks: gold at its share, fewest answers first, then where a vote tells most.

    A task that as many workers skipped as were to answer it is given up.

    Nothing is random: ties are settled by a hash of task and worker, so that workers start at
    different faces. A hand-out costs one pass over an array of the tasks.

    Args:
        tasks: LABELLING_TASKS.
        classes: every vote; `NOT_A_FACE` is added if it is missing.
    """

    def __init__(
        self,
        tasks: pl.DataFrame,
        classes: Sequence[str],
        settings: AllocationSettings | None = None,
    ) -> None:
        self.settings = settings or AllocationSettings()
        self._ids: list[str] = tasks["task_id"].to_list()
        self._place = {task: i for i, task in enumerate(self._ids)}
        self._class = {name: i for i, name in enumerate(dict.fromkeys((*classes, NOT_A_FACE)))}
        self._keys = np.array([_hash(task) for task in self._ids], dtype=np.uint64)
        self._is_gold = tasks["is_gold"].cast(pl.Boolean).to_numpy()
        self._wanted = tasks["answers_wanted"].to_numpy().astype(np.int64)
        self._most = np.maximum(tasks["answers_at_most"].to_numpy(), self._wanted).astype(np.int64)
        self._identity = tasks["identity_id"].rank("dense").to_numpy().astype(np.int64) - 1
        self._n_identities = int(self._identity.max(initial=-1)) + 1
        self._counts = np.zeros((len(self._ids), len(self._class)))
        self._n_answers = np.zeros(len(self._ids), dtype=np.int64)
        self._n_holds = np.zeros(len(self._ids), dtype=np.int64)
        self._n_skips = np.zeros(len(self._ids), dtype=np.int64)
        self._gain = np.zeros(len(self._ids))
        self._workers: dict[str, _Worker] = {}
        self._ends: list[tuple[float, str, int]] = []
        self._changes = 0
        self._refresh()

    def __contains__(self, task_id: object) -> bool:
        return task_id in self._place

    def record(self, task_id: str, worker: str, vote: str | None) -> None:
        """Count a worker's vote on a task, in place of an earlier one, and end the hold.

        Args:
            vote: an expression vote, `NOT_A_FACE`, or None: the task was skipped.

        Raises:
            KeyError: there is no such task.
            ValueError: `vote` is none of the classes.
        """
        task = self._place[task_id]
        if vote is not None and vote not in self._class:
            raise ValueError(f"no such vote: {vote}")
        self._take_back(task, worker)
        who = self._worker(worker)
        who.votes[task] = _SKIPPED if vote is None else self._class[vote]
        who.seen[task] = True
        who.n_gold += int(self._is_gold[task])
        if vote is None:
            self._n_skips[task] += 1
        else:
            self._counts[task, self._class[vote]] += 1
            self._n_answers[task] += 1
        self._changed(task)
        self._release(who, task)

    def withdraw(self, task_id: str, worker: str) -> None:
        """Take a worker's answer or skip back; the task may come to the same worker again.

        Nothing happens where there is none.

        Raises:
            KeyError: there is no such task.
        """
        task = self._place[task_id]
        if self._take_back(task, worker):
            self._changed(task)

    def hand_out(self, worker: str, now_s: float) -> str | None:
        """The worker's next task, held until ``now_s + hold_s``; None if there is none.

        While a worker holds a task it is that one again, and the hold starts anew. Answers and
        holds together never go beyond `answers_at_most`.
        """
        self._expire(now_s)
        who = self._worker(worker)
        task = who.held[0] if who.held is not None else self._choose(who)
        if task is None:
            return None
        self._hold(who, worker, task, now_s)
        return self._ids[task]

    def hold(self, task_id: str, worker: str, now_s: float) -> bool:
        """Hold a certain task for a worker instead of the present one, e.g. after an undo.

        Returns:
            False, and nothing changes, where the worker has answered or skipped it, or it has
            answers and holds enough.

        Raises:
            KeyError: there is no such task.
        """
        task = self._place[task_id]
        self._expire(now_s)
        who = self._worker(worker)
        is_full = self._n_answers[task] + self._n_holds[task] >= self._most[task]
        holds_it = who.held is not None and who.held[0] == task
        if not holds_it and (who.seen[task] or is_full):
            return False
        self._hold(who, worker, task, now_s)
        return True

    def progress(self) -> AllocationProgress:
        """Where the labelling stands, holds left aside."""
        is_left = self._n_skips < self._wanted
        return AllocationProgress(
            n_answers=int(self._n_answers.sum()),
            n_wanted=int(np.where(is_left, self._wanted, self._n_answers).sum()),
            n_open_tasks=int((is_left & (self._n_answers < self._wanted)).sum()),
            n_uncertain_tasks=int((is_left & self._is_uncertain() & ~self._is_gold).sum()),
        )

    def _choose(self, who: _Worker) -> int | None:
        load = self._n_answers + self._n_holds
        is_free = ~who.seen & (load < self._most) & (self._n_skips < self._wanted)
        last = self._last_seen(who)
        kinds = list(self._kinds(who, is_free, load))
        # first without the worker's last identities, then, where that can't be, with the oldest
        if last.any():
            is_far = (last == 0)[self._identity]
            kinds = [*((mask & is_far, score) for mask, score in kinds), *kinds]
        for mask, score in kinds:
            places = np.flatnonzero(mask)
            if places.size:
                ago = last[self._identity[places]]
                places = places[ago == ago.min()]
                best = score[places]
                return self._first(who, places[best == best.max()])
        return None

    def _kinds(
        self, who: _Worker, is_free: NDArray[np.bool_], load: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.bool_], NDArray[Any]]]:
        """Kinds of tasks, the most wanted first, and by what they are ranked."""
        if self._is_gold_due(who):
            yield is_free & self._is_gold, -load
        is_open = is_free & (load < self._wanted)
        yield is_open & ~self._is_gold, -load
        yield is_free & ~self._is_gold & self._is_uncertain(), self._gain
        yield is_open, -load

    def _is_gold_due(self, who: _Worker) -> bool:
        """Once in every 1 / gold_share tasks, at a place that the worker can't foresee."""
        if self.settings.gold_share <= 0:
            return False
        stretch = max(1, round(1.0 / self.settings.gold_share))
        nth, place = divmod(len(who.votes), stretch)
        draw = int(mix(np.array([who.key ^ np.uint64(nth)], dtype=np.uint64))[0])
        return who.n_gold <= nth and place >= draw % stretch

    def _last_seen(self, who: _Worker) -> NDArray[np.int64]:
        """Per identity its place among the worker's last ones, 1 for the oldest; 0 if not there."""
        last = np.zeros(self._n_identities, dtype=np.int64)
        tasks = list(islice(reversed(who.votes), self.settings.identity_gap))[::-1]
        last[self._identity[tasks]] = np.arange(1, len(tasks) + 1)
        return last

    def _first(self, who: _Worker, places: NDArray[np.int64]) -> int:
        return int(places[np.argmin(mix(self._keys[places] ^ who.key))])

    def _is_uncertain(self) -> NDArray[np.bool_]:
        """Which tasks have answers enough, may have more, and are worth another."""
        is_worth_it: NDArray[np.bool_] = self._gain >= self.settings.min_information
        is_worth_it &= (self._n_answers >= self._wanted) & (self._n_answers < self._most)
        return is_worth_it

    def _worker(self, name: str) -> _Worker:
        if name not in self._workers:
            self._workers[name] = _Worker(
                np.uint64(_hash(name)), np.zeros(len(self._ids), dtype=bool)
            )
        return self._workers[name]

    def _take_back(self, task: int, worker: str) -> bool:
        who = self._worker(worker)
        vote = who.votes.pop(task, None)
        if vote is None:
            return False
        who.seen[task] = False
        who.n_gold -= int(self._is_gold[task])
        if vote == _SKIPPED:
            self._n_skips[task] -= 1
        else:
            self._counts[task, vote] -= 1
            self._n_answers[task] -= 1
        return True

    def _hold(self, who: _Worker, worker: str, task: int, now_s: float) -> None:
        if who.held is not None:
            self._n_holds[who.held[0]] -= 1
        self._n_holds[task] += 1
        until = now_s + self.settings.hold_s
        who.held = (task, until)
        heapq.heappush(self._ends, (until, worker, task))

    def _release(self, who: _Worker, task: int) -> None:
        if who.held is not None and who.held[0] == task:
            self._n_holds[task] -= 1
            who.held = None

    def _expire(self, now_s: float) -> None:
        while self._ends and self._ends[0][0] <= now_s:
            until, worker, task = heapq.heappop(self._ends)
            who = self._workers[worker]
            # a hold that was renewed or has ended has another end
            if who.held == (task, until):
                self._release(who, task)

    def _changed(self, task: int) -> None:
        self._changes += 1
        if self._changes >= max(_REFRESH, int(self._n_answers.sum()) // 8):
            self._refresh()
        else:
            self._weigh(np.array([task]))

    def _refresh(self) -> None:
        """Learn the crowd's confusion anew; it moves slowly, so not at every vote."""
        self._changes = 0
        self._confusion = crowd_confusion(self._counts, self.settings.prior_accuracy)
        self._weigh(np.arange(len(self._ids)))

    def _weigh(self, tasks: NDArray[np.int64]) -> None:
        """What another vote would tell, for tasks with answers enough; 0 for the others."""
        self._gain[tasks] = 0.0
        enough = tasks[self._n_answers[tasks] >= self._wanted[tasks]]
        if enough.size:
            self._gain[enough] = expected_information(self._counts[enough], self._confusion)


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
