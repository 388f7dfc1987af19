"""Sessions: a signed cookie that says which invited worker a browser is.

Belongs here: the cookie. Does not belong here: whether the invitation still lets the worker in
(`invitations.py`, asked at every request).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from fer_assets.web.guards import check_csrf, csrf_token
from fer_assets.web.signing import Signer, TokenError

MAX_AGE_S: Final = 30 * 86400.0


@dataclass(frozen=True)
class Session:
    """A worker's browser.

    Attributes:
        worker: pseudonym.
        id: random; CSRF tokens belong to it.
    """

    worker: str
    id: str


class Sessions:
    """Makes and reads the cookies of one challenge's page.

    Args:
        secret: signs cookies and CSRF tokens.
        key: the challenge; pages of two challenges on one host have cookies of their own.
        is_https: whether browsers reach the page by HTTPS only.
    """

    def __init__(self, secret: bytes, key: str, *, is_https: bool) -> None:
        self._secret = secret
        self._signer = Signer(secret)
        self._key = key
        self._is_https = is_https
        # the prefix makes browsers refuse a cookie that another host or plain HTTP set
        self.cookie = f"__Host-label-{key}" if is_https else f"label-{key}"

    def start(self, response: Response, worker: str, max_age_s: float) -> None:
        """Let the browser of `response` be `worker`."""
        age = min(max_age_s, MAX_AGE_S)
        value = {"worker": worker, "session": secrets.token_urlsafe(12), "key": self._key}
        self._set(response, self._signer.sign(value, age), int(age))

    def end(self, response: Response) -> None:
        """Let the browser be nobody."""
        self._set(response, "", 0)

    def read(self, request: Request) -> Session:
        """Who the browser is.

        Raises:
            TokenError: nobody, a forged cookie, or an expired one.
        """
        token = request.cookies.get(self.cookie)
        if not token:
            raise TokenError("You have to open your invitation link first", is_expired=False)
        value = self._signer.read(token)
        if value.get("key") != self._key:
            raise TokenError("This session is not valid", is_expired=False)
        return Session(str(value["worker"]), str(value["session"]))

    def csrf(self, session: Session) -> str:
        """The token for the session's forms."""
        return csrf_token(self._secret, session.id)

    def check(self, session: Session, found: str | None) -> None:
        """Refuse a form without the session's token.

        Raises:
            CsrfError: it is missing or wrong.
        """
        check_csrf(self._secret, session.id, found)

    def _set(self, response: Response, value: str, max_age: int) -> None:
        response.set_cookie(
            self.cookie, value, max_age=max_age, path="/", secure=self._is_https, httponly=True,
            samesite="strict",
        )  # fmt: skip
