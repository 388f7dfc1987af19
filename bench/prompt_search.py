"""Finding prompts in a sound, against a loop of scipy correlations and BBC audio-offset-finder.

Belongs here: the sounds, the peers' ways of doing the job. Does not belong here: measuring.

The sound is made as the demo makes its own: nonsense words over music and the noise of a room, all
from seeds. What is computed once per challenge (the bank of templates, the tail of the prompts) is
warm, as it is from a challenge's second video on.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy.signal import correlate, resample

from bench.case import Case, Skipped
from fer_assets.demo.prompt_sounds import prompt_sound, write_wav
from fer_assets.demo.script import Cue, Sound, VideoScript
from fer_assets.demo.soundtrack import soundtrack
from fer_assets.media.audio import read_audio
from fer_assets.prompts.hits import PromptHit, find_prompts
from fer_assets.prompts.templates import RATE_HZ, PromptTemplate

_BENCH = "prompt_search"
_N_PROMPTS = 15
_PROMPT_S = 1.5
_SECONDS = 30.0
# Samples per step of BBC audio-offset-finder, and the rate that it works at unless told otherwise.
_OFFSET_HOP = 128
_OFFSET_OWN_RATE_HZ = 8_000
_PEER = f"scipy {scipy.__version__} correlate(method='fft') loop, float32"


@dataclass(frozen=True)
class _Sound:
    """A sound and where its prompts start, in samples; none where it has no prompt."""

    audio: NDArray[np.float32]
    starts: tuple[int, ...]
    has_drift: bool


def cases() -> Iterator[Case | Skipped]:
    """Prompts at the right clock, on a drifting clock, and none; then from file to hits."""
    templates = _templates()
    for case, sound, target in (
        ("15 prompts of 1.5 s in 30 s", _sound(), 0.10),
        ("the same, clock 0.1 % slow", _sound(drift=0.001), 1.0),
        ("the same, no prompt in the sound", _sound(has_prompts=False), 1.0),
    ):
        yield _against_scipy(case, sound, templates, target)
    yield from _against_offset_finder(_sound(), templates)


def _against_scipy(
    case: str, sound: _Sound, templates: Sequence[PromptTemplate], target: float
) -> Case:
    samples = [template.samples for template in templates]

    def theirs() -> list[int]:
        sums = (correlate(sound.audio, shape, mode="valid", method="fft") for shape in samples)
        return [int(np.argmax(values)) for values in sums]

    def equal(ours: list[PromptHit], theirs: list[int]) -> bool:
        """All prompts where they were put, and the peer's best place the same at the right clock.

        On a drifting clock the peer's best places are not reliable, so ours only have to be right.
        """
        found = [(hit.prompt_id, round(hit.start_s * RATE_HZ)) for hit in ours]
        planted = list(zip([t.prompt_id for t in templates], sound.starts, strict=False))
        return found == planted and (sound.has_drift or not planted or theirs == [*sound.starts])

    return Case(
        _BENCH, case, lambda: find_prompts(sound.audio, templates), _PEER, theirs, target, equal
    )


def _against_offset_finder(
    sound: _Sound, templates: Sequence[PromptTemplate]
) -> Iterator[Case | Skipped]:
    """The whole program: the peer's function for files, as it is and at our rate."""
    case = "the same, whole program, from files"
    if importlib.util.find_spec("audio_offset_finder") is None:
        yield Skipped(_BENCH, case, "audio-offset-finder is not installed")
        return
    from audio_offset_finder.audio_offset_finder import find_offset_between_files

    with tempfile.TemporaryDirectory() as folder, _ffmpeg(Path(folder)) as has_ffmpeg:
        if not has_ffmpeg:
            yield Skipped(_BENCH, case, "audio-offset-finder needs ffmpeg or imageio-ffmpeg")
            return
        own = Path(folder, "own.wav")
        write_wav(own, sound.audio)
        shapes = [str(Path(folder, f"{template.prompt_id}.wav")) for template in templates]
        for path, template in zip(shapes, templates, strict=True):
            write_wav(Path(path), template.samples)
        for rate_hz in (_OFFSET_OWN_RATE_HZ, RATE_HZ):

            def theirs(rate_hz: int = rate_hz) -> list[float]:
                found = (find_offset_between_files(str(own), path, fs=rate_hz) for path in shapes)
                return [float(each["time_offset"]) for each in found]

            def equal(ours: list[PromptHit], theirs: list[float], rate_hz: int = rate_hz) -> bool:
                starts = [round(hit.start_s * RATE_HZ) for hit in ours]
                if starts != list(sound.starts):
                    return False
                pairs = zip(ours, theirs, strict=True)
                return all(abs(hit.start_s - x) <= _OFFSET_HOP / rate_hz for hit, x in pairs)

            yield Case(
                _BENCH, f"{case}; the peer at {rate_hz // 1000} kHz",
                lambda: find_prompts(read_audio(own), templates),
                f"audio-offset-finder {version('audio-offset-finder')}", theirs, 1 / 30, equal,
            )  # fmt: skip


@contextmanager
def _ffmpeg(folder: Path) -> Iterator[bool]:
    """Let programs find ``ffmpeg``: the system's, else the one of the package imageio-ffmpeg."""
    before = os.environ.get("PATH", "")
    if shutil.which("ffmpeg") is None and importlib.util.find_spec("imageio_ffmpeg") is not None:
        import imageio_ffmpeg

        Path(folder, "ffmpeg").symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
        os.environ["PATH"] = os.pathsep.join([str(folder), before])
    try:
        yield shutil.which("ffmpeg") is not None
    finally:
        os.environ["PATH"] = before


def _templates() -> tuple[PromptTemplate, ...]:
    """Two nonsense words each."""
    size = int(_PROMPT_S * RATE_HZ)
    made = []
    for i in range(_N_PROMPTS):
        words = [prompt_sound("bench", f"{i}-{part}") for part in range(3)]
        made.append(PromptTemplate(f"p{i:02d}", f"expression-{i}", np.concatenate(words)[:size]))
    return tuple(made)


def _sound(*, has_prompts: bool = True, drift: float = 0.0) -> _Sound:
    """15 prompts 2 s apart, 3 dB above music and noise of equal power."""
    made = _templates()
    # Whole samples at both rates: 0.01 s are 441 and 160.
    times = [0.37 + 1.97 * i for i in range(_N_PROMPTS if has_prompts else 0)]
    cues = tuple(Cue(made[i].prompt_id, at_s) for i, at_s in enumerate(times))
    script = VideoScript(
        "bench", "bench.mp4", "bench", seed=7, duration_s=_SECONDS, cues=cues,
        sound=Sound(snr_db=3.0, music_share=0.5, drift=drift),
    )  # fmt: skip
    loud = soundtrack(script, {t.prompt_id: t.samples for t in made})
    audio = resample(loud.astype(np.float64), int(_SECONDS * RATE_HZ)).astype(np.float32)
    return _Sound(audio, tuple(round(at_s * RATE_HZ) for at_s in times), drift != 0)
