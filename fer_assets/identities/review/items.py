"""What a curator is asked: questions, the faces to look at, the answers there are.

Belongs here: the records that queue, decisions and page share. Does not belong here: finding what
is doubtful (`queue.py`), writing decisions down (`decisions.py`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from fer_assets.storage.digests import sha256_json

Question = Literal["same person", "belongs", "is a face"]
"""same person: are these two identities one? belongs: is this part of an identity really of that
person? is a face: does this identity, which resembles nobody, show a face at all?"""

Choice = Literal["merge", "split", "move", "not-a-face", "keep"]
"""move: split off and merge with the rival that the item names."""


@dataclass(frozen=True)
class ShownFace:
    """A crop to look at.

    Attributes:
        face_id: the face.
        video: number of its video within the challenge, from 1.
        time_s: where it is in the video, in s.
        cohesion: cosine to its person's other tracks or faces, in [-1, 1]; None if it has none.
    """

    face_id: str
    video: int
    time_s: float
    cohesion: float | None


@dataclass(frozen=True)
class Strip:
    """Faces that belong together, or are said to.

    Attributes:
        names: how a correction names them: faces, a track or an identity.
        n_faces: how many they are.
        n_videos: in how many videos.
        faces: some of them, spread over videos.
    """

    names: tuple[str, ...]
    n_faces: int
    n_videos: int
    faces: tuple[ShownFace, ...]


@dataclass(frozen=True)
class ReviewItem:
    """One question to the curator.

    Attributes:
        item_id: the same as long as the same faces are in question, 16 hex digits.
        question: what is asked.
        doubt: in [0, 1]; 0.5 is right at the threshold, 1 most doubtful.
        similarity: cosine between subject and other, in [-1, 1]; None without other.
        threshold: cosine that joining tracks across videos asks for.
        reasons: why it is asked, as sentences without ids.
        subject: what is in doubt.
        other: whom it is compared with; None if there is nobody.
        rival: an identity that the subject resembles more than `other`; None if there is none.
        rival_similarity: cosine between subject and rival; None without rival.
    """

    item_id: str
    question: Question
    doubt: float
    similarity: float | None
    threshold: float
    reasons: tuple[str, ...]
    subject: Strip
    other: Strip | None = None
    rival: Strip | None = None
    rival_similarity: float | None = None

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The answers that make sense here."""
        if self.question == "same person":
            return ("merge", "not-a-face", "keep")
        if self.question == "is a face":
            return ("not-a-face", "keep")
        moves: tuple[Choice, ...] = ("move",) if self.rival else ()
        return (*moves, "split", "not-a-face", "keep")


def item_id(question: Question, *sides: Collection[str]) -> str:
    """The id of a question about these sides' faces; it changes when a face comes or goes."""
    return sha256_json([question, *(sorted(side) for side in sides)])[:16]
