"""The files beside the demo's videos: the challenge's file, prompts, uploaders, labelled subsets.

Belongs here: what a user would bring along with videos. Does not belong here: the videos
(`demo/render.py`) and the whole truth (`demo/truth.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl

from fer_assets.demo.prompt_sounds import prompt_sound, write_wav
from fer_assets.demo.script import DemoChallenge, VideoScript
from fer_assets.demo.truth import Truth, sampled_times

_HEAD: Final = """\
# Rendered from synthetic people by the demo; nobody in it exists.
name = "{name}"
kind = "prompted"
videos = "videos"

[policy]
source = "rendered by the demo from the PyPI package openpeople"
terms = "MIT"
legal_basis = "synthetic people; nobody's data"

# A person's picture of an expression serves in several takes: only nearly equal faces are copies.
[settings.identities]
duplicate = 0.98

# What two cores do in a minute.
[settings.training]
recipe = "tiktokfer-lite0-short"
"""

_PROMPT: Final = """
[[prompts]]
id = "{prompt_id}"
name = "{name}"
expression = "{prompt_id}"
group = "{group}"
audio = "prompts/{prompt_id}.wav"
"""

FRAMES_LABELLED: Final = 100
"""Frames with true boxes per challenge, as many as the paper looked at."""


def write_challenge_files(
    folder: Path, challenge: DemoChallenge, scripts: Sequence[VideoScript], truth: Truth
) -> None:
    """Write all files of a challenge but its videos and tables."""
    (folder / "prompts").mkdir(parents=True, exist_ok=True)
    for prompt in challenge.prompts:
        sound = prompt_sound(challenge.key, prompt.prompt_id)
        write_wav(folder / "prompts" / f"{prompt.prompt_id}.wav", sound)
    uploads = [{"file": s.file, "uploader": s.uploader} for s in scripts]
    _write_csv(pl.DataFrame(uploads).sort("file"), folder / "uploads.csv")
    _write_csv(labelled_people(scripts), folder / "identity_truth.csv")
    _write_csv(labelled_faces(scripts, truth), folder / "face_truth.csv")
    text = _HEAD.format(name=challenge.name) + "".join(
        _PROMPT.format(prompt_id=p.prompt_id, name=p.name, group=p.group) for p in challenge.prompts
    )
    _replace(folder / "challenge.toml", text.encode())


def labelled_people(scripts: Sequence[VideoScript]) -> pl.DataFrame:
    """file, person: the videos with sound and one person, of every second person."""
    people = sorted({actor.person for script in scripts for actor in script.actors})
    labelled = set(people[1::2] or people)
    rows = [
        {"file": script.file, "person": script.actors[0].person}
        for script in scripts
        if script.is_readable
        and script.sound is not None
        and len(script.actors) == 1
        and script.actors[0].person in labelled
    ]
    return pl.DataFrame(rows, schema={"file": pl.String, "person": pl.String}).sort("file")


def labelled_faces(scripts: Sequence[VideoScript], truth: Truth) -> pl.DataFrame:
    """file, time_s and box of every face in about `FRAMES_LABELLED` of the frames to be sampled."""
    wanted = pl.DataFrame(
        [
            {"file": script.file, "time_s": time}
            for script in scripts
            if script.is_readable and script.defect not in ("copy", "reupload")
            for time in sampled_times(script)
        ],
        schema={"file": pl.String, "time_s": pl.Float64},
    ).sort("file", "time_s")
    wanted = wanted.gather_every(max(len(wanted) // FRAMES_LABELLED, 1))
    near = truth.faces.with_columns(time_ms=(pl.col("time_s") * 1000).round().cast(pl.Int64))
    keys = wanted.select("file", time_ms=(pl.col("time_s") * 1000).round().cast(pl.Int64))
    return (
        near.join(keys, on=["file", "time_ms"], how="semi")
        .select(
            "file",
            pl.col("time_s").round(4),
            *(pl.col(f"{edge}_px").round(1) for edge in ("x0", "y0", "x1", "y1")),
        )
        .sort("file", "time_s", "x0_px")
    )


def _write_csv(frame: pl.DataFrame, path: Path) -> None:
    _replace(path, frame.write_csv().encode())


def _replace(path: Path, data: bytes) -> None:
    partial = path.with_name(f".{path.name}.part")
    partial.write_bytes(data)
    partial.replace(path)
