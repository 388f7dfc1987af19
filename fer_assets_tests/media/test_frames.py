from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_assets.media.errors import MediaError
from fer_assets.media.frame_plan import Packet, choose
from fer_assets.media.frames import sample_frames, sample_times
from fer_assets.media.writer import write_video
from fer_assets_tests.media.conftest import moving_pictures


def full_decode(path: Path) -> list[tuple[float, np.ndarray]]:
    with av.open(path) as container:
        return [
            (frame.time, np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90))
            for frame in container.decode(video=0)
        ]


def shown_at(everything: list[tuple[float, np.ndarray]], time_s: float) -> tuple[float, np.ndarray]:
    before = [item for item in everything if item[0] <= time_s + 1e-6]
    return max(before, key=lambda item: item[0]) if before else everything[0]


@pytest.mark.parametrize("name", ["hevc_vfr_face_noface.mov", "single_face.mp4", "no_face.mp4"])
def test_frames_of_real_files_equal_a_full_decode(videos: Path, name: str) -> None:
    everything = full_decode(videos / name)
    times = sample_times(0.13, everything[-1][0], 3.0)
    frames = list(sample_frames(videos / name, times))
    assert [frame.index for frame in frames] == list(range(times.size))
    for frame in frames:
        time_s, image = shown_at(everything, times[frame.index])
        assert frame.time_s == pytest.approx(time_s, abs=1e-9)
        np.testing.assert_array_equal(frame.image, image)
        assert not frame.is_corrupt


@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
@pytest.mark.parametrize("gop", [5, 250])
def test_written_frames_equal_a_full_decode(tmp_path: Path, rotation_deg: int, gop: int) -> None:
    path = tmp_path / "turned.mp4"
    write_video(
        path,
        moving_pictures(),
        frame_rate_hz=30,
        audio=None,
        rotation_deg=rotation_deg,
        gop=gop,
        speed="medium",
    )
    everything = full_decode(path)
    times = np.array([1.9, 0.0, 0.34, 0.35, 0.34, 99.0, -1.0])
    frames = {frame.index: frame for frame in sample_frames(path, times)}
    assert sorted(frames) == list(range(times.size))
    for index, frame in frames.items():
        time_s, image = shown_at(everything, times[index])
        assert frame.time_s == pytest.approx(time_s)
        np.testing.assert_array_equal(frame.image, image)
    corners = {0: (4, 4), 90: (-4, 4), 180: (-4, -4), 270: (4, -4)}
    assert frames[1].image[corners[rotation_deg]].min() > 200


def test_frames_before_a_keyframe_that_refer_back_are_whole(tmp_path: Path) -> None:
    """Open groups: dropping the end of one group would damage the start of the next."""
    path = tmp_path / "open.mp4"
    with av.open(path, "w") as container:
        options = {"x264-params": "open-gop=1:keyint=10:min-keyint=10:scenecut=0:bframes=3"}
        stream = container.add_stream("libx264", rate=30, options=options)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for image in moving_pictures():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    everything = full_decode(path)
    for number, (time_s, image) in enumerate(everything):
        if number % 4 == 0:
            [frame] = sample_frames(path, [time_s])
            np.testing.assert_array_equal(frame.image, image, err_msg=f"frame {number}")


def test_a_file_without_frame_times_is_decoded_whole(tmp_path: Path) -> None:
    path = tmp_path / "raw.h264"
    with av.open(path, "w", format="h264") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for image in moving_pictures(30):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    frames = list(sample_frames(path, [0.0, 0.5, 1.0]))
    assert len(frames) == 3
    assert frames[0].image.shape == (64, 96, 3)
    assert not np.array_equal(frames[0].image, frames[2].image)


def test_a_damaged_file_flags_its_frames(small_video: Path) -> None:
    data = bytearray(small_video.read_bytes())
    start = data.index(b"mdat") + 2000
    for offset in range(0, 12_000, 61):
        data[start + offset] ^= 1 << (offset % 8)
    small_video.write_bytes(data)
    frames = list(sample_frames(small_video, np.arange(0, 2, 0.05)))
    assert any(frame.is_corrupt for frame in frames) or len(frames) < 40


def test_damage_gives_the_same_frames_every_time(tmp_path: Path) -> None:
    """However the decoder's threads run."""
    path = tmp_path / "damaged.mp4"
    write_video(path, moving_pictures(120), frame_rate_hz=30, audio=None, gop=250, crf=12)
    data = bytearray(path.read_bytes())
    middle = data.index(b"mdat") + (data.index(b"moov") - data.index(b"mdat")) // 2
    for offset in range(0, 3000, 149):
        data[middle + offset] ^= 1 << (offset % 8)
    path.write_bytes(data)
    times = np.arange(0, 4, 0.1)
    first, *others = (list(sample_frames(path, times)) for _ in range(4))
    assert any(frame.is_corrupt for frame in first) or len(first) < times.size
    assert not any(frame.is_corrupt for frame in first[:10])
    for other in others:
        assert [(f.index, f.is_corrupt) for f in other] == [(f.index, f.is_corrupt) for f in first]
        for ours, theirs in zip(first, other, strict=True):
            np.testing.assert_array_equal(ours.image, theirs.image)


def test_errors_and_no_times(tmp_path: Path) -> None:
    assert list(sample_frames(tmp_path / "absent.mp4", [])) == []
    with pytest.raises(MediaError) as error:
        list(sample_frames(tmp_path / "absent.mp4", [0.0]))
    assert error.value.reason == "no such file"


@given(
    start=st.floats(0, 100),
    length=st.floats(0, 30),
    rate=st.sampled_from([0.5, 1.0, 2.0, 25.0]),
)
def test_sample_times_cover_the_span(start: float, length: float, rate: float) -> None:
    times = sample_times(start, start + length, rate)
    assert np.all(times < start + length + 1e-9)
    if length > 1e-6:
        assert times[0] == start
        assert start + length - times[-1] <= 1 / rate + 1e-6


@given(st.data())
def test_a_plan_sends_everything_that_a_target_may_need(data: st.DataObject) -> None:
    """Frames refer to each other as their headers allow; what a target needs is sent."""
    count = data.draw(st.integers(1, 30))
    flags = st.lists(st.booleans(), min_size=count, max_size=count)
    clean, spare, bare = data.draw(flags), data.draw(flags), data.draw(flags)
    layers = data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    found = [Packet(i, True, clean[i], spare[i], bare[i], layers[i]) for i in range(count)]
    times = np.array(data.draw(st.lists(st.floats(-1, count + 1), min_size=1, max_size=4)))
    plan = choose(found, lambda _start_s, _end_s: times, Fraction(1), Fraction(0))
    assert plan is not None
    assert sorted(at for indices in plan.targets.values() for at in indices) == list(
        range(len(times))
    )
    needed = set(plan.targets)
    for i in reversed(range(count)):
        start = max((j for j in range(i + 1) if clean[j]), default=0)
        if i in needed and not clean[i]:
            may_refer = (
                j
                for j in range(start, i)
                if layers[j] < layers[i] or (layers[j] == layers[i] and not spare[j])
            )
            needed |= set(may_refer)
    assert all(plan.is_sent[i] and not plan.is_skipped[i] for i in needed)
    for i in set(range(count)) - needed:
        assert not plan.is_sent[i] or not bare[i] or any(not bare[j] for j in range(i, count))
        assert spare[i] or not plan.is_skipped[i]
