"""One thread owns the desk: commits, refusals, and browsers that leave."""

from __future__ import annotations

import threading

import pytest

from fer_assets.labels.page.desk import RefusedError
from fer_assets.labels.page.group_commit import DeskThread
from fer_assets.storage.reader import NotMaterializedError
from fer_assets_tests.labels.page.roots import KEY, SAD, make_root, open_desk


def test_requests_are_answered_after_their_commit_and_fail_alone(workspace, clock):
    thread = DeskThread(lambda: open_desk(workspace, clock))
    try:
        deals = [thread.submit(lambda d, w=f"w{i}": d.deal(w), "write") for i in range(20)]
        screens = [future.result(20) for future in deals]
        assert len({screen.task_id for screen in screens}) > 1
        futures = []
        for i, screen in enumerate(screens):
            said = {"is_face": "maybe"} if i % 3 == 0 else SAD
            futures.append(
                thread.submit(
                    lambda d, w=f"w{i}", t=screen.task_id, s=said: d.answer(w, t, 0, s), "write"
                )
            )
        for i, future in enumerate(futures):
            if i % 3 == 0:
                with pytest.raises(RefusedError):
                    future.result(20)
            else:
                future.result(20)
        n_answers = thread.submit(lambda d: d.progress().n_answers).result(20)
        assert n_answers == sum(i % 3 != 0 for i in range(20))
        with pytest.raises(ZeroDivisionError):
            thread.submit(lambda d: 1 // 0).result(20)
        assert thread.submit(lambda d: 1).result(20) == 1
    finally:
        thread.close()


def test_a_request_whose_browser_left_stops_nothing(workspace, clock):
    thread = DeskThread(lambda: open_desk(workspace, clock))
    try:
        goes_on = threading.Event()
        thread.submit(lambda d: goes_on.wait(20))
        done = []
        left = [thread.submit(lambda d: done.append(1), kind) for kind in ("read", "write")]
        assert all(future.cancel() for future in left)
        goes_on.set()
        assert thread.submit(lambda d: 1).result(20) == 1
        assert thread.submit(lambda d: d.deal("w") is not None, "write").result(20)
        assert done == []
        is_running, ends = threading.Event(), threading.Event()
        running = thread.submit(lambda d: is_running.set() or ends.wait(20))
        assert is_running.wait(20)
        assert not running.cancel()
        ends.set()
        assert thread.submit(lambda d: 2).result(20) == 2
    finally:
        thread.close()


def test_a_desk_that_cant_be_opened_says_so(tmp_path, clock):
    workspace = make_root(tmp_path)
    workspace.store.delete(f"assets/tiktokfer/labelling_tasks/{KEY}/manifest.json")
    with pytest.raises(NotMaterializedError):
        DeskThread(lambda: open_desk(workspace, clock))
