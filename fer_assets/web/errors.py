"""Refusals that a page shows to the person in front of it.

Belongs here: `PageError`, a `FerError` with the HTTP status it stands for. Does not belong here:
the words of one page's own refusals.
"""

from __future__ import annotations

from fer_assets.errors import FerError


class PageError(FerError):
    """A request that is refused, in words for the person who made it.

    Args:
        thing: what happened, one short sentence without the full stop.
        status: HTTP status of the response.
        remedy: what the person can do now.
    """

    def __init__(self, thing: str, *, status: int = 400, remedy: str = "") -> None:
        self.status = status
        super().__init__(thing, remedy=remedy)
