"""Invitations: who may enter the page.

Belongs here: making, finding, revoking them. Does not belong here: what happens inside.

A token is 24 random bytes and is shown once; only its SHA-256 is stored, so the file lets nobody
in. A worker is known by a random pseudonym; whose it is, the one who sent the link knows.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any, Final, Literal

from fer_assets.labels.page.answer_book import AnswerBook
from fer_assets.web.errors import PageError

_COLUMNS: Final = "worker, made_s, expires_s, consented_s, revoked_s, withdrew_s"
_DAY_S: Final = 86400.0
State = Literal["open", "expired", "revoked", "withdrawn"]

_REFUSALS: Final = {
    "expired": ("This invitation has expired", "Ask whoever sent it for a new one."),
    "revoked": ("This invitation has been closed", "If that is a mistake, ask whoever sent it."),
    "withdrawn": (
        "You have withdrawn your answers, and this invitation is closed",
        "Nothing of what you answered is kept. The time you spent is still counted.",
    ),
}  # fmt: skip


class InvitationError(PageError):
    """A link that lets nobody in."""


@dataclass(frozen=True)
class Invitation:
    """One worker's invitation; times are seconds since the epoch, None for never."""

    worker: str
    made_s: float
    expires_s: float
    consented_s: float | None
    revoked_s: float | None
    withdrew_s: float | None

    def state(self, now_s: float) -> State:
        """Whether it lets its worker in."""
        if self.withdrew_s is not None:
            return "withdrawn"
        if self.revoked_s is not None:
            return "revoked"
        return "expired" if now_s >= self.expires_s else "open"


def invite(book: AnswerBook, n_workers: int, days: float) -> list[tuple[str, str]]:
    """Invite new workers.

    Args:
        n_workers: how many.
        days: how long the invitations are good for.

    Returns:
        (pseudonym, token) of each.

    Raises:
        ValueError: fewer than one worker, or no time.
    """
    if n_workers < 1 or days <= 0:
        raise ValueError("an invitation is for at least one worker and some time")
    now = book.clock()
    made = [(f"w-{secrets.token_hex(5)}", secrets.token_urlsafe(24)) for _ in range(n_workers)]
    with book.database.write():
        for worker, token in made:
            book.database.run(
                "INSERT INTO invitations (worker, token_hash, made_s, expires_s) "
                "VALUES (?, ?, ?, ?)",
                (worker, _hash(token), now, now + days * _DAY_S),
            )
    return made


def admit(book: AnswerBook, token: str) -> Invitation:
    """The invitation that a token opens now.

    Raises:
        InvitationError: there is none, or it is expired, revoked or withdrawn.
    """
    row = book.database.row(
        f"SELECT {_COLUMNS} FROM invitations WHERE token_hash = ?", (_hash(token),)
    )
    return _checked(book, row)


def still_admitted(book: AnswerBook, worker: str) -> Invitation:
    """A worker's invitation, asked for at every request of a session.

    Raises:
        InvitationError: see `admit`.
    """
    row = book.database.row(f"SELECT {_COLUMNS} FROM invitations WHERE worker = ?", (worker,))
    return _checked(book, row)


def note_consent(book: AnswerBook, worker: str) -> None:
    """Note that the worker agreed; the first time counts."""
    book.database.run(
        "UPDATE invitations SET consented_s = coalesce(consented_s, ?) WHERE worker = ?",
        (book.clock(), worker),
    )


def revoke(book: AnswerBook, worker: str) -> bool:
    """Close a worker's invitation; answers stay. False if there is no such worker."""
    return bool(
        book.database.run(
            "UPDATE invitations SET revoked_s = coalesce(revoked_s, ?) WHERE worker = ?",
            (book.clock(), worker),
        )
    )


def invitations(book: AnswerBook) -> list[Invitation]:
    """All invitations ever made, oldest first."""
    rows = book.database.rows(f"SELECT {_COLUMNS} FROM invitations ORDER BY rowid")
    return [Invitation(*row) for row in rows]


def _checked(book: AnswerBook, row: tuple[Any, ...] | None) -> Invitation:
    if row is None:
        raise InvitationError(
            "There is no such invitation",
            status=403,
            remedy="Check that the whole link was copied, or ask whoever sent it.",
        )
    found = Invitation(*row)
    state = found.state(book.clock())
    if state != "open":
        thing, remedy = _REFUSALS[state]
        raise InvitationError(thing, status=403, remedy=remedy)
    return found


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
