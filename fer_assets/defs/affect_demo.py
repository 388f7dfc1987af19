"""The frame_affect demo, run as a user would run the line: render, build, score, try the control.

Belongs here: the order, and collecting tables for scoring. Does not belong here: rendering,
scoring and the control (`demo/affect/`), any step (`lines/`), what demos share
(`demo_outcome.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import polars as pl

from fer_assets.challenges.vocabulary import AFFECT_TASKS
from fer_assets.defs.demo_outcome import (
    DemoOutcome,
    demo_workspace,
    run_steps,
    write_fixed_files,
    written_report,
)
from fer_assets.defs.instance import open_instance
from fer_assets.lines.catalog import lines
from fer_assets.lines.frame_affect import names
from fer_assets.lines.frame_affect.features import unit_key
from fer_assets.lines.frame_affect.frames import video_table
from fer_assets.lines.frame_affect.heads import load_head_data, published_run
from fer_assets.lines.frame_affect.settings import affect_settings
from fer_assets.lines.workspace import Workspace

if TYPE_CHECKING:
    from fer_assets.demo.affect.casting import AffectDemoSettings
    from fer_assets.demo.affect.scoring import AffectRun
    from fer_assets.demo.affect.truth import AffectTruth
    from fer_assets.frame_affect.predictions.smoothing import SmoothingKind

_SETTINGS: Final = b"""\
# Photos of the training people only. Small pictures and few epochs of the first phase, against 224
# px and 8: what two cores do in about a minute and a half.
[frame_affect.backbones.affect-lite0]
image_px = 128
identities = "photos/identities"
expressions = "photos/expressions"
identity = { max_epochs = 2, patience = 2, batch_size = 32 }
"""


@dataclass(frozen=True)
class AffectDemoOutcome(DemoOutcome):
    """What the demo came to.

    Attributes:
        control: score by score, what heads reach that learned from shuffled labels.
    """

    control: Mapping[str, float]


def run_frame_affect_demo(root: Path, settings: AffectDemoSettings) -> AffectDemoOutcome:
    """Render the demo where needed, bring everything up to date, score it against its truth.

    The demo's root is all its own: places that the environment names are not used, but for
    weights, which are the same everywhere.

    Raises:
        DemoFailedError: a run failed; what is finished is kept.
        DemoError: the synthetic people are not installed.
    """
    from fer_assets.demo.affect.casting import CHALLENGE
    from fer_assets.demo.affect.render import render_affect_demo
    from fer_assets.demo.affect.scoring import below_floors, report, score_run
    from fer_assets.demo.affect.truth import read_truth

    workspace = demo_workspace(root)
    write_fixed_files(workspace, _SETTINGS)
    render_affect_demo(root, settings)
    line = next(line for line in lines() if line.name == "frame_affect")
    with open_instance(workspace) as instance:
        runs = run_steps(workspace, instance, line.pooled(), None)
        runs += run_steps(workspace, instance, line.partitioned(), CHALLENGE)
    truth = read_truth(root / "truth")
    figures = score_run(_run(workspace, CHALLENGE), truth)
    control = _control(workspace, CHALLENGE, truth)
    lines_ = written_report(workspace, report(figures | below_floors(control)))
    return AffectDemoOutcome(tuple(runs), lines_, control)


def _run(workspace: Workspace, key: str) -> AffectRun:
    """The tables that are scored."""
    from fer_assets.demo.affect.scoring import AffectRun

    data = workspace.data
    published = [published_run(workspace, key, task) for task in AFFECT_TASKS]
    runs = [head.run for head in published if head is not None]
    return AffectRun(
        videos=video_table(workspace, key),
        frames=data.table(
            names.ANNOTATED_FRAMES, key, "annotated_frames", columns=["video_id", "frame"]
        ),
        annotations=data.table(names.ANNOTATED_FRAMES, key, "frame_annotations"),
        predictions=data.table(names.FRAME_PREDICTIONS, key, "frame_predictions"),
        head_videos=data.table(names.AFFECT_HEADS, key, "head_videos").filter(
            pl.col("run").is_in(runs)
        ),
    )


def _control(workspace: Workspace, key: str, truth: AffectTruth) -> dict[str, float]:
    """The score of each task by a head that learned from shuffled labels."""
    from fer_assets.demo.affect.control import Publishing, control_predictions
    from fer_assets.demo.affect.scoring import SCORE_OF_TASK, true_scores
    from fer_assets.frame_affect.heads.specs import RunSpec

    chosen = affect_settings(workspace.catalog.load(key))
    publishing = Publishing(cast("SmoothingKind", chosen.smoothing), chosen.window)
    validation = truth.videos.filter(pl.col("set") == "validation").select("name")
    videos = video_table(workspace, key).join(validation, on="name", how="semi")
    n_frames = dict(videos.select("video_id", "n_frames").iter_rows())
    scores = {}
    for task in AFFECT_TASKS:
        head = published_run(workspace, key, task)
        if head is None:
            continue
        spec = RunSpec(**{name: head.row[name] for name in RunSpec.__dataclass_fields__})
        predictions = control_predictions(
            load_head_data(workspace, key, task, spec.backbone),
            spec,
            chosen.dev_share,
            n_frames,
            _features_of(workspace, key, spec.backbone),
            publishing,
        ).join(videos.select("video_id", "name"), on="video_id")
        score = SCORE_OF_TASK[task]
        scores[score] = true_scores(predictions, truth, task)[score]
    return scores


def _features_of(workspace: Workspace, key: str, backbone: str) -> Callable[[str], pl.DataFrame]:
    """Reads the features of one video."""

    def read(video: str) -> pl.DataFrame:
        columns = ["frame", "embedding", "scores"]
        units = [unit_key(video, backbone)]
        return workspace.data.table(names.FRAME_FEATURES, key, columns=columns, units=units)

    return read
