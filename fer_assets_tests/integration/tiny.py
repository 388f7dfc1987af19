"""A tiny rendered challenge and how the tests run it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import dagster as dg
import numpy as np

from fer_assets.defs.build import build_definitions
from fer_assets.defs.demos import prepare_root
from fer_assets.defs.demos import simulate_answers as simulate
from fer_assets.defs.jobs import pooled_job
from fer_assets.defs.partitions import PROMPTED_CHALLENGES
from fer_assets.defs.resources import WorkspaceResource
from fer_assets.demo.casting import DemoSettings
from fer_assets.demo.render import render_demo
from fer_assets.lines.catalog import Line, find_steps, lines
from fer_assets.lines.workspace import SETTINGS_FILE, Workspace, open_workspace
from fer_assets.media.audio import read_audio
from fer_assets.media.writer import write_video
from fer_assets.training.recipes import Recipe

KEY = "face-challenge"
TINY_DEMO = DemoSettings(
    challenges=(KEY,),
    people=("P001", "P004", "P008"),
    videos_per_person=2,
    prompts_per_video=4,
    width_px=288,
    has_oddities=False,
    processes=2,
)
QUICK = Recipe(
    name="quick",
    backbone="test_efficientnet",
    weights="random",
    image_px=32,
    batch_size=16,
    max_epochs=1,
    train_final=False,
)


def render(root: Path) -> Workspace:
    """The challenge's files below a new root."""
    workspace = open_workspace(root)
    settings = b'[training]\nrecipe = "quick"\nfolds = 3\n'
    workspace.store.write(SETTINGS_FILE, settings)
    prepare_root(workspace)
    render_demo(root, TINY_DEMO)
    toml = root / "challenges" / KEY / "challenge.toml"
    text = toml.read_text(encoding="utf-8")
    quick = text.replace('recipe = "tiktokfer-lite0-short"', 'recipe = "quick"\nfolds = 3')
    assert quick != text
    toml.write_text(quick, encoding="utf-8")
    return workspace


def simulate_answers(workspace: Workspace) -> None:
    """Put a simulated crowd's answers where people's would be put."""
    simulate(workspace, KEY)


def line() -> Line:
    return lines()[0]


def materialise(
    workspace: Workspace,
    instance: dg.DagsterInstance,
    assets: tuple[str, ...] = (),
    partition: str | None = KEY,
) -> dg.ExecuteInProcessResult:
    """Run the selected assets of the challenge (or over all), as the jobs would."""
    instance.add_dynamic_partitions(str(PROMPTED_CHALLENGES.name), [KEY])
    resource = WorkspaceResource(
        root=workspace.store.uri, confirms_removal=workspace.confirms_removal
    )
    chosen = [
        s
        for s in find_steps(assets or (line().name,))
        if s.is_partitioned == (partition is not None)
    ]
    job = line().name if partition else pooled_job(line())
    return (
        build_definitions(resource)
        .resolve_job_def(job)
        .execute_in_process(
            instance=instance,
            partition_key=partition,
            asset_selection=[dg.AssetKey(step.asset.split("/")) for step in chosen],
            raise_on_error=False,
        )
    )


def processed(result: dg.ExecuteInProcessResult) -> dict[str, int]:
    """Asset to the number of units that were worked on."""
    return {
        event.asset_key.path[-1]: event.step_materialization_data.materialization.metadata[
            "processed"
        ].value
        for event in result.get_asset_materialization_events()
    }


def splice(first: Path, second: Path, target: Path) -> None:
    """A new video of known people: the first half of one upload, then the second of another."""
    rate_hz, audio_rate_hz = 25, 44_100
    frames, sounds = [], []
    for path, is_first in ((first, True), (second, False)):
        with av.open(str(path)) as container:
            shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        half, sound = len(shown) // 2, read_audio(path, audio_rate_hz)
        cut = half * audio_rate_hz // rate_hz
        frames += shown[:half] if is_first else shown[half:]
        sounds.append(sound[:cut] if is_first else sound[cut:])
    write_video(
        target,
        frames,
        frame_rate_hz=rate_hz,
        audio=np.concatenate(sounds),
        audio_rate_hz=audio_rate_hz,
        speed="superfast",
    )


def confirming(workspace: Workspace) -> Workspace:
    """The workspace of a person who said that removals are meant."""
    return replace(workspace, confirms_removal=True)
