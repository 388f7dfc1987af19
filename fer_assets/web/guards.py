"""What protects a page and the person in front of it, whatever the page shows.

Belongs here: CSRF tokens, and the ASGI middleware that sets headers and refuses foreign, foreign
hosts' and oversized requests. Does not belong here: who may see what (the page's own matter).

The content security policy allows nothing but the page's own files: no inline script or style, no
other host, no frame. Since `no-referrer` makes browsers send ``Origin: null``, requests from other
sites are told by ``Sec-Fetch-Site``; where a browser does not send it, the CSRF token and the
``SameSite=Strict`` cookie still stand.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Mapping
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fer_assets.web.errors import PageError

MAX_BODY_BYTES: Final = 64 * 1024
LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})

_POLICY: Final = "; ".join((
    "default-src 'none'", "img-src 'self'", "style-src 'self'", "script-src 'self'",
    "connect-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
))  # fmt: skip
_HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "x-robots-tag": "noindex, nofollow",
    "cache-control": "no-store",
}
_TOO_LARGE: Final = "That is more than this page takes."
_READING: Final = frozenset({"GET", "HEAD"})


class CsrfError(PageError):
    """A form that this page did not hand out to this session."""

    def __init__(self) -> None:
        super().__init__(
            "This form is out of date", status=403, remedy="Nothing was saved. Open the page again."
        )


def csrf_token(secret: bytes, session_id: str) -> str:
    """The token that every form of a session carries: HMAC-SHA256 of the session, 64 digits."""
    return hmac.new(secret, b"csrf\x00" + session_id.encode(), hashlib.sha256).hexdigest()


def check_csrf(secret: bytes, session_id: str, found: str | None) -> None:
    """Refuse a form without the session's token; compared in constant time.

    Raises:
        CsrfError: it is missing or wrong.
    """
    expected = csrf_token(secret, session_id).encode()
    if not hmac.compare_digest(expected, (found or "").encode("utf-8", "replace")):
        raise CsrfError


class BodyTooLargeError(HTTPException):
    """Ends a request whose body grew past the limit while it was read."""

    def __init__(self) -> None:
        super().__init__(413, _TOO_LARGE)


class Guards:
    """ASGI middleware: refuses what no page wants, and sets the headers every response needs.

    A response that sets one of the headers itself keeps it (static files may be cached).

    Args:
        app: what is guarded.
        hosts: names that the ``Host`` header may have, without port; None for any. A server on
            loopback should name `LOOPBACK_HOSTS`, so that no other name can be made to lead to it.
        max_body_bytes: largest request body.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Collection[str] | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self._app = app
        self._hosts = None if hosts is None else frozenset(hosts)
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_started = False

        async def send_guarded(message: Message) -> None:
            nonlocal is_started
            if message["type"] == "http.response.start":
                is_started = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope)
        if refusal is None:
            try:
                await self._app(scope, self._counted(receive), send_guarded)
            except BodyTooLargeError:
                refusal = _too_large()
        if refusal is not None and not is_started:
            await refusal(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        if self._hosts is not None and _host(headers.get("host", "")) not in self._hosts:
            return PlainTextResponse("This server does not go by that name.", 400)
        if scope["method"] not in _READING:
            site = headers.get("sec-fetch-site", "same-origin")
            if site not in {"same-origin", "none"}:
                return PlainTextResponse("Requests from other sites are refused.", 403)
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit():
            return PlainTextResponse("The request's length is not a number.", 400)
        return _too_large() if int(length) > self._max_body_bytes else None

    def _counted(self, receive: Receive) -> Receive:
        n_bytes = 0

        async def receive_counted() -> Message:
            nonlocal n_bytes
            message = await receive()
            n_bytes += len(message.get("body", b""))
            if n_bytes > self._max_body_bytes:
                raise BodyTooLargeError
            return message

        return receive_counted


def _too_large() -> PlainTextResponse:
    return PlainTextResponse(_TOO_LARGE, 413)


def _host(header: str) -> str:
    """The name in a ``Host`` header, without port and brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0].lower()
