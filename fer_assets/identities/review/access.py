"""Who may open the page: whoever has the link that was printed, once.

Belongs here: the link's token and the session behind the cookie. Does not belong here: cookies
and routes (`app.py`). Secrets live as long as the server: nothing is kept.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Callable

from fer_assets.web.errors import PageError
from fer_assets.web.guards import check_csrf, csrf_token
from fer_assets.web.signing import Signer

_SESSION_S = 12 * 3600.0


class Access:
    """One-time tokens for a link, and sessions.

    Args:
        announce: is told a token that opens the page; at first, and again when somebody comes
            with one that was used, so that whoever sees the terminal can enter from another place.
    """

    def __init__(self, announce: Callable[[str], None]) -> None:
        self._secret = secrets.token_bytes(32)
        self._signer = Signer(self._secret)
        self._announce = announce
        self._lock = threading.Lock()
        self._open: str | None = None
        self._used: set[str] = set()

    def offer(self) -> None:
        """Make a token and announce it."""
        with self._lock:
            self._open = secrets.token_urlsafe(24)
            self._announce(self._open)

    def enter(self, token: str) -> str:
        """A cookie for the first who comes with the token.

        Raises:
            PageError: it was used already, or is none of ours.
        """
        with self._lock:
            if self._open and hmac.compare_digest(self._open.encode(), token.encode()):
                self._used.add(self._open)
                self._open = None
                return self._signer.sign({"session": secrets.token_hex(16)}, _SESSION_S)
            was_ours = token in self._used
        if was_ours and self._open is None:
            self.offer()
        raise PageError(
            "This link was used already" if was_ours else "This link opens nothing",
            status=403,
            remedy="The terminal that runs the page shows the link that does."
            if was_ours
            else "Take the link that the terminal shows.",
        )

    def session(self, cookie: str | None) -> str:
        """The session behind a cookie.

        Raises:
            PageError: there is no cookie, or it is forged or too old.
        """
        if not cookie:
            raise PageError(
                "This page opens with its link alone",
                status=401,
                remedy="Take the link that the terminal shows.",
            )
        return str(self._signer.read(cookie)["session"])

    def form_token(self, session: str) -> str:
        """What every form of the session carries."""
        return csrf_token(self._secret, session)

    def check_form(self, session: str, found: str | None) -> None:
        """Refuse a form that the session was not given.

        Raises:
            CsrfError: the token is missing or wrong.
        """
        check_csrf(self._secret, session, found)

    def handle(self, face_id: str) -> str:
        """What stands for a face in addresses and forms of this run of the page."""
        return hmac.new(self._secret, b"face\x00" + face_id.encode(), "sha256").hexdigest()[:24]
