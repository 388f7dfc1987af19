"""The curator's desk: what is open, deciding, undoing, and how much waits to be carried out.

Belongs here: what happens when the curator does something, without HTTP. Does not belong here:
routes (`app.py`), where tables and files are (the line hands them in).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fer_assets.errors import FerError
from fer_assets.identities.correction_file import Correction
from fer_assets.identities.review.corrections_text import CorrectionsText
from fer_assets.identities.review.decisions import corrections_of
from fer_assets.identities.review.items import Choice, ReviewItem, ShownFace
from fer_assets.identities.review.memory import Decision, Memory


class StaleQuestionError(FerError):
    """The question is not asked any more: its faces changed since the page was opened."""


@dataclass(frozen=True)
class ListedFace:
    """A face in a list to read, e.g. of suspect labels: the crop and what is said of it."""

    face: ShownFace
    words: tuple[str, ...]


@dataclass(frozen=True)
class FaceList:
    """Faces that somebody should look at, though no correction follows from it here.

    Attributes:
        title: what the faces have in common.
        explanation: where the list comes from and what can be done.
        faces: the worst first, a bounded number.
        n_faces: how many there are in all.
    """

    title: str
    explanation: str
    faces: tuple[ListedFace, ...]
    n_faces: int


@dataclass(frozen=True)
class Material:
    """What is published now.

    Attributes:
        version: changes when anything of it changes.
        items: the queue, most doubtful first, decided ones too.
        lists: lists to read.
    """

    version: str
    items: tuple[ReviewItem, ...]
    lists: tuple[FaceList, ...]

    def faces(self) -> set[str]:
        """Every face that the page may show."""
        found = {listed.face.face_id for one in self.lists for listed in one.faces}
        for item in self.items:
            for strip in (item.subject, item.other, item.rival):
                found |= {face.face_id for face in strip.faces} if strip else set()
        return found


@dataclass(frozen=True)
class Undone:
    """What was taken back."""

    item_id: str
    choice: Choice


class ReviewDesk:
    """Decisions on one challenge. Safe to call from several threads.

    Args:
        load: reads what is published now; slow.
        version: the version that `load` would give; quick, since it is asked at every call.
        corrections: the corrections file.
        memory: what was decided before.
        waiting: how many of the file's corrections no materialisation has seen yet.
    """

    def __init__(
        self,
        load: Callable[[], Material],
        version: Callable[[], str],
        corrections: CorrectionsText,
        memory: Memory,
        waiting: Callable[[Sequence[Correction]], int],
    ) -> None:
        self._load, self._version, self._waiting = load, version, waiting
        self._corrections, self._memory = corrections, memory
        self._lock = threading.RLock()
        self._material: Material | None = None
        memory.settle([c.key for c in corrections.corrections()])

    def material(self) -> Material:
        """What is published now, read anew if it changed."""
        with self._lock:
            if self._material is None or self._material.version != self._version():
                self._material = self._load()
            return self._material

    def open_items(self) -> list[ReviewItem]:
        """Questions without an answer, most doubtful first.

        Whoever was called not a face is asked about no more, even before that is carried out.
        """
        with self._lock:
            decided = {d.item_id for d in self._memory.decisions}
            gone = {
                name
                for c in self._corrections.corrections()
                if c.action == "not-a-face"
                for name in c.ids
            }
            return [
                item
                for item in self.material().items
                if item.item_id not in decided
                and not any(set(side.names) <= gone for side in (item.subject, item.other) if side)
            ]

    def n_decided(self) -> int:
        """Questions of now that have an answer."""
        decided = {d.item_id for d in self._memory.decisions}
        return sum(item.item_id in decided for item in self.material().items)

    def last(self) -> Decision | None:
        """The decision that `undo` would take back."""
        decisions = self._memory.decisions
        return decisions[-1] if decisions else None

    def n_waiting(self) -> int:
        """Corrections that the next materialisation carries out."""
        return self._waiting(self._corrections.corrections())

    def decide(self, item_id: str, choice: Choice, marked: Sequence[str] = ()) -> bool:
        """Answer a question: write its corrections, then remember the answer.

        Args:
            item_id: the question.
            choice: the answer.
            marked: faces picked out of its strips.

        Returns:
            False if the question had an answer already: nothing was done.

        Raises:
            StaleQuestionError: the question is not asked any more; nothing was done.
            DecisionError: the answer does not fit.
            CorrectionError: the corrections file can't be used; nothing was done.
        """
        with self._lock:
            if any(d.item_id == item_id for d in self._memory.decisions):
                return False
            item = next((i for i in self.material().items if i.item_id == item_id), None)
            if item is None:
                raise StaleQuestionError(
                    "This question has changed meanwhile", remedy="Nothing was written down."
                )
            wanted = corrections_of(item, choice, marked)
            added = self._corrections.missing(wanted)
            if added:
                self._memory.remember(Decision(item_id, choice, added, is_done=False))
                try:
                    self._corrections.add(wanted)
                except (OSError, FerError):
                    self._memory.forget(item_id)
                    raise
            self._memory.remember(Decision(item_id, choice, added))
            return True

    def undo(self) -> Undone | None:
        """Take the last decision back, and the lines it added; None if there is none.

        Raises:
            CorrectionError: the corrections file can't be used; nothing was done.
        """
        with self._lock:
            last = self.last()
            if last is None:
                return None
            self._corrections.remove(last.added)
            self._memory.forget(last.item_id)
            return Undone(last.item_id, last.choice)
