"""What is true of the rendered challenges, from their scripts alone, no pixel looked at.

Belongs here: the truth tables, their schemas, reading and writing them. Does not belong here:
scoring against them (`demo/scoring.py`).

That a face is there, whose it is, what it expresses and when a prompt starts is so by
construction; a box is the tile's box (`demo/people.py`) carried through the compositing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from fer_assets.demo.casting import demo_challenge
from fer_assets.demo.geometry import camera_path, carry_boxes, still_boxes
from fer_assets.demo.people import NEUTRAL, SyntheticPerson
from fer_assets.demo.prompt_sounds import RATE_HZ, prompt_sound
from fer_assets.demo.script import ABSENT, Cue, DemoChallenge, VideoScript
from fer_assets.demo.timeline import showing_at
from fer_assets.demo.truth_files import read_tables, write_tables
from fer_assets.storage.schema import Column, Schema

IN_BETWEEN: Final = "in-between"
"""The expression of a frame in which a person moves from one expression to the next."""

_CHALLENGE: Final = Column("challenge", pl.String, "challenge key")
_FILE: Final = Column("file", pl.String, "file name, unique over all challenges", subject="video")

TRUTH_VIDEOS: Final = Schema(
    "truth_videos",
    "one file of the demo",
    (
        _CHALLENGE,
        _FILE,
        Column("status", pl.String, "what must become of it; duplicate: one of byte-identical "
               "files, either of which may be accepted; reupload: marked as a duplicate of its "
               "source; silent: accepted or quarantined, but without a prompt clip",
               choices=("accepted", "quarantined", "duplicate", "reupload", "silent")),
        Column("source", pl.String, "file that it was made from", is_nullable=True),
        Column("n_people", pl.Int32, "people in the picture", low=0),
        Column("width_px", pl.Int32, "width of the upright frame", "px", low=1),
        Column("height_px", pl.Int32, "height of the upright frame", "px", low=1),
        Column("turn_deg", pl.Int32, "turn, counter-clockwise, that makes a frame upright once "
               "the container's own rotation is applied", "deg", low=0, high=270),
        Column("frame_rate_hz", pl.Float64, "frame rate", "Hz", low=1),
        Column("duration_s", pl.Float64, "length", "s", low=0),
    ),
    key=("file",),
)  # fmt: skip

TRUTH_PROMPTS: Final = Schema(
    "truth_prompts",
    "one prompt that is heard in a readable file",
    (
        _CHALLENGE,
        _FILE,
        Column("prompt_id", pl.String, "the prompt"),
        Column("start_s", pl.Float64, "where its sound starts", "s", low=0),
        Column("end_s", pl.Float64, "where its sound ends", "s", low=0),
    ),
    key=("file", "start_s"),
)

TRUTH_FACES: Final = Schema(
    "truth_faces",
    "one face in one frame of a readable file; positions are in the upright frame",
    (
        _CHALLENGE,
        _FILE,
        Column("time_s", pl.Float64, "presentation time", "s", low=0),
        Column("x0_px", pl.Float64, "left edge of the box", "px"),
        Column("y0_px", pl.Float64, "top edge of the box", "px"),
        Column("x1_px", pl.Float64, "right edge of the box", "px"),
        Column("y1_px", pl.Float64, "bottom edge of the box", "px"),
        Column("person", pl.String, "whose face it is"),
        Column("expression", pl.String, "expression by its prompt's name; neutral; in-between"),
    ),
    key=("file", "time_s", "person"),
)

TRUTH_PEOPLE: Final = Schema(
    "truth_people",
    "one synthetic person",
    (
        Column("person", pl.String, "person id"),
        Column("age_group", pl.String, "age range in years"),
        Column("gender", pl.String, "female or male"),
        Column("skin_tone", pl.String, "Fitzpatrick type, I to VI"),
    ),
    key=("person",),
)


@dataclass(frozen=True)
class Truth:
    """The truth tables of a demo."""

    videos: pl.DataFrame
    prompts: pl.DataFrame
    faces: pl.DataFrame
    people: pl.DataFrame

    def of(self, challenge: str) -> Truth:
        """The same for one challenge; people stay."""
        mine = pl.col("challenge") == challenge
        return Truth(
            self.videos.filter(mine),
            self.prompts.filter(mine),
            self.faces.filter(mine),
            self.people,
        )


_SCHEMAS: Final = {
    "videos": TRUTH_VIDEOS,
    "prompts": TRUTH_PROMPTS,
    "faces": TRUTH_FACES,
    "people": TRUTH_PEOPLE,
}


def truth_of(scripts: Sequence[VideoScript], people: Sequence[SyntheticPerson]) -> Truth:
    """The truth about files made from `scripts`."""
    prompts = [row for script in scripts for row in _prompt_rows(script)]
    faces = [row for script in scripts if script.is_readable for row in _face_rows(script)]
    copied = {script.source for script in scripts if script.defect == "copy"}
    videos = [_video_row(script, script.file in copied) for script in scripts]
    return Truth(
        videos=TRUTH_VIDEOS.frame(videos),
        prompts=TRUTH_PROMPTS.frame(prompts),
        faces=TRUTH_FACES.frame(faces),
        people=TRUTH_PEOPLE.frame(
            [
                {
                    "person": person.person_id,
                    "age_group": person.age_group,
                    "gender": person.gender,
                    "skin_tone": person.skin_tone,
                }
                for person in people
            ]
        ),
    )


def write_truth(truth: Truth, folder: Path) -> None:
    """Write the tables as ``truth_NAME.parquet``."""
    write_tables({name: getattr(truth, name) for name in _SCHEMAS}, _SCHEMAS, folder)


def read_truth(folder: Path) -> Truth:
    """The tables that `write_truth` wrote."""
    return Truth(**read_tables(_SCHEMAS, folder))


def played_cues(script: VideoScript) -> tuple[Cue, ...]:
    """The cues that are heard in full, at their times in the stored file."""
    if script.sound is None or not script.is_readable:
        return ()
    return tuple(
        Cue(cue.prompt_id, cue.start_s - script.trim_s, cue.is_absent)
        for cue in script.cues
        if cue.start_s >= script.trim_s
    )


def sampled_times(script: VideoScript, rate_hz: float = 2.0, settle_s: float = 0.5) -> list[float]:
    """Times of the frames that a pipeline which finds every prompt would sample.

    From half a second after each prompt's start to the next prompt's start, two a second,
    presentation times of the nearest frames.
    """
    cues = played_cues(script)
    if not cues:
        return []
    ends = [*(cue.start_s for cue in cues[1:]), script.duration_s - script.trim_s]
    times = []
    for cue, end in zip(cues, ends, strict=True):
        wanted = np.arange(cue.start_s + settle_s, end - 0.5 / script.frame_rate_hz, 1 / rate_hz)
        times += [round(float(t) * script.frame_rate_hz) / script.frame_rate_hz for t in wanted]
    return times


def _video_row(script: VideoScript, is_copied: bool) -> dict[str, object]:
    status = "accepted"
    if not script.is_readable:
        status = "quarantined"
    elif script.defect == "copy" or is_copied:
        status = "duplicate"
    elif script.defect == "reupload":
        status = "reupload"
    elif script.sound is None:
        status = "silent"
    return {
        "challenge": script.challenge,
        "file": script.file,
        "status": status,
        "source": script.source,
        "n_people": len(script.actors) if script.is_readable else 0,
        "width_px": script.width_px,
        "height_px": script.height_px,
        "turn_deg": script.turn_deg,
        "frame_rate_hz": float(script.frame_rate_hz),
        "duration_s": script.duration_s - script.trim_s,
    }


def _prompt_rows(script: VideoScript) -> Iterator[dict[str, object]]:
    if script.sound is None:
        return
    for cue in played_cues(script):
        length_s = len(prompt_sound(script.challenge, cue.prompt_id)) / RATE_HZ
        yield {
            "challenge": script.challenge,
            "file": script.file,
            "prompt_id": cue.prompt_id,
            "start_s": cue.start_s,
            "end_s": cue.start_s + length_s * (1 + script.sound.drift),
        }


def _face_rows(script: VideoScript) -> Iterator[dict[str, object]]:
    challenge = demo_challenge(script.challenge)
    names = {prompt.tile: prompt.prompt_id for prompt in challenge.prompts} | {NEUTRAL: NEUTRAL}
    path = camera_path(script)
    first = round(script.trim_s * script.frame_rate_hz)
    for index in range(first, script.n_frames):
        tile, expression = _visible(script, challenge, index / script.frame_rate_hz, names)
        boxes = carry_boxes(still_boxes(script, tile), path[index])
        for actor, box in zip(script.actors, boxes, strict=False):
            yield {
                "challenge": script.challenge,
                "file": script.file,
                "time_s": (index - first) / script.frame_rate_hz,
                **dict(zip(("x0_px", "y0_px", "x1_px", "y1_px"), box.tolist(), strict=True)),
                "person": actor.person,
                "expression": expression,
            }


def _visible(
    script: VideoScript, challenge: DemoChallenge, time_s: float, names: dict[str, str]
) -> tuple[str, str]:
    """The tile whose boxes hold at a time, and the expression to be seen."""
    seen = showing_at(script, challenge, time_s)
    if seen.tile == ABSENT:
        return ABSENT, IN_BETWEEN
    if seen.tile is not None:
        return seen.tile, names[seen.tile]
    tile = seen.after if seen.weight >= 0.5 else seen.before
    return tile, IN_BETWEEN
