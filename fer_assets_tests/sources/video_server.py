"""A web server on this machine that serves videos, well or badly, by the address's path.

``/good/…`` as it should be, ``/plain/…`` without ranges, ``/cut/…`` cut off in the middle once per
connection until a range is asked for, ``/always-cut/…``, ``/stall/…`` silent after some bytes,
``/drip/…`` a byte now and then, ``/status/CODE/…``, ``/first-CODE/…`` CODE for the first request,
``/redirect/…`` to `redirect_to`, ``/page/…`` HTML, ``/html-as-video/…``, ``/huge/…`` claims to be
huge, ``/endless/…`` claims nothing and does not end, ``/short/…`` claims to be shorter,
``/list/…`` a playlist, ``/embed/…`` a page with another site's video.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

EMBED = '<html><body><video src="{}"></video></body></html>'
PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{}\n#EXT-X-ENDLIST\n"


@dataclass
class VideoServer:
    """What is served, and what was asked for."""

    data: bytes
    url: str = ""
    redirect_to: str = ""
    retry_after: str = "1"
    asked: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    is_over: threading.Event = field(default_factory=threading.Event)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path
        self.asked.append(path)
        self.counts[path] += 1
        kind = path.split("/")[1]
        if kind.startswith("first-") and self.counts[path] == 1:
            self._status(request, int(kind.removeprefix("first-")))
        elif kind == "status":
            self._status(request, int(path.split("/")[2]))
        elif kind == "redirect":
            request.send_response(302)
            request.send_header("Location", self.redirect_to)
            request.end_headers()
        elif kind in ("page", "embed", "list"):
            text = EMBED if kind == "embed" else PLAYLIST if kind == "list" else "<html>{}</html>"
            mime = "application/vnd.apple.mpegurl" if kind == "list" else "text/html"
            self._send(request, text.format(self.redirect_to).encode(), mime)
        elif kind == "html-as-video":
            self._send(request, b"<html><body>please log in</body></html>", "video/mp4")
        else:
            self._video(request, kind)

    def _status(self, request: BaseHTTPRequestHandler, code: int) -> None:
        request.send_response(code)
        if code in (429, 503):
            request.send_header("Retry-After", self.retry_after)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def _send(self, request: BaseHTTPRequestHandler, body: bytes, mime: str) -> None:
        request.send_response(200)
        request.send_header("Content-Type", mime)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def _video(self, request: BaseHTTPRequestHandler, kind: str) -> None:
        wanted = request.headers.get("Range")
        start = 0
        if wanted:
            self.ranges.append(wanted)
            if kind != "plain":
                start = int(wanted.removeprefix("bytes=").split("-")[0])
        body = self.data[start:]
        request.send_response(206 if start else 200)
        request.send_header("Content-Type", "video/mp4")
        request.send_header("Accept-Ranges", "bytes")
        if start:
            last = len(self.data) - 1
            request.send_header("Content-Range", f"bytes {start}-{last}/{len(self.data)}")
        claimed = {"huge": 10**12, "short": len(body) // 3}.get(kind, len(body))
        if kind != "endless":
            request.send_header("Content-Length", str(claimed))
        request.end_headers()
        half = len(self.data) // 2
        if kind == "always-cut" or (kind == "cut" and not start):
            request.wfile.write(body[: half if not start else 0])
        elif kind == "stall":
            request.wfile.write(body[:half])
            request.wfile.flush()
            self.is_over.wait(30)
        elif kind == "drip":
            for at in range(len(body)):
                request.wfile.write(body[at : at + 1])
                if self.is_over.wait(0.1):
                    return
        elif kind == "endless":
            while not self.is_over.is_set():
                request.wfile.write(b"\0" * 65536)
        else:
            request.wfile.write(body[: claimed if kind == "short" else None])


@contextmanager
def serving(data: bytes) -> Iterator[VideoServer]:
    """Serve `data` below the yielded server's `url` until the block ends."""
    state = VideoServer(data)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.answer(self)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that hangs up early is part of the tests."""

    server = Server(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        state.is_over.set()
        server.shutdown()
        thread.join()
        server.server_close()
