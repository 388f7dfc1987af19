"""A workspace with made-up annotated frames and features in it, for tests of heads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from fer_assets.lines.frame_affect.features import unit_key
from fer_assets.lines.frame_affect.names import ANNOTATED_FRAMES, FRAME_FEATURES
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output, rebuild
from fer_assets.storage.planning import Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.schemas.frame_affect import VIDEO_TASKS
from fer_assets_tests.frame_affect.heads.material import (
    BACKBONE,
    annotations,
    features,
    latents,
    video_ids,
)

KEY = "moods"
SETTINGS = f'backbones = ["{BACKBONE}"]\ndev_share = 0.25\n'


def head_workspace(root: Path, settings: str = "") -> Workspace:
    """A root with one challenge and nothing materialised."""
    folder = root / "challenges" / KEY
    folder.mkdir(parents=True, exist_ok=True)
    text = f'kind = "affect"\n[settings.affect]\n{SETTINGS}{settings}\n'
    (folder / "challenge.toml").write_text(text)
    return open_workspace(root)


def put_frames(
    workspace: Workspace,
    sets: Mapping[str, str],
    tasks: tuple[str, ...],
    *,
    n_frames: int = 40,
    excluded: tuple[str, ...] = (),
    has_scores: bool = True,
) -> None:
    """Store annotations and features of videos; each video is in the same set of all tasks."""
    frames, seen = [], []
    for video, own in sets.items():
        hidden = latents(n_frames, int(video, 16))
        counts = dict.fromkeys(("n_rows", "n_annotated", "n_usable"), n_frames)
        nothing = dict.fromkeys(("n_invalid", "n_not_finite", "n_beyond", "n_without_row"), 0)
        status = "excluded" if video in excluded else "used"
        row = {"video_id": video, "set": own, "status": status} | counts | nothing
        tables = {"video_tasks": VIDEO_TASKS.frame([row | {"task": task} for task in tasks])}
        if own != "test":
            rows = pl.concat([annotations(video, task, hidden) for task in tasks])
            tables["frame_annotations"] = rows
        frames.append(Output(video, tables))
        key = unit_key(video, BACKBONE)
        seen.append(Output(key, {"frame_features": features(video, hidden, has_scores=has_scores)}))
    for asset, outputs, inputs in (
        (ANNOTATED_FRAMES, frames, {}),
        (FRAME_FEATURES, seen, {"backbone": "abc"}),
    ):
        build = Build(
            Place(asset, KEY),
            ASSET_TABLES[asset],
            1,
            [sorted(tasks), n_frames, has_scores, excluded, sorted(sets.items())],
        )
        units = [Unit(output.key, inputs) for output in outputs]
        rebuild(workspace.store, build, units, lambda due, made=outputs: made)


def sets_of(n_train: int, n_validation: int, n_test: int = 0) -> dict[str, str]:
    names = ["train"] * n_train + ["validation"] * n_validation + ["test"] * n_test
    return dict(zip(video_ids(len(names)), names, strict=True))
