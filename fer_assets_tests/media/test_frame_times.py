"""Times of all frames, against a full decode."""

from __future__ import annotations

import av
import numpy as np
import pytest

from fer_assets.media.errors import MediaError
from fer_assets.media.frame_times import frame_times
from fer_assets.media.frames import sample_frames
from fer_assets.media.guarded import GuardedDecoder


def _decoded(path):
    with av.open(path) as container:
        stream = container.streams.video[0]
        start = (container.start_time or 0) / 1_000_000
        return [float(f.pts * stream.time_base) - start for f in container.decode(stream)]


def _pictures(count):
    return (np.full((32, 48, 3), 7 * n, np.uint8) for n in range(count))


def _write(file, codec):
    with av.open(file, "w") as container:
        track = container.add_stream(codec, rate=25, options={"bf": "2", "g": "8"})
        track.width, track.height, track.pix_fmt = 48, 32, "yuv420p"
        track.bit_rate = 4_000_000
        for picture in _pictures(23):
            container.mux(track.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(track.encode())


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("mp4", "libx264"), ("mkv", "libx264"), ("avi", "libx264"), ("avi", "mpeg4")],
)
def test_each_frame_has_its_time(tmp_path, suffix, codec):
    file = tmp_path / f"film.{suffix}"
    _write(file, codec)
    times = frame_times(file)
    assert len(times) == 23
    np.testing.assert_allclose(np.diff(times), 1 / 25, atol=2e-3)
    frames = list(sample_frames(file, times))
    assert [frame.index for frame in frames] == list(range(23))
    levels = [float(frame.image.mean()) for frame in frames]
    np.testing.assert_allclose(levels, 7.0 * np.arange(23), atol=5)


def test_real_films_of_changing_rate(test_data):
    with GuardedDecoder() as decoder:
        for name in ("hevc_vfr_face_noface.mov", "distress_to_smile.mp4"):
            times = decoder.frame_times(test_data / "videos" / name)
            np.testing.assert_allclose(times, _decoded(test_data / "videos" / name), atol=1e-4)


def test_what_is_no_film(tmp_path):
    (tmp_path / "x.mp4").write_bytes(bytes(500))
    with pytest.raises(MediaError):
        frame_times(tmp_path / "x.mp4")
    with GuardedDecoder() as decoder, pytest.raises(MediaError):
        decoder.frame_times(tmp_path / "gone.mp4")
