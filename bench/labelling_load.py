"""`python -m bench.labelling_load`: an open load on the labelling page, over real HTTP.

Arrivals come at random moments (a Poisson process with a fixed seed) and do not wait for answers.
Each is what a browser does for one face: the page, its picture, the answers. Arrival k belongs to
worker k mod n; where that worker is still at the last face, it waits, and its time runs from the
moment it was due. The server is a process of its own with its real SQLite file and fsync; an
operator looks at the report every now and then, from another process, as `fer-assets label report`
does.

Prints one JSON line: times of page and picture (from when they were due) and of the acknowledged
post (from when it was sent), and whether the book holds every acknowledged answer exactly once and
nothing else after the server was killed at once (SIGKILL). Exit code 1 if it does not, or if a
target is missed. What a bare write with fsync took meanwhile stands beside it: a disk that others
keep busy is no fault of the page.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlencode

from bench.labelling_root import KEY, make_root
from fer_assets.labels.page.invitations import invite
from fer_assets.labels.page.report import work_reports
from fer_assets.labels.questionnaire import Questionnaire
from fer_assets.lines.tiktokfer.page_answers import open_book
from fer_assets.lines.tiktokfer.tasks import questionnaire_of
from fer_assets.lines.workspace import Workspace

TARGET_MEDIAN_MS = 50.0
TARGET_P95_MS = 200.0
_ANSWERS_PER_FACE = 4
_START_S = 60.0
_REPORT_EVERY_S = 20.0
_PROBE_EVERY_S = 0.5
_SERVE = "import sys; from fer_assets.commands.label import label; label(obj=sys.argv.pop(1))"


@dataclass
class Connection:
    """One kept-alive HTTP/1.1 connection of one worker's browser, with its cookie."""

    port: int
    cookie: str = ""
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None

    async def request(
        self, method: str, path: str, fields: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body; a connection that the server let go is opened anew."""
        body = urlencode(fields or {}).encode()
        head = [
            f"{method} {path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            f"Cookie: {self.cookie}",
            f"Content-Length: {len(body)}",
        ]
        if fields is not None:
            head += [
                "Content-Type: application/x-www-form-urlencoded",
                "Sec-Fetch-Site: same-origin",
            ]
        data = ("\r\n".join(head) + "\r\n\r\n").encode() + body
        for attempt in (1, 2):
            try:
                return await self._exchange(data)
            except (asyncio.IncompleteReadError, ConnectionError):
                await self.close()
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")

    async def _exchange(self, data: bytes) -> tuple[int, dict[str, str], bytes]:
        if self._reader is None or self._writer is None or self._reader.at_eof():
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._writer.write(data)
        raw = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {}
        for line in raw[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return int(raw[0].split()[1]), headers, body

    async def close(self) -> None:
        """Let the connection go."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


@dataclass
class Load:
    """The workers, what was acknowledged to them, and how long things took, in s."""

    questionnaire: Questionnaire
    workers: list[str]
    connections: list[Connection]
    acknowledged: list[tuple[str, str, str]] = field(default_factory=list)
    page_s: list[float] = field(default_factory=list)
    post_s: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    sync_s: list[float] = field(default_factory=list)

    async def run(self, n_answers: int, rate: float) -> None:
        """Let `n_answers` arrive at `rate` a second, and wait for the last."""
        rng = random.Random(7)
        locks = [asyncio.Lock() for _ in self.workers]
        tasks: set[asyncio.Task[None]] = set()
        due = time.perf_counter()
        for number in range(n_answers):
            due += rng.expovariate(rate)
            if (pause := due - time.perf_counter()) > 0:
                await asyncio.sleep(pause)
            at = number % len(self.workers)
            task = asyncio.create_task(self._one(at, due, locks[at]))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)

    async def _one(self, at: int, due: float, lock: asyncio.Lock) -> None:
        async with lock:
            connection = self.connections[at]
            status, _, page = await connection.request("GET", "/face")
            task, attempt = _named(page, b"task"), _named(page, b"attempt")
            if status != 200 or not task:
                self.refused[f"page {status}"] += 1
                return
            status, _, _ = await connection.request("GET", f"/picture/{task}")
            if status != 200:
                self.refused[f"picture {status}"] += 1
            self.page_s.append(time.perf_counter() - due)
            answers = answers_of(self.questionnaire, self.workers[at], task)
            fields = {"csrf": _named(page, b"csrf"), "task": task, "attempt": attempt, **answers}
            sent = time.perf_counter()
            status, _, _ = await connection.request("POST", "/answer", fields)
            if status != 303:
                self.refused[f"post {status}"] += 1
                return
            self.post_s.append(time.perf_counter() - sent)
            self.acknowledged += [
                (task, self.workers[at], f"{name}={value}") for name, value in answers.items()
            ]


def answers_of(questionnaire: Questionnaire, worker: str, task: str) -> dict[str, str]:
    """A full set of answers along the branches, the same for the same worker and task."""
    said: dict[str, str] = {}
    for question in questionnaire.questions:
        if question.asked_if is not None:
            before, value = question.asked_if
            if said.get(before) != value:
                continue
        draw = hashlib.sha256(f"{worker}/{task}/{question.id}".encode()).digest()[0]
        is_first = question.id == "is_face" and draw > 8  # most pictures are of faces
        at = 0 if is_first else draw % len(question.answers)
        said[question.id] = question.answers[at].id
    return said


def _named(page: bytes, name: bytes) -> str:
    found = re.search(rb'name="%s" value="([^"]*)"' % name, page)
    return found[1].decode() if found else ""


async def _enter(port: int, token: str) -> Connection:
    connection = Connection(port)
    status, headers, _ = await connection.request("POST", f"/enter/{token}", {"consent": "yes"})
    if status != 303:
        raise RuntimeError(f"a worker could not enter: {status}")
    connection.cookie = headers["set-cookie"].split(";")[0]
    return connection


def _start_server(root: Path) -> tuple[subprocess.Popen[str], int]:
    command = [sys.executable, "-c", _SERVE, str(root), "--partition", KEY, "--port", "0"]
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    assert server.stdout is not None
    for line in server.stdout:
        if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
            return server, int(found[1])
    raise RuntimeError(f"the server did not start: exit code {server.wait(_START_S)}")


async def _measure(
    workspace: Workspace, invited: list[tuple[str, str]], port: int, n_answers: int, rate: float
) -> tuple[Load, float]:
    connections = [await _enter(port, token) for _, token in invited]
    questionnaire = questionnaire_of(workspace, KEY)
    load = Load(questionnaire, [worker for worker, _ in invited], connections)
    beside = [
        asyncio.create_task(_look_now_and_then(workspace)),
        asyncio.create_task(_probe_disk(workspace.state / "probe", load.sync_s)),
    ]
    start = time.perf_counter()
    await load.run(n_answers, rate)
    wall_s = time.perf_counter() - start
    for task in beside:
        task.cancel()
    for connection in connections:
        await connection.close()
    return load, wall_s


async def _look_now_and_then(workspace: Workspace) -> None:
    while True:
        await asyncio.sleep(_REPORT_EVERY_S)
        await asyncio.to_thread(_look, workspace)


async def _probe_disk(path: Path, found: list[float]) -> None:
    """What a bare write with fsync costs meanwhile: no post can be quicker than the disk."""
    with path.open("wb") as file:
        while True:
            await asyncio.sleep(_PROBE_EVERY_S)
            found.append(await asyncio.to_thread(_write_and_sync, file))


def _write_and_sync(file: BinaryIO) -> float:
    start = time.perf_counter()
    file.write(bytes(4096))
    file.flush()
    os.fsync(file.fileno())
    return time.perf_counter() - start


def _look(workspace: Workspace) -> None:
    book = open_book(workspace, KEY)
    try:
        work_reports(book)
    finally:
        book.close()


def _compare(workspace: Workspace, load: Load) -> dict[str, int]:
    """Acknowledged rows that the book lacks, has twice, and rows that nobody was promised."""
    book = open_book(workspace, KEY)
    rows = book.answers().select("task_id", "worker", "question", "answer").iter_rows()
    found = Counter((task, worker, f"{q}={a}") for task, worker, q, a in rows)
    book.close()
    promised = Counter(load.acknowledged)
    return {
        "lost": sum((promised - found).values()),
        "doubled": sum(count - 1 for count in found.values() if count > 1),
        "unpromised": sum((found - promised).values()),
    }


def _times(values: list[float]) -> dict[str, float]:
    if len(values) < 2:
        return {}
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    named = {"median": cuts[49], "p95": cuts[94], "p99": cuts[98], "max": max(values)}
    return {name: round(1000 * value, 2) for name, value in named.items()}


def measure(n_answers: int, rate: float, n_workers: int) -> dict[str, object]:
    """One run; the row that is printed."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        # A worker meets a face once: there must be more faces than a worker's arrivals.
        n_faces = max(n_answers // _ANSWERS_PER_FACE, 2 * n_answers // n_workers, 100)
        workspace = make_root(root, n_faces)
        book = open_book(workspace, KEY)
        invited = invite(book, n_workers, days=1)
        book.close()
        server, port = _start_server(root)
        try:
            load, wall_s = asyncio.run(_measure(workspace, invited, port, n_answers, rate))
        finally:
            # What was acknowledged is on disk, or it was not acknowledged: no time to tidy up.
            server.kill()
            server.wait(_START_S)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        differences = _compare(workspace, load)
    post = _times(load.post_s)
    is_whole = not any(differences.values()) and not load.refused
    is_fast = bool(post) and post["median"] < TARGET_MEDIAN_MS and post["p95"] < TARGET_P95_MS
    return {
        "bench": "labelling_load",
        "case": f"{n_answers} answers, {rate:g} a second, {n_workers} workers, {n_faces} faces",
        "post_ms": post,
        "page_and_picture_ms": _times(load.page_s),
        "target_ms": {"median": TARGET_MEDIAN_MS, "p95": TARGET_P95_MS},
        "bare_write_and_fsync_ms": _times(load.sync_s),
        "acknowledged": len(load.post_s),
        "reached_per_s": round(len(load.post_s) / wall_s, 2),
        "server_cpu_share": round((used.ru_utime + used.ru_stime) / wall_s, 3),
        **differences,
        "refused": dict(load.refused),
        "equal": is_whole,
        "met": is_fast,
    }


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(prog="bench.labelling_load", description=__doc__)
    parser.add_argument("--answers", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=25.0, help="arrivals a second")
    parser.add_argument("--workers", type=int, default=50)
    given = parser.parse_args()
    row = measure(given.answers, given.rate, given.workers)
    print(json.dumps(row), flush=True)
    if not (row["equal"] and row["met"]):
        sys.exit(1)


if __name__ == "__main__":
    main()
