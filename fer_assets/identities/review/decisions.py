"""A decision of the curator as lines of the corrections file.

Belongs here: which lines an answer stands for. Does not belong here: writing them
(`corrections_text.py`), what the lines do to a clustering (`identities/corrections.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from fer_assets.errors import FerError
from fer_assets.identities.correction_file import Correction
from fer_assets.identities.review.items import Choice, ReviewItem


class DecisionError(FerError):
    """The answer does not fit the question."""


def corrections_of(
    item: ReviewItem, choice: Choice, marked: Sequence[str] = ()
) -> tuple[Correction, ...]:
    """The corrections that an answer asks for; () for `keep`.

    Marked faces take the subject's place in split, move and not-a-face: only they leave.

    Args:
        item: the question.
        choice: the answer.
        marked: ids of faces that the curator picked out of the strips of subject and other.

    Raises:
        DecisionError: the question has no such answer, or a marked face was not shown.
    """
    if choice not in item.choices:
        raise DecisionError(
            "answer", expected=f"one of {', '.join(item.choices)}", found=repr(choice)
        )
    strips = [strip for strip in (item.subject, item.other) if strip]
    shown = {face.face_id for strip in strips for face in strip.faces}
    if set(marked) - shown:
        raise DecisionError("marked faces", expected="faces of this question", found="others")
    names = tuple(dict.fromkeys(marked)) or item.subject.names
    if choice == "keep":
        return ()
    if choice == "merge":
        assert item.other is not None
        return (Correction(0, "merge", item.subject.names, item.other.names),)
    if choice == "not-a-face":
        return (Correction(0, "not-a-face", names),)
    split = Correction(0, "split", names)
    if choice == "split":
        return (split,)
    assert item.rival is not None
    # The first face stands for all: they are one identity of their own after the split.
    return (split, Correction(0, "merge", names[:1], item.rival.names))
