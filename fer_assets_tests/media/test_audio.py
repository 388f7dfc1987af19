from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import correlate, resample_poly

from fer_assets.media.audio import read_audio
from fer_assets.media.errors import MediaError
from fer_assets.media.writer import write_video
from fer_assets_tests.media.conftest import moving_pictures, sweep


def offset_of(sound: NDArray[np.float32], reference: NDArray[np.float64]) -> int:
    """Sample of `sound` at which `reference` starts."""
    part = reference[2000:10_000]
    return int(np.argmax(correlate(sound, part, mode="valid", method="fft"))) - 2000


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 22_050])
def test_sound_lies_sample_exact_and_keeps_its_level(small_video: Path, rate_hz: int) -> None:
    sound = read_audio(small_video, rate_hz)
    reference = resample_poly(sweep().astype(np.float64), rate_hz, 44_100)
    assert sound.dtype == np.float32
    assert offset_of(sound, reference) == 0
    middle = slice(rate_hz // 4, rate_hz)
    assert np.corrcoef(sound[middle], reference[middle])[0, 1] > 0.995
    assert np.std(sound[middle]) == pytest.approx(np.std(reference[middle]), rel=0.03)


@pytest.mark.parametrize("delay_s", [0.5, 1.25])
def test_a_late_track_is_padded(tmp_path: Path, delay_s: float) -> None:
    path = tmp_path / "late.mkv"
    write_with_sound_from(path, delay_s, gap_s=0.0)
    sound = read_audio(path)
    reference = resample_poly(sweep().astype(np.float64), 16_000, 44_100)
    assert not sound[: int(delay_s * 16_000) - 100].any()
    assert abs(offset_of(sound, reference) - delay_s * 16_000) <= 16


def test_a_gap_is_filled(tmp_path: Path) -> None:
    path = tmp_path / "gap.mkv"
    write_with_sound_from(path, 0.0, gap_s=1.0)
    sound = read_audio(path)
    half = sweep()[1024 * 43 :]
    reference = resample_poly(half.astype(np.float64), 16_000, 44_100)
    start_s = 1024 * 43 / 44_100 + 1.0
    assert abs(offset_of(sound, reference) - start_s * 16_000) <= 16
    silent = sound[int((start_s - 0.9) * 16_000) : int((start_s - 0.1) * 16_000)]
    assert not silent.any()


def write_with_sound_from(path: Path, delay_s: float, gap_s: float) -> None:
    """PCM sound that starts late or pauses after 43 blocks, beside pictures from 0 on."""
    with av.open(path, "w") as container:
        video = container.add_stream("libx264", rate=30)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        audio = container.add_stream("pcm_s16le", rate=44_100)
        audio.layout = "mono"
        for image in moving_pictures(30):
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(video.encode(None))
        samples = (sweep() * 32767).astype(np.int16)
        for number, at in enumerate(range(0, samples.size, 1024)):
            frame = av.AudioFrame.from_ndarray(samples[None, at : at + 1024], "s16", "mono")
            later_s = delay_s + (gap_s if number >= 43 else 0.0)
            frame.sample_rate, frame.time_base = 44_100, Fraction(1, 44_100)
            frame.pts = at + round(later_s * 44_100)
            container.mux(audio.encode(frame))
        container.mux(audio.encode(None))


def test_stereo_is_mixed(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    with av.open(path, "w") as container:
        stream = container.add_stream("pcm_s16le", rate=16_000)
        stream.layout = "stereo"
        both = np.zeros((1, 32_000), np.int16)
        both[0, 0::2] = 8000
        frame = av.AudioFrame.from_ndarray(both, "s16", "stereo")
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    sound = read_audio(path)
    assert sound.size == 16_000
    np.testing.assert_allclose(sound, 4000 / 32768, atol=1e-4)


def test_real_files(videos: Path) -> None:
    late = read_audio(videos / "hevc_vfr_face_noface.mov")
    assert not late[: int(2.42 * 16_000)].any()
    assert np.abs(late[int(2.44 * 16_000) :]).max() > 0.5
    assert not read_audio(videos / "selfie_d3.mp4").any()


def test_no_sound_and_no_file(tmp_path: Path) -> None:
    path = tmp_path / "mute.mp4"
    write_video(path, moving_pictures(5), frame_rate_hz=30, audio=None)
    assert read_audio(path).shape == (0,)
    with pytest.raises(MediaError):
        read_audio(tmp_path / "absent.mp4")
