"""Serving a page to browsers: on this machine alone unless told otherwise.

Belongs here: the socket, uvicorn and its settings. Does not belong here: any page.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from fer_assets.errors import FerError

_BACKLOG = 256


class ServingError(FerError):
    """The page can't be served there."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def base_url(host: str, port: int) -> str:
    """``http://HOST:PORT``, with brackets around an IPv6 address."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(
    app: ASGIApp,
    host: str = "127.0.0.1",
    port: int = 0,
    allow_network: bool = False,
    *,
    announce: Callable[[str], None] = print,
) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are finished, the app's lifespan ends.

    Args:
        app: the page; wrap it in `guards.Guards`.
        host: address to listen at.
        port: port; 0 for a free one.
        allow_network: whether addresses that other machines reach are meant.
        announce: is told the page's base URL once connections are taken.

    Raises:
        ServingError: the address is not loopback and `allow_network` is False, or it can't be had.
    """
    listening = _listen(host, port, allow_network)
    announce(base_url(host, listening.getsockname()[1]))
    # No access log: addresses of pages hold invitations and tasks.
    settings = uvicorn.Config(
        app,
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=10,
    )
    try:
        uvicorn.Server(settings).run(sockets=[listening])
    except KeyboardInterrupt:
        pass  # raised again by uvicorn after it has shut down in order
    finally:
        listening.close()


def _listen(host: str, port: int, allow_network: bool) -> socket.socket:
    where = base_url(host, port)
    if not allow_network and not is_loopback(host):
        raise ServingError(
            where,
            expected="an address of this machine alone, such as 127.0.0.1",
            found=host,
            remedy="Faces would be reachable from the network: say --allow-network if that is "
            "meant, and put a proxy with HTTPS in front.",
        )
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError as error:
        raise ServingError(
            where,
            expected="a free address",
            found=str(error.strerror or error),
            remedy="Choose another --port, or 0 for any free one.",
        ) from error
    return listening
