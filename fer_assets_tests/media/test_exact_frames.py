"""Sampled frames against a full decode, bit for bit, over what encoders do with references."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fer_assets.media import packet_reading
from fer_assets.media.frames import sample_frames
from fer_assets_tests.media.conftest import moving_pictures

RATE_HZ = 30
ENCODINGS = {
    "defaults": ("mp4", "libx264", "", "keyint=30"),
    "no B-frames": ("mp4", "libx264", "", "bframes=0:ref=1:keyint=20"),
    "pyramid": ("mp4", "libx264", "", "bframes=7:b-pyramid=normal:b-adapt=0:keyint=40"),
    "strict pyramid": ("mp4", "libx264", "", "bframes=5:b-pyramid=strict:b-adapt=0"),
    "flat B-frames": ("mp4", "libx264", "", "bframes=4:b-pyramid=none:b-adapt=0:ref=6"),
    "many references": ("mp4", "libx264", "", "bframes=3:ref=16:weightp=2:weightb=1:keyint=60"),
    "open groups": ("mp4", "libx264", "", "open-gop=1:keyint=10:min-keyint=10:scenecut=0"),
    "intra refresh": ("mp4", "libx264", "", "intra-refresh=1:keyint=15:bframes=2"),
    "slices": ("mp4", "libx264", "", "slices=4:bframes=3:keyint=25"),
    "interlaced": ("mp4", "libx264", "", "interlaced=1:bframes=3:keyint=20"),
    "timing messages": ("mp4", "libx264", "", "nal-hrd=vbr:vbv-maxrate=900:vbv-bufsize=900"),
    "lossless": ("mkv", "libx264", "", "qp=0:bframes=3"),
    "transport stream": ("ts", "libx264", "", "bframes=3:keyint=20"),
    "HEVC": ("mp4", "libx265", "hvc1", "keyint=20:bframes=4:b-pyramid=1:log-level=0"),
    "HEVC open groups": ("mov", "libx265", "hvc1", "open-gop=1:keyint=12:log-level=0"),
    "HEVC layers": ("mp4", "libx265", "hvc1", "temporal-layers=3:bframes=4:b-adapt=0:log-level=0"),
    "MPEG-4": ("mp4", "mpeg4", "", ""),
    "VP9": ("webm", "libvpx-vp9", "", ""),
}


def encode(name: str, folder: Path) -> Path:
    """Write 75 frames in that encoding."""
    kind, codec, tag, params = ENCODINGS[name]
    path = folder / f"video.{kind}"
    rng = np.random.default_rng(1)
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=RATE_HZ)
        if params:
            stream.options = {f"{codec[3:]}-params": params}
        if codec == "libvpx-vp9":
            stream.options = {"cpu-used": "8", "deadline": "realtime"}
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        if tag:
            stream.codec_context.codec_tag = tag
        for number, image in enumerate(moving_pictures(75)):
            noisy = np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8)
            # A cut, and a fade that weighted prediction picks up.
            noisy = noisy[:, ::-1] if number >= 33 else noisy // (1 + number // 12)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(noisy), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@dataclass(frozen=True)
class Reference:
    """A video, and the time and pixels of each of its frames by a plain full decode."""

    path: Path
    times_s: list[float]
    images: list[NDArray[np.uint8]]


@pytest.fixture(scope="module", params=ENCODINGS)
def reference(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Reference:
    path = encode(request.param, tmp_path_factory.mktemp("exact"))
    with av.open(path) as container:
        start_s = Fraction(container.start_time or 0, av.time_base)
        frames = list(container.decode(video=0))
    times_s = [float(frame.pts * frame.time_base - start_s) for frame in frames]
    assert len(frames) == 75
    return Reference(path, times_s, [frame.to_ndarray(format="rgb24") for frame in frames])


@settings(max_examples=15, deadline=None)
@given(wanted=st.lists(st.integers(0, 74), min_size=1, max_size=6), late_s=st.floats(0, 0.03))
def test_any_frames_equal_a_full_decode(
    reference: Reference, wanted: list[int], late_s: float
) -> None:
    times = [reference.times_s[at] + late_s for at in wanted]
    frames = list(sample_frames(reference.path, times))
    assert sorted(frame.index for frame in frames) == list(range(len(wanted)))
    for frame in frames:
        at = wanted[frame.index]
        assert frame.time_s == pytest.approx(reference.times_s[at], abs=1e-6)
        np.testing.assert_array_equal(frame.image, reference.images[at])
        assert not frame.is_corrupt


def test_every_frame_alone(reference: Reference) -> None:
    for at in range(0, 75, 7):
        [frame] = sample_frames(reference.path, [reference.times_s[at]])
        np.testing.assert_array_equal(frame.image, reference.images[at])


def test_a_file_too_large_to_keep_is_read_twice(
    reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packet_reading, "KEPT_BYTES", 5000)
    for frame in sample_frames(reference.path, reference.times_s[3::20]):
        np.testing.assert_array_equal(frame.image, reference.images[3 + 20 * frame.index])
