"""Prompt sounds cut out of a reference video at time marks.

Belongs here: `Mark`, reading marks, cutting, WAV bytes. Does not belong here: finding prompts that
nobody marked (`shared_segments.py`), the challenge's folder (`challenges/catalog.py`).
"""

from __future__ import annotations

import csv
import io
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_assets.errors import FerError
from fer_assets.prompts.templates import RATE_HZ

MARK_COLUMNS = ("prompt", "start_s", "end_s")
_FORM = "ID=START-END in seconds, e.g. angry=12.3-13.8"
_SHORTEST_S = 0.1


class CuttingError(FerError):
    """A mark can't be used."""


@dataclass(frozen=True)
class Mark:
    """Where one prompt is heard in a reference video.

    Attributes:
        prompt_id: the prompt's id.
        start_s: where its sound starts, in seconds from the container's start.
        end_s: where it ends.
    """

    prompt_id: str
    start_s: float
    end_s: float


def parse_mark(text: str) -> Mark:
    """A mark as the command line gives it: ``angry=12.3-13.8``.

    Raises:
        CuttingError: another form, or an end that is not after the start.
    """
    prompt_id, _, times = text.partition("=")
    start, _, end = times.partition("-")
    return _mark(f"mark {text}", prompt_id, start, end, _FORM)


def read_marks(path: Path) -> tuple[Mark, ...]:
    """The marks of a CSV file with the columns prompt, start_s and end_s.

    Raises:
        CuttingError: the file can't be read, or a row can't be used.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CuttingError(str(path), expected="a CSV file of marks", found=str(error)) from error
    reader = csv.DictReader(io.StringIO(text))
    found = tuple(reader.fieldnames or ())
    if missing := [name for name in MARK_COLUMNS if name not in found]:
        raise CuttingError(
            str(path), expected=f"the columns {', '.join(MARK_COLUMNS)}",
            found=f"no column {missing[0]}",
        )  # fmt: skip
    marks = []
    for number, row in enumerate(reader, start=2):
        prompt_id, start, end = (row[name] or "" for name in MARK_COLUMNS)
        marks.append(_mark(f"{path}: row {number}", prompt_id, start, end, "two times in seconds"))
    if not marks:
        raise CuttingError(str(path), expected="at least one mark", found="none")
    return tuple(marks)


def cut(audio: NDArray[np.float32], marks: Sequence[Mark]) -> dict[str, NDArray[np.float32]]:
    """Each marked sound, sample for sample, as loud as it is.

    Args:
        audio: float32 (n,) mono at 16 kHz.
        marks: one per prompt.

    Returns:
        Prompt id to float32 (m,): samples round(start x 16000) to round(end x 16000).

    Raises:
        CuttingError: two marks of one id, a mark beyond the end of the sound, or silence there.
    """
    sounds: dict[str, NDArray[np.float32]] = {}
    for mark in marks:
        thing = f"mark {mark.prompt_id}={mark.start_s:g}-{mark.end_s:g}"
        if mark.prompt_id in sounds:
            raise CuttingError(thing, expected="one mark per prompt", found="two")
        first, stop = round(mark.start_s * RATE_HZ), round(mark.end_s * RATE_HZ)
        if stop > audio.size:
            found = f"a sound of {audio.size / RATE_HZ:.3f} s"
            raise CuttingError(thing, expected="times within the sound", found=found)
        samples = audio[first:stop]
        if float(np.ptp(samples)) == 0:
            raise CuttingError(thing, expected="a sound", found="silence")
        sounds[mark.prompt_id] = samples
    return sounds


def wav_bytes(samples: NDArray[np.float32], rate_hz: int = RATE_HZ) -> bytes:
    """A WAV file, 16-bit PCM mono; what exceeds full scale (1) is clipped."""
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        scaled = np.clip(np.round(samples.astype(np.float64) * 32768), -32768, 32767)
        file.writeframes(scaled.astype("<i2").tobytes())
    return target.getvalue()


def _mark(thing: str, prompt_id: str, start: str, end: str, form: str) -> Mark:
    try:
        start_s, end_s = float(start), float(end)
    except ValueError as error:
        raise CuttingError(thing, expected=form, found=f"{start!r} and {end!r}") from error
    if not prompt_id.strip():
        raise CuttingError(thing, expected="a prompt's id", found="none")
    if not (start_s >= 0 and start_s + _SHORTEST_S <= end_s < float("inf")):
        expected = f"0 <= start, and an end at least {_SHORTEST_S} s later"
        raise CuttingError(thing, expected=expected, found=f"{start_s:g} to {end_s:g}")
    return Mark(prompt_id.strip(), start_s, end_s)
