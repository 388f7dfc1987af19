"""Frames at 2 per second of a 720 x 1280 H.264 video against a full decode.

Belongs here: making the videos, our and PyAV's way to the same frames. Does not belong here: how
they are timed (`case.py`).

The peer decodes the file with PyAV, threads AUTO, and turns only the frames that are wanted into
RGB arrays; `full decode alone` turns none. Both sides hold all frames that they return. The
guarded case is what the pipeline uses: the same frames, decoded in the child process.

The videos: 20 s at 30 per second, a texture with the spectrum of a photograph under a hand-held
camera, with a patch moving in front and a sensor's noise, through x264 (veryfast, crf 23, three
B-frames with a pyramid) with key frames at most 250, 30 and 15 frames apart: 0.5 to 2 Mbit/s.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from bench.case import Case
from fer_assets.media.frames import sample_frames, sample_times
from fer_assets.media.guarded import GuardedDecoder

BENCH = "frame_sampling"
WIDTH, HEIGHT = 720, 1280
RATE_HZ = 30
SECONDS = 20
X264 = {"preset": "veryfast", "crf": "23"}
TARGETS = {250: 0.58, 30: 0.42, 15: 0.32}

Image = NDArray[np.uint8]


def cases() -> Iterator[Case]:
    """GOP 250, 30 and 15 in this process, then GOP 250 and 15 through the guarded decoder."""
    times = sample_times(0.0, SECONDS, 2.0)
    peer = f"PyAV {av.__version__} full decode"
    with tempfile.TemporaryDirectory(prefix="fer-bench-") as folder, GuardedDecoder() as decoder:
        paths = {gop: Path(folder) / f"gop{gop}.mp4" for gop in TARGETS}
        encode(paths)
        for gop, target in TARGETS.items():
            full = partial(fully_decoded, paths[gop], times)
            yield Case(
                BENCH, f"gop {gop}", partial(sampled, sample_frames, paths[gop], times),
                peer, full, target, same,
            )  # fmt: skip
        for gop in (250, 15):
            full = partial(fully_decoded, paths[gop], times)
            yield Case(
                BENCH, f"gop {gop}, full decode alone",
                partial(sampled, sample_frames, paths[gop], times),
                f"{peer}, no RGB", partial(only_decoded, paths[gop]), TARGETS[gop], counted,
            )  # fmt: skip
            yield Case(
                BENCH, f"gop {gop}, guarded",
                partial(sampled, decoder.sample_frames, paths[gop], times),
                peer, full, TARGETS[gop] + 0.1, same,
            )  # fmt: skip


def sampled(
    sample: Callable[[Path, NDArray[np.float64]], Iterator[Any]],
    path: Path,
    times: NDArray[np.float64],
) -> list[Image]:
    """Ours: the frames at `times`, uint8 (h, w, 3) each."""
    return [frame.image for frame in sample(path, times)]


def fully_decoded(path: Path, times: NDArray[np.float64]) -> list[Image]:
    """The peer's: every frame decoded, the last one at or before each time kept."""
    images: list[Image] = []
    previous: Any = None
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for frame in container.decode(stream):
            while len(images) < times.size and frame.time > times[len(images)] + 1e-6:
                images.append(previous.to_ndarray(format="rgb24"))
            previous = frame
        while len(images) < times.size:
            images.append(previous.to_ndarray(format="rgb24"))
    return images


def only_decoded(path: Path) -> int:
    """The peer's, without any RGB: the number of frames."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        return sum(1 for _ in container.decode(stream))


def same(ours: Sequence[Image], theirs: Sequence[Image]) -> bool:
    """Every frame equal bit for bit."""
    return len(ours) == len(theirs) and all(map(np.array_equal, ours, theirs))


def counted(ours: Sequence[Image], theirs: int) -> bool:
    """As many frames as wanted; the peer decoded all there are."""
    return len(ours) == 2 * SECONDS and theirs == RATE_HZ * SECONDS


def encode(paths: dict[int, Path]) -> None:
    """Write the same pictures to each path, with that distance between key frames."""
    with ExitStack() as open_files:
        tracks = []
        for gop, path in paths.items():
            container = open_files.enter_context(av.open(path, "w"))
            stream = container.add_stream("libx264", rate=RATE_HZ, options=X264)
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            stream.codec_context.gop_size = gop
            tracks.append((container, stream))
        for image in pictures():
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
            for container, stream in tracks:
                container.mux(stream.encode(frame))
        for container, stream in tracks:
            container.mux(stream.encode(None))


def pictures() -> Iterator[Image]:
    """The video's frames: uint8 (1280, 720, 3) RGB."""
    rng = np.random.default_rng(0)
    scene = _texture(rng, HEIGHT + 160, WIDTH + 160)
    patch = _texture(rng, 480, 360)
    noise = rng.normal(0, 3, (8, HEIGHT, WIDTH, 1)).round().astype(np.int16)
    for number in range(RATE_HZ * SECONDS):
        t = number / RATE_HZ
        x = int(80 + 50 * np.sin(0.9 * t) + 6 * np.sin(7 * t))
        y = int(80 + 40 * np.cos(0.7 * t) + 5 * np.sin(9 * t))
        image = scene[y : y + HEIGHT, x : x + WIDTH].astype(np.int16)
        left, top = int(180 + 80 * np.sin(1.7 * t)), int(380 + 60 * np.sin(1.1 * t))
        image[top : top + 480, left : left + 360] = patch
        image += np.roll(noise[number % 8], 37 * number % WIDTH, axis=1)
        yield np.clip(image, 0, 255).astype(np.uint8)


def _texture(rng: np.random.Generator, height: int, width: int) -> Image:
    """Noise whose amplitude falls with frequency, as a photograph's does."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = np.inf
    channels = []
    for _ in range(3):
        spectrum = np.fft.rfft2(rng.normal(size=(height, width))) / frequency**1.5
        channels.append(np.fft.irfft2(spectrum, s=(height, width)))
    # Colours of a scene go together; the channels share most of their texture.
    shared = channels[0][..., None] + 0.3 * np.stack(channels, axis=2)
    image = 127 + 45 * (shared - shared.mean()) / shared.std()
    return np.asarray(cv2.GaussianBlur(np.clip(image, 0, 255), (0, 0), 0.7)).astype(np.uint8)
