"""The tiktokfer demo, run as a user would run the line: render, ingest, simulate, train, score.

Belongs here: the order, and collecting tables for scoring. Does not belong here: rendering,
simulating and scoring (`demo/`), any step (`lines/`), what demos share (`demo_outcome.py`).
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from fer_assets.defs.demo_outcome import (
    DemoOutcome,
    demo_workspace,
    run_steps,
    write_fixed_files,
    written_report,
)
from fer_assets.defs.instance import open_instance
from fer_assets.defs.runs import RunReport
from fer_assets.lines.catalog import lines
from fer_assets.lines.tiktokfer import names
from fer_assets.lines.tiktokfer.answers import answers_folder
from fer_assets.lines.tiktokfer.scores import serving_run
from fer_assets.lines.tiktokfer.tasks import questionnaire_of
from fer_assets.lines.workspace import Workspace

if TYPE_CHECKING:
    from fer_assets.demo.casting import DemoSettings
    from fer_assets.demo.truth import Truth

SIMULATED_FILE: Final = "simulated.parquet"
_SETTINGS: Final = b'# Cross-validation by person over all challenges, see the demo\'s report.\n\
[training]\nrecipe = "tiktokfer-lite0"\nfolds = 3\n'
_BOX: Final = ("x0_px", "y0_px", "x1_px", "y1_px")
_MATCHED: Final = ("face_id", "video_id", "timestamp_ms", *_BOX, "rotation_deg")


def run_tiktokfer_demo(root: Path, settings: DemoSettings) -> DemoOutcome:
    """Render the demo where needed, bring everything up to date, score it against its truth.

    The demo's root is all its own: places that the environment names are not used, but for
    weights, which are the same everywhere.

    Raises:
        DemoFailedError: a run failed; what is finished is kept.
        DemoError: the synthetic people are not installed.
    """
    from fer_assets.demo.render import render_demo

    workspace = demo_workspace(root)
    prepare_root(workspace)
    render_demo(root, settings)
    line = next(line for line in lines() if line.name == "tiktokfer")
    ingest = line.ingest()
    later = [step for step in line.partitioned() if step not in ingest]
    runs: list[RunReport] = []
    with open_instance(workspace) as instance:
        for key in settings.challenges:
            runs += run_steps(workspace, instance, ingest, key)
            simulate_answers(workspace, key)
            runs += run_steps(workspace, instance, later, key)
        runs += run_steps(workspace, instance, line.pooled(), None)
    report = written_report(workspace, _score(workspace, settings.challenges))
    return DemoOutcome(tuple(runs), report)


def prepare_root(workspace: Workspace) -> None:
    """The demo's settings and salt, where there are none yet."""
    write_fixed_files(workspace, _SETTINGS)


def simulate_answers(workspace: Workspace, key: str) -> None:
    """Answers of a simulated crowd, put where people's answers would be put.

    Faces of videos that the demo did not render get none: nothing is known of them.
    """
    from fer_assets.demo.crowd import crowd_truth
    from fer_assets.demo.matching import faces_truth_for
    from fer_assets.labels.simulation import simulate_answers

    data, truth = workspace.data, _truth(workspace)
    videos = _rendered(data.table(names.RAW_VIDEOS, key), truth)
    crops = data.table(names.FACE_CROPS, key, columns=_MATCHED)
    seen = faces_truth_for(crops.join(videos, on="video_id", how="semi"), videos, truth.of(key))
    tasks = data.table(names.LABELLING_TASKS, key)
    answers = simulate_answers(
        tasks.join(seen, on="face_id", how="semi"),
        crowd_truth(seen),
        questionnaire_of(workspace, key),
    )
    buffer = io.BytesIO()
    answers.write_parquet(buffer, compression="zstd")
    path = f"{answers_folder(key)}/{SIMULATED_FILE}"
    if not workspace.store.exists(path) or workspace.store.read(path) != buffer.getvalue():
        workspace.store.write(path, buffer.getvalue())


def _score(workspace: Workspace, keys: Sequence[str]) -> dict[str, dict[str, float | bool | None]]:
    from fer_assets.demo.scoring import ChallengeRun, report, score_run

    data, truth = workspace.data, _truth(workspace)

    def run_of(key: str) -> ChallengeRun:
        videos = _rendered(data.table(names.RAW_VIDEOS, key), truth)

        def rows(asset: str, table: str) -> pl.DataFrame:
            return data.table(asset, key, table).join(videos, on="video_id", how="semi")

        return ChallengeRun(
            raw_videos=videos,
            prompt_clips=rows(names.PROMPT_CLIPS, "prompt_clips"),
            frames=rows(names.FACE_CROPS, "frames"),
            face_crops=data.table(names.FACE_CROPS, key, columns=_MATCHED).join(
                videos, on="video_id", how="semi"
            ),
            identity_clusters=rows(names.IDENTITY_CLUSTERS, "identity_clusters"),
        )

    runs = {key: run_of(key) for key in keys}
    run = serving_run(data.blobs(names.POOLED_CHECKPOINT))
    card = json.loads(data.blob(names.POOLED_CHECKPOINT, None, f"{run}.json"))
    predictions: pl.DataFrame = data.table(names.POOLED_CHECKPOINT, None, "predictions")
    figures = score_run(runs, data.table(names.PEOPLE), predictions, truth, card["classes"])
    return report(figures, keys)


def _rendered(raw_videos: pl.DataFrame, truth: Truth) -> pl.DataFrame:
    """The uploads that the demo rendered; whoever added others gets them built, not scored."""
    return raw_videos.join(truth.videos.select(path="file"), on="path", how="semi")


def _truth(workspace: Workspace) -> Truth:
    from fer_assets.demo.truth import read_truth

    folder = workspace.store.local("truth")
    if folder is None:
        raise ValueError("a demo's root is a local folder")
    return read_truth(folder)
