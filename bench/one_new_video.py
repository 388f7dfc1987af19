"""What does one new video among 100 cost, against a challenge of that one video?

Ours: the ingest, from `raw_videos` to `labelling_tasks`, of a challenge of which 100 videos are
built and one is new. The peer is this project's first build of a challenge that has this video
only. Both run in this process, without Dagster, each round on a fresh copy of its root.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from bench.case import ROUNDS, Case, Skipped
from fer_assets.demo.casting import DemoSettings
from fer_assets.demo.people import DemoError
from fer_assets.demo.render import render_demo
from fer_assets.lines.catalog import lines
from fer_assets.lines.step import run_step
from fer_assets.lines.tiktokfer.names import FACE_CROPS, FACE_EMBEDDINGS, RAW_VIDEOS
from fer_assets.lines.workspace import Workspace, open_workspace

KEY = "face-challenge"
SHORT = {"challenges": (KEY,), "width_px": 288, "prompts_per_video": 3, "has_oddities": False}
MANY = DemoSettings(videos_per_person=10, **SHORT)
ONE = DemoSettings(seed=7, people=("P003",), videos_per_person=1, **SHORT)


def cases() -> Iterator[Case | Skipped]:
    with tempfile.TemporaryDirectory() as folder:
        many, one = Path(folder, "many"), Path(folder, "one")
        try:
            render_demo(many, MANY)
            render_demo(one, ONE)
        except DemoError as error:
            yield Skipped("one_new_video", "101 videos", str(error))
            return
        _ingest(many)
        new = next(_videos(one).iterdir())
        shutil.copyfile(new, _videos(many) / "new.mp4")
        new.rename(_videos(one) / "new.mp4")
        n_runs = 1 + ROUNDS
        yield Case(
            bench="one_new_video",
            case="one new video among 100, ingest",
            ours=_on_copies(many, n_runs),
            peer="first build of that video alone",
            theirs=_on_copies(one, n_runs),
            target=1.3,
            equal=_same_faces,
        )


def _videos(root: Path) -> Path:
    return root / "challenges" / KEY / "videos"


def _on_copies(root: Path, count: int) -> Callable[[], Workspace]:
    """The ingest on a fresh copy each time; copies are made beforehand, not timed."""
    copies = [root.with_name(f"{root.name}-{i}") for i in range(count)]
    for copy in copies:
        # Files are replaced, never written into, so that links are as good as copies.
        shutil.copytree(root, copy, copy_function=os.link)
    left = iter(copies)
    return lambda: _ingest(next(left))


def _ingest(root: Path) -> Workspace:
    workspace = open_workspace(root)
    for step in lines()[0].ingest():
        run_step(step, workspace, KEY)
    return workspace


def _same_faces(ours: Workspace, theirs: Workspace) -> bool:
    """Both found the same crops and embeddings in the new video."""
    return all(
        _of_new_video(ours, asset).equals(_of_new_video(theirs, asset))
        for asset in (FACE_CROPS, FACE_EMBEDDINGS)
    )


def _of_new_video(workspace: Workspace, asset: str) -> pl.DataFrame:
    raw_videos = workspace.data.table(RAW_VIDEOS, KEY, "raw_videos")
    videos = raw_videos.filter(pl.col("path") == "new.mp4")
    rows = workspace.data.table(asset, KEY, asset.split("/")[1])
    return rows.join(videos.select("video_id"), on="video_id", how="semi").sort("face_id")
