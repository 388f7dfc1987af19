"""Rendering the demo: every file of every challenge, in an order that a kill can't spoil.

Belongs here: carrying out scripts, in processes, with a record of what is done. Does not belong
here: what the scripts say (`demo/casting.py`), files that are no videos
(`demo/challenge_files.py`).

A video is written under a temporary name and renamed; then a record with the digests of its
script and of its bytes is written. A video whose record and bytes agree is not rendered again, so
a run that was killed goes on where it stopped and ends in the same bytes.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2

from fer_assets.compute.progress import track
from fer_assets.demo.casting import DemoSettings, demo_challenge, scripts
from fer_assets.demo.challenge_files import write_challenge_files
from fer_assets.demo.encoding import SPEED, encode_again
from fer_assets.demo.people import SyntheticPerson, list_people
from fer_assets.demo.processes import carried_out
from fer_assets.demo.prompt_sounds import prompt_sound
from fer_assets.demo.scenes import frames
from fer_assets.demo.script import VideoScript
from fer_assets.demo.soundtrack import soundtrack
from fer_assets.demo.truth import truth_of, write_truth
from fer_assets.media.writer import write_video
from fer_assets.storage.digests import sha256_file, sha256_json

RENDER_VERSION: Final = 1
"""Raised when the same script is to give other bytes."""

_TEXT: Final = b"this is a text file that somebody named .mp4\n" * 40


def render_demo(root: Path, settings: DemoSettings) -> None:
    """Render the demo's challenges below `root`; what is there already is kept.

    Writes ``challenges/KEY/`` (`challenge.toml`, ``prompts/``, ``videos/``, ``uploads.csv``,
    ``identity_truth.csv``, ``face_truth.csv``) and ``truth/`` (Parquet tables). The same settings
    give the same bytes.

    Raises:
        DemoError: the synthetic people are not installed.
    """
    people = [p for p in list_people() if p.person_id in settings.cast]
    everything = scripts(settings)
    for key in settings.challenges:
        _prepare(root, key, everything)
    first = [script for script in everything if script.source is None]
    derived = [script for script in everything if script.source is not None]
    todo = _longest_first([script for script in first if not _is_done(root, script)])
    done = carried_out(functools.partial(render_video, root), todo, settings.processes)
    for _ in track(done, len(todo), "rendering videos"):
        pass
    for script in derived:
        if not _is_done(root, script):
            render_video(root, script)
    truth = truth_of(everything, people)
    write_truth(truth, root / "truth")
    for key in settings.challenges:
        mine = [script for script in everything if script.challenge == key]
        write_challenge_files(root / "challenges" / key, demo_challenge(key), mine, truth)


def video_path(root: Path, script: VideoScript) -> Path:
    """Where a script's file is."""
    return root / "challenges" / script.challenge / "videos" / script.file


def render_video(root: Path, script: VideoScript) -> None:
    """Make one file and its record; its source, if it has one, must be there."""
    cv2.setNumThreads(1)
    target = video_path(root, script)
    source = target.with_name(script.source) if script.source else None
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    if script.defect == "text":
        partial.write_bytes(_TEXT)
    elif script.defect == "truncated" and source is not None:
        data = source.read_bytes()
        partial.write_bytes(data[: len(data) * 6 // 10])
    elif script.defect == "copy" and source is not None:
        shutil.copyfile(source, partial)
    elif script.defect == "reupload" and source is not None:
        encode_again(source, partial, trim_s=script.trim_s, crf=script.crf, gop=script.gop)
    else:
        _film(script, partial)
    partial.replace(target)
    record = {"script": _script_digest(script), "file": sha256_file(target)}
    _record_path(root, script).write_text(json.dumps(record), encoding="utf-8")


def _film(script: VideoScript, target: Path) -> None:
    """Compose, mix and encode a script, once or over two generations."""
    challenge = demo_challenge(script.challenge)
    people = _people()
    audio = None
    if script.sound is not None:
        ids = {cue.prompt_id for cue in script.cues}
        audio = soundtrack(script, {i: prompt_sound(script.challenge, i) for i in sorted(ids)})
    first = target if script.first_crf is None else target.with_name(f"{target.name}.first.part")
    write_video(
        first,
        frames(script, challenge, people),
        frame_rate_hz=script.frame_rate_hz,
        audio=audio,
        rotation_deg=script.container_deg,
        crf=script.crf if script.first_crf is None else script.first_crf,
        gop=script.gop,
        speed=SPEED,
    )
    if first != target:
        encode_again(
            first,
            target,
            trim_s=0.0,
            crf=script.crf,
            gop=script.gop,
            rotation_deg=script.container_deg,
        )
        first.unlink()


def _longest_first(todo: Sequence[VideoScript]) -> list[VideoScript]:
    return sorted(todo, key=lambda s: -s.n_frames * s.width_px * (1 + bool(s.first_crf)))


def _prepare(root: Path, key: str, everything: Sequence[VideoScript]) -> None:
    """Make folders; drop leftovers of a killed run and videos of another script.

    A video that the demo did not render stays: somebody put it there.
    """
    videos = root / "challenges" / key / "videos"
    videos.mkdir(parents=True, exist_ok=True)
    records = root / "truth" / "rendered"
    records.mkdir(parents=True, exist_ok=True)
    wanted = {script.file for script in everything}
    for path in videos.iterdir():
        is_of_another_script = (records / f"{path.name}.json").exists() and path.name not in wanted
        if path.name.endswith(".part") or is_of_another_script:
            path.unlink()


def _is_done(root: Path, script: VideoScript) -> bool:
    record, target = _record_path(root, script), video_path(root, script)
    if not record.is_file() or not target.is_file():
        return False
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
    except json.JSONDecodeError:  # killed while it was written
        return False
    return bool(
        known.get("script") == _script_digest(script) and known.get("file") == sha256_file(target)
    )


def _record_path(root: Path, script: VideoScript) -> Path:
    return root / "truth" / "rendered" / f"{script.file}.json"


def _script_digest(script: VideoScript) -> str:
    return sha256_json({"version": RENDER_VERSION, "script": script})


@functools.cache
def _people() -> dict[str, SyntheticPerson]:
    return {person.person_id: person for person in list_people()}
