"""What real containers do: edit lists, several tracks, odd sizes, sound of another length."""

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from fer_assets.media.audio import read_audio
from fer_assets.media.frames import sample_frames
from fer_assets.media.probe import probe
from fer_assets.media.survey import survey
from fer_assets.media.writer import write_video
from fer_assets_tests.media.conftest import moving_pictures, sweep


def closest(image: NDArray[np.uint8], pictures: list[NDArray[np.uint8]]) -> int:
    return int(np.argmin([np.abs(image.astype(int) - other).mean() for other in pictures]))


def edit(path: Path, cut_frames: int, kept_frames: int) -> None:
    """Rewrite the picture track's edit list: `cut_frames` later, `kept_frames` long (30 fps)."""
    data = bytearray(path.read_bytes())
    track = data.index(b"vide", data.index(b"moov"))
    at = data.rindex(b"elst", 0, track) + 4
    timescale = struct.unpack_from(">I", data, data.rindex(b"mdhd", 0, track) + 16)[0]
    movie = struct.unpack_from(">I", data, data.index(b"mvhd") + 16)[0]
    assert struct.unpack_from(">BI", data, at)[0] == 0
    media_time = struct.unpack_from(">i", data, at + 12)[0]
    struct.pack_into(">I", data, at + 8, kept_frames * movie // 30)
    struct.pack_into(">i", data, at + 12, media_time + cut_frames * timescale // 30)
    path.write_bytes(data)


@pytest.mark.parametrize("cut_frames", [0, 7, 20])
def test_edit_lists_are_honoured(tmp_path: Path, cut_frames: int) -> None:
    path = tmp_path / "edited.mp4"
    pictures = moving_pictures()
    write_video(path, pictures, frame_rate_hz=30, audio=sweep(), gop=15, speed="medium")
    edit(path, cut_frames, 30)
    found = probe(path)
    assert found.duration_s == pytest.approx(1.0, abs=1.1 / 30)
    times = np.array([0.0, 0.1, 0.5, 0.9])
    frames = list(sample_frames(path, times))
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    for frame in frames:
        wanted = cut_frames + round(30 * times[frame.index])
        assert closest(frame.image, pictures) == wanted
        assert frame.time_s == pytest.approx(times[frame.index], abs=0.002)
    assert survey(path).n_missing == 0
    with av.open(path) as container:
        everything = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
    for frame in frames:
        np.testing.assert_array_equal(frame.image, everything[round(30 * times[frame.index])])


def write_tracks(
    path: Path, shades: list[int], default: int | None, tones_hz: list[int], suffix_s: float = 0.0
) -> None:
    """Grey picture tracks and tones, `default` marked as the main one of each kind."""
    disposition = av.stream.Disposition
    with av.open(path, "w") as container:
        videos: list[Any] = [container.add_stream("libx264", rate=10) for _ in shades]
        sounds: list[Any] = [container.add_stream("pcm_s16le", rate=16_000) for _ in tones_hz]
        for stream in videos:
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for stream in sounds:
            stream.layout = "mono"
        for number, stream in enumerate([*videos, *sounds]):
            is_main = default is not None and number % max(1, len(shades)) == default
            stream.disposition = disposition.default if is_main else disposition(0)
        for stream, shade in zip(videos, shades, strict=True):
            for _ in range(10):
                image = np.full((48, 64, 3), shade, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode(None))
        for stream, tone_hz in zip(sounds, tones_hz, strict=True):
            seconds = np.arange(int(16_000 * (1.0 + suffix_s))) / 16_000
            tone = (8000 * np.sin(2 * np.pi * tone_hz * seconds)).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(tone[None], "s16", "mono")
            frame.sample_rate, frame.time_base, frame.pts = 16_000, Fraction(1, 16_000), 0
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))


@pytest.mark.parametrize(("default", "main"), [(None, 0), (0, 0), (1, 1)])
def test_the_main_track_counts(tmp_path: Path, default: int | None, main: int) -> None:
    path = tmp_path / "several.mkv"
    write_tracks(path, [40, 200], default, [500, 2000])
    [frame] = sample_frames(path, [0.5])
    assert abs(int(np.median(frame.image)) - [40, 200][main]) < 5
    spectrum = np.abs(np.fft.rfft(read_audio(path)[:16_000]))
    assert int(np.argmax(spectrum)) == [500, 2000][main]


@pytest.mark.parametrize("suffix_s", [-0.6, 0.0, 2.5])
def test_sound_shorter_or_longer_than_the_pictures(tmp_path: Path, suffix_s: float) -> None:
    path = tmp_path / "uneven.mkv"
    write_tracks(path, [90], 0, [500], suffix_s)
    found = probe(path)
    assert found.duration_s == pytest.approx(1.0, abs=0.01)
    assert found.audio_duration_s == pytest.approx(1.0 + suffix_s, abs=0.05)
    assert read_audio(path).size == pytest.approx(16_000 * (1.0 + suffix_s), abs=100)
    assert len(list(sample_frames(path, [0.0, 0.95, 3.0]))) == 3


@pytest.mark.parametrize(("width", "height"), [(97, 65), (33, 180), (1, 1)])
def test_odd_sizes(tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "odd.mkv"
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (5, height, width, 3), dtype=np.uint8)
    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", rate=5)
        stream.width, stream.height, stream.pix_fmt = width, height, "bgr0"
        for image in images:
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="bgr0")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert (probe(path).width_px, probe(path).height_px) == (width, height)
    for frame in sample_frames(path, np.arange(5) / 5):
        np.testing.assert_array_equal(frame.image, images[frame.index])
    assert survey(path, side_px=8).thumbnails.shape == (2, 8, 8)
