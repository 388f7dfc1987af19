"""Signed tokens: small values that a browser keeps and can't change.

Belongs here: signing and reading them, and the secret behind them. Does not belong here: what they
hold. A token is readable by whoever has it: it is signed, not encrypted.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from fer_assets.web.errors import PageError

_MAX_CHARS: Final = 4096
_SECRET_BYTES: Final = 32


class TokenError(PageError):
    """A token that is forged, damaged or expired; `is_expired` tells which."""

    def __init__(self, thing: str, *, is_expired: bool) -> None:
        self.is_expired = is_expired
        super().__init__(thing, status=401, remedy="Open your link again.")


class Signer:
    """Signs values with HMAC-SHA256 and reads them back.

    Args:
        secret: at least 16 random bytes; whoever has them can sign.
        clock: seconds since the epoch.
    """

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        if len(secret) < 16:
            raise ValueError("a signing secret needs at least 16 bytes")
        self._secret = secret
        self._clock = clock

    def sign(self, value: Mapping[str, Any], max_age_s: float) -> str:
        """A token of letters, digits, ``-``, ``_`` and one dot that holds `value`.

        Args:
            value: plain data for JSON.
            max_age_s: how long it is good for, in s.
        """
        data = {"value": dict(value), "until": round(self._clock() + max_age_s, 3)}
        body = _encode(json.dumps(data, separators=(",", ":"), sort_keys=True).encode())
        return f"{body}.{self._mac(body)}"

    def read(self, token: str) -> dict[str, Any]:
        """The value that was signed.

        Raises:
            TokenError: the token was not signed with this secret, or is too old.
        """
        body, _, mac = token.partition(".")
        is_ours = len(token) <= _MAX_CHARS and hmac.compare_digest(
            mac.encode("utf-8", "replace"), self._mac(body).encode()
        )
        if not is_ours:
            raise TokenError("This session is not valid", is_expired=False)
        data = json.loads(_decode(body))
        if self._clock() >= data["until"]:
            raise TokenError("This session has expired", is_expired=True)
        return dict(data["value"])

    def _mac(self, body: str) -> str:
        data = body.encode("utf-8", "replace")
        return _encode(hmac.new(self._secret, data, hashlib.sha256).digest())


def read_secret(path: Path) -> bytes:
    """The secret kept in a file that only its owner can read; made at random on first use."""
    try:
        return _kept(path)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    staging = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    handle = os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_hex(_SECRET_BYTES).encode())
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link fails where the file is there by now: two servers that start agree on one secret.
        os.link(staging, path)
    except FileExistsError:
        pass
    finally:
        staging.unlink()
    return _kept(path)


def _kept(path: Path) -> bytes:
    return binascii.unhexlify(path.read_bytes().strip())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
