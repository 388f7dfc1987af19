"""Small whole files that the mutations start from.

Belongs here: making them. Does not belong here: damaging them (`mutations.py`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from fer_assets.media.writer import write_video
from fer_assets_tests.media.conftest import moving_pictures, sweep

REPO = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("FER_TEST_DATA", REPO / "../shared/data")) / "videos"


@dataclass(frozen=True)
class Seed:
    """A whole file.

    Attributes:
        name: for the report.
        suffix: of its name, with the dot.
        data: its bytes.
    """

    name: str
    suffix: str
    data: bytes


def video_seeds(folder: Path) -> list[Seed]:
    """Videos of a second: phones' and browsers' containers and codecs; cuts of real ones."""
    plain, turned = folder / "plain.mp4", folder / "turned.mp4"
    pictures = moving_pictures(30)
    write_video(plain, pictures, frame_rate_hz=30, audio=sweep(1.0), gop=12)
    write_video(turned, pictures, frame_rate_hz=15, audio=None, rotation_deg=90)
    kinds = [
        ("hevc.mov", "libx265", "aac", 48_000),
        ("h264.mkv", "libx264", "pcm_s16le", 44_100),
        ("vp9.webm", "libvpx-vp9", "libopus", 48_000),
        ("mpeg4.avi", "mpeg4", "libmp3lame", 44_100),
        ("h264.ts", "libx264", "aac", 44_100),
    ]
    paths = [plain, turned]
    for name, codec, sound, rate_hz in kinds:
        paths.append(folder / name)
        _write(paths[-1], codec, sound, rate_hz)
    for source in sorted(SHARED.glob("*.m*")) if SHARED.is_dir() else []:
        paths.append(folder / f"cut_{source.stem}.mov")
        _cut(source, paths[-1])
    return [Seed(path.stem, path.suffix, path.read_bytes()) for path in paths]


def sound_seeds(folder: Path) -> list[Seed]:
    """Sound tracks of a second in the common formats."""
    kinds = [
        ("pcm.wav", "pcm_s16le", 16_000),
        ("mp3.mp3", "libmp3lame", 44_100),
        ("aac.m4a", "aac", 44_100),
        ("opus.ogg", "libopus", 48_000),
        ("flac.flac", "flac", 44_100),
    ]
    for name, codec, rate_hz in kinds:
        _write(folder / name, None, codec, rate_hz)
    return [Seed(Path(n).stem, Path(n).suffix, (folder / n).read_bytes()) for n, _, _ in kinds]


def _write(path: Path, codec: str | None, sound: str, rate_hz: int) -> None:
    with av.open(path, "w") as container:
        video: Any = None
        if codec is not None:
            video = container.add_stream(codec, rate=30)
            video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
            if codec == "libx265":
                video.codec_context.codec_tag = "hvc1"
                video.options = {"x265-params": "log-level=0"}
        audio: Any = container.add_stream(sound, rate=rate_hz)
        audio.layout = "mono"
        for image in moving_pictures(30) if video is not None else []:
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        if video is not None:
            container.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray(sweep(1.0, rate_hz)[None], "fltp", "mono")
        frame.sample_rate, frame.time_base, frame.pts = rate_hz, Fraction(1, rate_hz), 0
        container.mux(audio.encode(frame))
        container.mux(audio.encode(None))


def _cut(source: Path, target: Path) -> None:
    """The first 15 pictures of a real video, not encoded again."""
    with av.open(source) as given, av.open(target, "w", format="mov") as cut:
        video = given.streams.video[0]
        track = cut.add_stream_from_template(video)
        for number, packet in enumerate(given.demux(video)):
            if number == 15 or not packet.size:
                return
            packet.stream = track
            cut.mux(packet)
