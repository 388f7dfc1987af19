"""A real server, killed with -9 while workers answer: what was acknowledged is there, once."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx

from fer_assets_tests.labels.page.roots import KEY, SAD, make_root

COMMAND = (
    "import sys; from fer_assets.commands.label import label; label(sys.argv[2:], obj=sys.argv[1])"
)


def run(root: Path, *arguments: str) -> str:
    command = [sys.executable, "-c", COMMAND, str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


class Server:
    """`fer-assets label` in a process of its own."""

    def __init__(self, root: Path) -> None:
        command = [
            sys.executable,
            "-u",
            "-c",
            COMMAND,
            str(root),
            "--partition",
            KEY,
            "--port",
            "0",
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.url = re.search(r"http://\S+", line).group()

    def end(self, how: signal.Signals) -> int:
        os.kill(self.process.pid, how)
        try:
            return self.process.wait(30)
        finally:
            self.process.stdout.close()


def enter(url: str, link: str) -> httpx.Client:
    client = httpx.Client(base_url=url, follow_redirects=True, timeout=30)
    response = client.post(link, data={"consent": "yes"})
    assert response.status_code == 200, response.text
    return client


def answer_until_the_end(client: httpx.Client, acknowledged: list[str]) -> None:
    """Answer face after face; note those whose answer was acknowledged."""
    try:
        while True:
            page = client.get("/face").text
            fields = {
                name: re.search(rf'name="{name}" value="([^"]*)"', page).group(1)
                for name in ("csrf", "task", "attempt")
            }
            response = client.post("/answer", data={**fields, **SAD}, follow_redirects=False)
            assert response.status_code == 303
            acknowledged.append(fields["task"])
    except httpx.TransportError:
        return


def test_acknowledged_answers_survive_a_kill(tmp_path):
    from fer_assets.labels.page.answer_book import AnswerBook
    from fer_assets.lines.tiktokfer.page_answers import book_path

    workspace = make_root(tmp_path, n_faces=240, wanted=5)
    made = json.loads(run(tmp_path, "invite", "--partition", KEY, "--workers", "4", "--json"))
    server = Server(tmp_path)
    acknowledged: dict[str, list[str]] = {}
    threads = []
    for row in made:
        path = row["link"].split("8710", 1)[1]
        client = enter(server.url, path)
        done = acknowledged.setdefault(row["worker"], [])
        threads.append(threading.Thread(target=answer_until_the_end, args=(client, done)))
    for thread in threads:
        thread.start()
    while sum(map(len, acknowledged.values())) < 30:
        threads[0].join(0.005)
    assert server.end(signal.SIGKILL) == -signal.SIGKILL
    for thread in threads:
        thread.join(30)
    n_acknowledged = sum(map(len, acknowledged.values()))
    assert n_acknowledged >= 30

    book = AnswerBook(book_path(workspace, KEY))
    kept = [(entry.worker, entry.task_id) for entry in book.given()]
    book.close()
    assert len(kept) == len(set(kept))
    lost = {(worker, t) for worker, tasks in acknowledged.items() for t in tasks} - set(kept)
    assert not lost
    # at most the one that each worker had under way was stored without being acknowledged
    assert len(kept) <= n_acknowledged + len(made)

    # the next server goes on where this one stopped, and hands the answers on when it ends
    server = Server(tmp_path)
    client = enter(server.url, made[0]["link"].split("8710", 1)[1])
    page = client.get("/face").text
    task = re.search(r'name="task" value="([^"]*)"', page).group(1)
    assert (made[0]["worker"], task) not in kept
    fields = {
        name: re.search(rf'name="{name}" value="([^"]*)"', page).group(1)
        for name in ("csrf", "task", "attempt")
    }
    assert client.post("/answer", data={**fields, **SAD}).status_code == 200
    server.end(signal.SIGTERM)
    import polars as pl

    collected = pl.read_parquet(tmp_path / "answers" / KEY / "labelling-page.parquet")
    assert collected.select("task_id", "worker").n_unique() == len(kept) + 1
