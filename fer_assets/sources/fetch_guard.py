"""What a process that fetches from strangers may do: nothing but fetch into its folder.

Belongs here: the rules, as an audit hook of the interpreter. Does not belong here: fetching
(`sources/fetch_child.py`). The hook can not be taken off again: only for a process of its own.

Whatever the library that fetches is talked into, the interpreter reports each address it opens,
each connection, each file and each program, and the hook refuses what was not asked for.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

_PROGRAMS: Final = frozenset(
    {"subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn",
     "os.system", "pty.spawn"}
)  # fmt: skip
_CHANGES: Final = frozenset(
    {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate",
     "os.chmod", "os.chown", "os.utime", "shutil.rmtree", "shutil.move", "shutil.copyfile"}
)  # fmt: skip
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_SCHEMES: Final = ("http", "https")


class RefusedError(Exception):
    """Something was tried that the manifest does not ask for; `reason` says it without names."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class FetchGuard:
    """Lets through: http(s), public hosts and the asked host itself, files below one folder.

    Args:
        folder: the only folder that may be written to.
        proxies: addresses (host, port) of proxies, which may be private.
    """

    def __init__(self, folder: Path, proxies: frozenset[tuple[str, int]] = frozenset()) -> None:
        self._folder = os.path.realpath(folder)
        self._proxies = proxies
        self._own: frozenset[tuple[str, int]] = frozenset()
        self.refusal: RefusedError | None = None

    def install(self) -> None:
        """Take effect, for the rest of the process's life."""
        sys.addaudithook(self._check)

    def expect(self, url: str) -> bool:
        """From now on `url` is what was asked for; whether its host is a private one.

        Raises:
            OSError: its host has no address, and there is no proxy that may know it.
        """
        self.refusal = None
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            self._own = addresses(parts.hostname or "", port)
        except OSError:
            self._own = frozenset()
            if not self._proxies:
                raise
        return not all(_is_public(ip) for ip, _ in self._own)

    def _check(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "urllib.Request":
            self._check_url(str(args[0]))
        elif event == "socket.connect":
            self._check_address(args[1])
        elif event == "open":
            self._check_open(*args)
        elif event in _PROGRAMS:
            # What asks for a program takes this for one that is not installed.
            raise FileNotFoundError("no programs are run here")
        elif event in _CHANGES:
            for path in args[:2]:
                if isinstance(path, str | bytes | os.PathLike):
                    self._check_inside(path)

    def _check_url(self, url: str) -> None:
        """Also where a proxy connects for us: what the address itself says."""
        parts = urlsplit(url)
        if parts.scheme.lower() not in _SCHEMES:
            raise self._refuse("leads to an address that is not http or https")
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        if host == "localhost" or host.endswith(".localhost"):
            host = "127.0.0.1"
        if _is_ip(host):
            self._check_address((host, port))

    def _check_address(self, address: Any) -> None:
        if not isinstance(address, tuple):
            raise self._refuse("leads to this machine")
        where = (str(address[0]), int(address[1]))
        if where in self._own or where in self._proxies:
            return
        if not _is_public(where[0]):
            raise self._refuse("leads to a private address")

    def _check_open(self, path: Any, mode: Any, flags: Any) -> None:
        del mode
        is_path = isinstance(path, str | bytes | os.PathLike)
        is_written = isinstance(flags, int) and bool(flags & _WRITING)
        if is_path and is_written and os.fsdecode(path) != os.devnull:
            self._check_inside(path)

    def _check_inside(self, path: str | bytes | os.PathLike[Any]) -> None:
        real = os.path.realpath(os.fsdecode(path))
        if real != self._folder and not real.startswith(self._folder + os.sep):
            raise self._refuse("leads to a file outside of its folder")

    def _refuse(self, reason: str) -> RefusedError:
        self.refusal = RefusedError(reason)
        return self.refusal


def _is_public(text: str) -> bool:
    ip = ipaddress.ip_address(text.split("%", maxsplit=1)[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    return bool((mapped or ip).is_global) and not ip.is_multicast


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def addresses(host: str, port: int) -> frozenset[tuple[str, int]]:
    """(IP, port) of a host.

    Raises:
        OSError: it has none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return frozenset((str(entry[4][0]), port) for entry in found)
