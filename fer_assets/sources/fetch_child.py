"""The process that fetches: `python -m fer_assets.sources.fetch_child FOLDER BYTES PARENT STALL_S`.

Belongs here: asking yt-dlp for one address at a time, and saying what came of it. Does not belong
here: asking again (`sources/downloads.py`), time limits and killing (`sources/fetching.py`), what
is forbidden (`sources/fetch_guard.py`).

One JSON object per line, both ways: ``{"url", "name"}`` in, ``{"outcome", "reason",
"retry_after"}`` out. `outcome` is ``done`` (the file FOLDER/NAME is complete), ``failed`` (it will
not be otherwise next time) or ``again``. Reasons name no address and no person.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from fer_assets.sources.fetch_guard import FetchGuard, RefusedError, addresses

_MEMORY_BYTES: Final = 4 << 30
_MOST_HOPS: Final = 3
_BLOCK_BYTES: Final = 8 << 20
"""More than is written at once: sizes are looked at after each write."""

_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504, 507, 520, 521, 522, 523, 524})
_ABSENT: Final = ("requests", "curl_cffi", "websockets", "secretstorage", "brotli", "brotlicffi")
"""Left out where they are installed: requests go through urllib, which the guard sees."""


class _NotWantedError(Exception):
    """What the address leads to is not one video file; `reason` says what it is."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def main() -> None:
    """Serve requests from standard input until it closes."""
    folder, limit_bytes, parent = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    stall_s = float(sys.argv[4])
    os.chdir(folder)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.dont_write_bytecode = True
    for name in _ABSENT:
        sys.modules[name] = None  # type: ignore[assignment]
    os.environ["YTDLP_NO_PLUGINS"] = "1"
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    most = limit_bytes + _BLOCK_BYTES
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()
    import yt_dlp  # noqa: F401  before the guard, which lets it write nothing

    guard = FetchGuard(folder, _proxies())
    guard.install()
    for line in sys.stdin:
        request = json.loads(line)
        answer = _fetch(guard, request["url"], request["name"], limit_bytes, stall_s)
        out.write(json.dumps(answer) + "\n")
        out.flush()


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def _proxies() -> frozenset[tuple[str, int]]:
    """Addresses of the proxies that the environment names."""
    found: frozenset[tuple[str, int]] = frozenset()
    for scheme, proxy in urllib.request.getproxies().items():
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        if scheme != "no" and parts.hostname:
            found |= addresses(parts.hostname, parts.port or 80)
    return found


def _fetch(
    guard: FetchGuard, url: str, name: str, limit_bytes: int, stall_s: float
) -> dict[str, Any]:
    from yt_dlp.utils import YoutubeDLError

    try:
        is_private = guard.expect(url)
    except OSError:
        return _answer("again", "host not found")
    site = _Site(name, limit_bytes, stall_s, is_direct=is_private)
    try:
        site.fetch(url)
    except _NotWantedError as error:
        return _answer("failed", error.reason)
    except (
        RefusedError,
        YoutubeDLError,
        OSError,
        MemoryError,
        RecursionError,
        ValueError,
    ) as error:
        if guard.refusal is not None:
            return _answer("failed", guard.refusal.reason)
        return _why(site, error)
    return _answer("done", None)


def _why(site: _Site, error: BaseException) -> dict[str, Any]:
    """What an error of yt-dlp comes to."""
    from yt_dlp.networking.exceptions import CertificateVerifyError, HTTPError, TransportError
    from yt_dlp.utils import ContentTooShortError

    last = site.last_error
    if isinstance(last, HTTPError):
        if last.status < 400:
            return _answer("failed", "a redirect that leads nowhere")
        passes = last.status in _PASSING
        after = last.response.headers.get("Retry-After")
        return _answer("again" if passes else "failed", f"HTTP {last.status}", after)
    if isinstance(last, CertificateVerifyError):
        return _answer("failed", "certificate not valid")
    if isinstance(last, TransportError):
        return _answer("again", "no answer")
    if site.is_loading or isinstance(error, ContentTooShortError | OSError):
        return _answer("again", "transfer cut off")
    return _answer("failed", "no video at the address")


def _answer(outcome: str, reason: str | None, retry_after: str | None = None) -> dict[str, Any]:
    return {"outcome": outcome, "reason": reason, "retry_after": retry_after}


class _Site:
    """One address, asked through yt-dlp."""

    def __init__(self, name: str, limit_bytes: int, stall_s: float, *, is_direct: bool) -> None:
        from yt_dlp import YoutubeDL

        site = self

        class Asking(YoutubeDL):  # type: ignore[misc]
            """Remembers what became of the last request."""

            def urlopen(self, req: Any) -> Any:
                site.last_error = None
                try:
                    response = super().urlopen(req)
                except Exception as error:
                    site.last_error = error
                    raise
                site.last_url = response.url
                return response

        self.last_error: Exception | None = None
        self.last_url = ""
        self.is_loading = False
        self._name = name
        self._limit_bytes = limit_bytes
        self._asking = Asking(self._options(stall_s, is_direct), auto_init=False)
        self._asking.add_default_info_extractors()

    def fetch(self, url: str) -> None:
        """Make FOLDER/NAME the whole video."""
        found = self._asking.extract_info(url, download=False, process=False)
        for _ in range(_MOST_HOPS):
            if not found or found.get("_type", "video") == "video":
                break
            found = self._asking.extract_info(self._next(found, url), download=False, process=False)
        self._check(found)
        self.is_loading = True
        self._asking.process_ie_result(found, download=True)
        if not Path(self._name).is_file():
            raise OSError("nothing was written")

    def _options(self, stall_s: float, is_direct: bool) -> dict[str, Any]:
        return {
            "outtmpl": {"default": self._name},
            # One file with picture and sound, as it is: nothing to merge, no stream of pieces.
            "format": "b[protocol=https]/b[protocol=http]",
            "socket_timeout": stall_s,
            # What the environment says of proxies is for the web, not for hosts of one's own.
            "proxy": "" if is_direct else None,
            "retries": 0,
            "extractor_retries": 0,
            "file_access_retries": 0,
            "continuedl": True,
            "overwrites": False,
            "noplaylist": True,
            "max_downloads": None,
            "cachedir": False,
            "updatetime": False,
            "fixup": "never",
            "js_runtimes": {},
            "external_downloader": {"default": "native"},
            "usenetrc": False,
            "quiet": True,
            "no_warnings": True,
            "noprogress": True,
            "logger": _Silence(),
            "progress_hooks": [self._check_size],
        }

    def _next(self, found: Mapping[str, Any], url: str) -> str:
        """Where a result leads on to: a redirect that was followed, or a page of the same site."""
        if found.get("_type") not in ("url", "url_transparent"):
            raise _NotWantedError("a list of videos, not one video")
        then = str(found.get("url") or "")
        if then != self.last_url and _site_of(then) != _site_of(url):
            raise _NotWantedError("a page with a video of another site")
        return then

    @staticmethod
    def _check(found: Mapping[str, Any] | None) -> None:
        if not found or found.get("_type", "video") != "video":
            raise _NotWantedError("no video at the address")
        if found.get("extractor") == "generic" and not found.get("direct"):
            raise _NotWantedError("a web page, not a video")
        if found.get("is_live") or found.get("live_status") in ("is_live", "is_upcoming"):
            raise _NotWantedError("a live stream")

    def _check_size(self, progress: Mapping[str, Any]) -> None:
        known = max(progress.get("total_bytes") or 0, progress.get("downloaded_bytes") or 0)
        if known > self._limit_bytes:
            raise _NotWantedError("larger than the limit")


class _Silence:
    """Swallows what yt-dlp says: it names addresses."""

    def debug(self, message: str) -> None:
        """Nothing."""

    info = warning = error = debug


def _site_of(url: str) -> str:
    """The last two labels of the host; all of an IP address."""
    host = (urlsplit(url).hostname or "").lower()
    is_address = ":" in host or host.replace(".", "").isdigit()
    return host if is_address else ".".join(host.split(".")[-2:])


if __name__ == "__main__":
    main()
