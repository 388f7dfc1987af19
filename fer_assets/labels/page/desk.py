"""The desk: what happens when a worker asks for a face, answers, takes back, passes over, leaves.

Belongs here: the rules, over the book, the tasks and their allocation. Does not belong here: HTTP
(`app.py`), threads (`group_commit.py`), who may enter (`invitations.py`).

The rules: a worker has one face at a time, kept for `hold_s` after each look. A submission for a
face in the worker's hands is taken, late ones too; the same submission twice is one; any other is
refused. What is taken back comes again, filled in, before anything new.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from fer_assets.labels.allocation import (
    NOT_A_FACE,
    AllocationProgress,
    AllocationSettings,
    Allocator,
)
from fer_assets.labels.page.answer_book import FRESH, AnswerBook, Entry, Flag, Hold
from fer_assets.labels.page.board import Board
from fer_assets.labels.questionnaire import (
    BEYOND_EKMAN,
    EKMAN,
    IS_FACE,
    NONE,
    YES,
    Questionnaire,
    Reason,
    check_answers,
)
from fer_assets.web.errors import PageError

IDLE_S: Final = 300.0
"""Most time that one look at a face counts for: a window left open is not work."""

MAX_COMMENT_CHARS: Final = 500


class RefusedError(PageError):
    """A submission that can't be taken; nothing was stored."""


@dataclass(frozen=True)
class Screen:
    """What a worker has in front of them.

    Attributes:
        task_id: the task.
        attempt: number of its next submission.
        before: what the worker said before taking it back; None if this is the first time.
        is_paused: whether the clock stands.
        is_flagged: whether the worker reported the face.
        n_done: faces the worker has answered or passed over.
    """

    task_id: str
    attempt: int
    before: Mapping[str, str] | None
    is_paused: bool
    is_flagged: bool
    n_done: int


class Desk:
    """The desk of one challenge; used by one thread at a time.

    Args:
        book: where everything is kept.
        board: the tasks.
        questionnaire: what is asked.
        settings: how faces are handed out.
    """

    def __init__(
        self,
        book: AnswerBook,
        board: Board,
        questionnaire: Questionnaire,
        settings: AllocationSettings | None = None,
    ) -> None:
        self.book = book
        self.board = board
        self.questionnaire = questionnaire
        self.settings = settings or AllocationSettings()
        self._to_undo: list[Callable[[], None]] = []
        self._reload()

    def refresh(self) -> None:
        """Take in what changed outside: tasks made anew, people erased, workers withdrawn."""
        if self.board.refresh() or self.book.n_erasures() != self._n_erasures:
            self._reload()

    def mark(self) -> int:
        """A point to which `roll_back` can go back."""
        return len(self._to_undo)

    def roll_back(self, mark: int = 0) -> None:
        """Forget what was done since `mark`: it was refused, or the disk is full."""
        while len(self._to_undo) > mark:
            self._to_undo.pop()()

    def keep(self) -> None:
        """What was done is on disk."""
        self._to_undo.clear()

    def look(self, worker: str) -> Screen | None:
        """What the worker has in hand; None where `deal` has to find something. Changes nothing."""
        hold = self._current(worker)
        # a fresh face is handed out again (the same one, while it is kept) before its time is up
        if hold is None or self._is_stale(hold):
            return None
        return self._screen(hold)

    def deal(self, worker: str) -> Screen | None:
        """Put a face into the worker's hands; None where there is none left for them."""
        stale = {}
        for hold in self.book.holds(worker):
            if self.board.face(hold.task_id) is None or self._is_stale(hold):
                self.book.release(worker, hold.task_id)
                stale[hold.task_id] = hold
        self._advance(worker, stale)
        current = self._current(worker)
        return None if current is None else self._screen(current)

    def answer(self, worker: str, task_id: str, attempt: int, answers: Mapping[str, str]) -> None:
        """Take a worker's answers to a face, and put the next one into their hands.

        Raises:
            RefusedError: not in the worker's hands, answered otherwise before, or contradictory.
            NotSavedError: the disk is full.
        """
        entry = self._entry(worker, task_id, attempt)
        self._submit(replace(entry, answers=dict(answers)))

    def skip(self, worker: str, task_id: str, attempt: int, reason: str, comment: str) -> None:
        """Pass a face over; it does not come again to this worker.

        Raises:
            RefusedError: as for `answer`, an unknown reason, or too long a comment.
            NotSavedError: the disk is full.
        """
        _check_reason(reason, self.questionnaire.skip_reasons)
        entry = self._entry(worker, task_id, attempt)
        self._submit(replace(entry, kind="skip", reason=reason, comment=_cleaned(comment)))

    def flag(self, worker: str, task_id: str, reason: str, comment: str) -> None:
        """Report the face in the worker's hands; it stays there.

        Raises:
            RefusedError: not in the worker's hands, an unknown reason, or too long a comment.
            NotSavedError: the disk is full.
        """
        _check_reason(reason, self.questionnaire.flag_reasons)
        face = self.held_face(worker, task_id)
        self.book.flag(Flag(task_id, face, worker, reason, _cleaned(comment), self.book.clock()))

    def undo(self, worker: str) -> bool:
        """Take the worker's last submission back; False where there is none to take back."""
        last = self.book.last_given(worker)
        if last is None or self.board.face(last.task_id) is None:
            return False
        self._stop_clock(worker)
        self.book.take_back(last)
        # before all that the worker has in hand, what was taken back before included
        position = min([last.id, *(hold.position - 1 for hold in self.book.holds(worker))])
        self.book.hold(
            Hold(worker, last.task_id, last.face_id, last.attempt + 1, position,
                 since_s=self.book.clock())
        )  # fmt: skip
        self.allocator.withdraw(last.task_id, worker)
        vote = _vote(last)
        self._to_undo.append(lambda: self.allocator.record(last.task_id, worker, vote))
        return True

    def pause(self, worker: str) -> None:
        """Stop the worker's clock."""
        self._stop_clock(worker)

    def resume(self, worker: str) -> None:
        """Let the worker's clock run again."""
        hold = self._current(worker)
        if hold is not None:
            self._start_clock(hold)

    def held_face(self, worker: str, task_id: str) -> str:
        """The face id of a task in the worker's hands.

        Raises:
            RefusedError: it is not, or it is gone.
        """
        face = self.board.face(task_id)
        if face is None:
            raise _gone()
        if all(hold.task_id != task_id for hold in self.book.holds(worker)):
            raise _not_yours()
        return face.face_id

    def n_done(self, worker: str) -> int:
        """Faces the worker has answered or passed over."""
        return self.book.database.number(
            "SELECT count(*) FROM entries WHERE worker = ? AND status = 'given'", (worker,)
        )

    def progress(self) -> AllocationProgress:
        """Where the labelling stands as a whole."""
        return self.allocator.progress()

    def _reload(self) -> None:
        """Count anew from the book."""
        self._n_erasures = self.book.n_erasures()
        self.allocator = Allocator(self.board.tasks, self.questionnaire.votes, self.settings)
        for entry in self.book.given():
            if self.board.face(entry.task_id) is not None:
                self.allocator.record(entry.task_id, entry.worker, _vote(entry))
        now = self.book.clock()
        for hold in self.book.holds():
            is_kept = hold.position == FRESH and hold.until_s > now
            if is_kept and self.board.face(hold.task_id) is not None:
                since = hold.until_s - self.settings.hold_s
                self.allocator.hold(hold.task_id, hold.worker, since)
        self._to_undo.clear()

    def _submit(self, entry: Entry) -> None:
        known = self.book.find(entry.task_id, entry.worker, entry.attempt)
        if known is not None:
            if known.status == "given" and known.says_the_same(entry):
                return  # the same click again: it is saved
            raise _already(known)
        hold = next((h for h in self.book.holds(entry.worker) if h.task_id == entry.task_id), None)
        if hold is None or hold.attempt != entry.attempt:
            raise _not_yours()
        if entry.kind == "answer" and (why := check_answers(self.questionnaire, entry.answers)):
            raise RefusedError(
                f"These answers do not fit together: {why}",
                status=422,
                remedy="Nothing was saved. Please answer this face again.",
            )
        now = self.book.clock()
        self.book.add(replace(entry, at_s=now, duration_s=round(_time_spent(hold, now), 3)))
        self.allocator.record(entry.task_id, entry.worker, _vote(entry))
        self._to_undo.append(lambda: self.allocator.withdraw(entry.task_id, entry.worker))
        self._advance(entry.worker)

    def _entry(self, worker: str, task_id: str, attempt: int) -> Entry:
        face = self.board.face(task_id)
        if face is None:
            raise _gone()
        return Entry(task_id, face.face_id, worker, attempt, "answer")

    def _advance(self, worker: str, stale: Mapping[str, Hold] | None = None) -> None:
        """Make sure that the worker has a face, if there is one, and that its clock runs."""
        hold = self._current(worker)
        if hold is None:
            now = self.book.clock()
            task_id = self.allocator.hand_out(worker, now)
            face = None if task_id is None else self.board.face(task_id)
            if task_id is None or face is None:
                return
            before = (stale or {}).get(task_id)
            hold = before or Hold(worker, task_id, face.face_id, self._attempts(worker, task_id))
            hold = replace(hold, until_s=now + self.settings.hold_s)
            self.book.hold(hold)
        self._start_clock(hold)

    def _attempts(self, worker: str, task_id: str) -> int:
        return self.book.database.number(
            "SELECT count(*) FROM entries WHERE worker = ? AND task_id = ?", (worker, task_id)
        )

    def _current(self, worker: str) -> Hold | None:
        alive = (h for h in self.book.holds(worker) if self.board.face(h.task_id) is not None)
        return next(alive, None)

    def _is_stale(self, hold: Hold) -> bool:
        """Whether a fresh face was last handed out so long ago that others may have it soon."""
        left_s = hold.until_s - self.book.clock()
        return hold.position == FRESH and left_s < self.settings.hold_s / 2

    def _start_clock(self, hold: Hold) -> None:
        if hold.since_s is None:
            self.book.hold(replace(hold, since_s=self.book.clock()))

    def _stop_clock(self, worker: str) -> None:
        now = self.book.clock()
        for hold in self.book.holds(worker):
            if hold.since_s is not None:
                self.book.hold(replace(hold, since_s=None, spent_s=_time_spent(hold, now)))

    def _screen(self, hold: Hold) -> Screen:
        before = None
        if hold.position != FRESH:
            found = self.book.find(hold.task_id, hold.worker, hold.attempt - 1)
            before = found.answers if found else None
        return Screen(
            task_id=hold.task_id,
            attempt=hold.attempt,
            before=before,
            is_paused=hold.since_s is None,
            is_flagged=self.book.flag_of(hold.worker, hold.task_id) is not None,
            n_done=self.n_done(hold.worker),
        )


def _time_spent(hold: Hold, now: float) -> float:
    running = 0.0 if hold.since_s is None else min(max(now - hold.since_s, 0.0), IDLE_S)
    return hold.spent_s + running


def _vote(entry: Entry) -> str | None:
    """The expression vote of a submission; None where the face was passed over."""
    if entry.kind == "skip":
        return None
    if entry.answers[IS_FACE] != YES:
        return NOT_A_FACE
    ekman = entry.answers[EKMAN]
    return entry.answers[BEYOND_EKMAN] if ekman == NONE else ekman


def _check_reason(reason: str, known: Sequence[Reason]) -> None:
    if all(reason != one.id for one in known):
        raise RefusedError(
            "Please choose a reason",
            status=422,
            remedy="Nothing was saved. Go back and choose one.",
        )


def _cleaned(comment: str) -> str | None:
    """The comment without control characters (line ends become spaces); None where empty."""
    text = "".join(c if c.isprintable() else " " for c in comment).strip()
    if len(text) > MAX_COMMENT_CHARS:
        raise RefusedError(
            f"The comment is longer than {MAX_COMMENT_CHARS} characters",
            status=422,
            remedy="Nothing was saved. Go back and shorten it.",
        )
    return text or None


def _gone() -> RefusedError:
    return RefusedError(
        "This face is no longer here", status=404, remedy="Nothing was saved. Go on with the next."
    )


def _not_yours() -> RefusedError:
    return RefusedError(
        "This face is not in your hands now", status=409,
        remedy="Nothing was saved. Go on with the face that is.",
    )  # fmt: skip


def _already(known: Entry) -> RefusedError:
    if known.status == "undone":
        thing, remedy = "You took this answer back", "Answer the face again as it is shown now."
    else:
        thing, remedy = "You have answered this face", "To change it, take your last answer back."
    return RefusedError(thing, status=409, remedy=f"Nothing was saved. {remedy}")
