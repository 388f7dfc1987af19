"""The annotated video has the source's frames, times and sound, and boxes where the faces are."""

from __future__ import annotations

import itertools
from fractions import Fraction

import av
import numpy as np
import pytest

from fer_assets.inference import annotating
from fer_assets.inference.annotating import annotate_video
from fer_assets.inference.measures import Columns
from fer_assets.inference.rendering import render
from fer_assets.inference.timeline import Timeline
from fer_assets.inference.value_layout import ValueLayout
from fer_assets.media.errors import MediaError
from fer_assets.media.writer import write_video

NOTHING = ValueLayout()
CALM_OR_WILD = ValueLayout((Columns("expression", ("calm", "wild"), "classes"),))
NOBODY = Timeline(
    np.zeros(0), np.zeros(1, np.int64), np.zeros(0), np.zeros((0, 4), np.float32), np.zeros((0, 1))
)


def somebody(box, times=(0.0, 1.0)):
    n = len(times)
    return Timeline(
        np.array(times),
        np.array([0, n]),
        np.array(times),
        np.array([box] * n, np.float32),
        np.full((n, 2), (0.75, 0.25), np.float32),
    )


def decoded(path):
    with av.open(str(path)) as container:
        return [
            (frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)
        ]


def sound_packets(path):
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        return [
            (round(float(p.pts * p.time_base), 6), bytes(p))
            for p in container.demux(stream)
            if p.size
        ]


@pytest.fixture
def source(tmp_path):
    """A second at 25 Hz of odd-looking colours, with sound."""
    rng = np.random.default_rng(0)
    plain = np.kron(rng.integers(60, 200, (9, 16, 3)), np.ones((20, 20, 1))).astype(np.uint8)
    frames = [np.roll(plain, at, axis=1) for at in range(25)]
    audio = (0.2 * rng.standard_normal(44_100)).astype(np.float32)
    path = tmp_path / "source.mp4"
    write_video(path, frames, frame_rate_hz=25, audio=audio, crf=10)
    return path


def test_frames_times_and_sound_are_kept(source, tmp_path):
    target = tmp_path / "drawn.mp4"
    box = (100.0, 30.0, 200.0, 150.0)
    *_, last = render(source, target, somebody(box), CALM_OR_WILD)
    assert (last.n_frames, last.codec, last.sound) == (25, "libx264", "copied")
    before, after = decoded(source), decoded(target)
    assert [time for time, _ in after] == pytest.approx([time for time, _ in before])
    assert sound_packets(target) == sound_packets(source)
    for (_, a), (_, b) in zip(before, after, strict=True):
        change = np.abs(a.astype(int) - b).mean(axis=2)
        assert change[30:150, 98:103].mean() > 30  # the left side of the box
        assert change[:, :20].mean() < 6 and change[60:120, 130:170].mean() < 6


def test_sizes_that_are_odd_and_frames_that_are_turned(tmp_path):
    path, target = tmp_path / "turned.mp4", tmp_path / "drawn.mp4"
    stored = [np.full((48, 64, 3), (at, 200, 30), np.uint8) for at in range(0, 100, 20)]
    write_video(path, stored, frame_rate_hz=5, audio=None, rotation_deg=90)
    *_, last = render(path, target, NOBODY, NOTHING)
    assert last.sound == "none"
    assert decoded(target)[0][1].shape == (64, 48, 3)
    odd = tmp_path / "odd.mp4"
    with av.open(str(odd), "w") as out:
        stream = out.add_stream("libx264rgb", rate=5)
        stream.width, stream.height, stream.pix_fmt = 63, 41, "rgb24"
        for at in range(5):
            image = np.full((41, 63, 3), 20 * at, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = at
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    *_, last = render(odd, target, NOBODY, NOTHING)
    assert last.n_frames == 5
    assert decoded(target)[0][1].shape == (42, 64, 3)


def test_a_variable_rate_stays_one(tmp_path):
    path, target = tmp_path / "variable.mkv", tmp_path / "drawn.mp4"
    times_ms = [0, 40, 80, 400, 440, 1000, 1001]
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for at, time in enumerate(times_ms):
            image = np.full((48, 64, 3), 30 * at, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    expected = [time for time, _ in decoded(path)]
    for _ in render(path, target, NOBODY, NOTHING):
        pass
    assert [time for time, _ in decoded(target)] == pytest.approx(expected, abs=1e-3)


def test_sound_that_mp4_does_not_hold_is_named(tmp_path):
    path = tmp_path / "old.avi"
    with av.open(str(path), "w") as out:
        video, sound = out.add_stream("mpeg4", rate=5), out.add_stream("pcm_s16le", rate=8000)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound.layout = "mono"
        for at in range(5):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            frame.pts = at
            out.mux(video.encode(frame))
            tone = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.int16), "s16", "mono")
            tone.sample_rate, tone.pts = 8000, 1600 * at
            out.mux(sound.encode(tone))
        out.mux(video.encode(None))
        out.mux(sound.encode(None))
    *_, last = render(path, tmp_path / "drawn.mp4", NOBODY, NOTHING)
    assert (last.n_frames, last.sound) == (5, "left out: MP4 does not hold pcm_s16le")


def test_mpeg4_where_there_is_no_x264(source, tmp_path, monkeypatch):
    monkeypatch.setattr("fer_assets.inference.rendering.CODECS", ("no-such-encoder", "mpeg4"))
    target = tmp_path / "drawn.mp4"
    *_, last = render(source, target, NOBODY, NOTHING)
    assert (last.codec, last.sound) == ("mpeg4", "copied")
    assert len(decoded(target)) == 25


def test_in_a_process_of_its_own(source, tmp_path):
    target = tmp_path / "drawn.mp4"
    steps = list(annotate_video(source, target, NOBODY, CALM_OR_WILD, 1.0))
    assert [step.n_frames for step in steps] == [10, 20, 25]
    assert steps[-1].sound == "copied"
    assert len(decoded(target)) == 25


def test_a_broken_source_leaves_nothing(tmp_path):
    path, target = tmp_path / "bad.mp4", tmp_path / "drawn.mp4"
    path.write_bytes(b"\0" * 5000)
    with pytest.raises(MediaError, match="not a media file"):
        list(annotate_video(path, target, NOBODY, NOTHING, 1.0))
    assert not target.exists()


def test_leaving_early_ends_the_child(source, tmp_path, monkeypatch):
    started = []
    popen = annotating.subprocess.Popen

    def noted(*args, **kwargs):
        started.append(popen(*args, **kwargs))
        return started[-1]

    monkeypatch.setattr(annotating.subprocess, "Popen", noted)
    target = tmp_path / "drawn.mp4"
    steps = annotate_video(source, target, NOBODY, NOTHING, 1.0)
    assert len(list(itertools.islice(steps, 1))) == 1
    steps.close()
    assert started[0].returncode is not None
    assert not target.exists()


def test_a_real_phone_video(test_data, tmp_path):
    """HEVC with a variable rate, sound that starts late, and a face that leaves."""
    path, target = test_data / "videos" / "hevc_vfr_face_noface.mov", tmp_path / "drawn.mp4"
    *_, last = render(path, target, NOBODY, NOTHING)
    with av.open(str(path)) as container:
        expected = sorted(
            float(p.pts * p.time_base) for p in container.demux(video=0) if p.pts is not None
        )
    times = [time for time, _ in decoded(target)]
    assert last.n_frames == len(times) == len(expected)
    assert times == pytest.approx(expected, abs=1e-3)
    assert len(sound_packets(target)) == len(sound_packets(path))
