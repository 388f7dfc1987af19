from pathlib import Path

import av
import numpy as np
import pytest

from fer_assets.errors import FerError
from fer_assets.media.errors import MediaError
from fer_assets.media.probe import probe
from fer_assets.media.writer import write_video
from fer_assets_tests.media.conftest import moving_pictures, sweep

NOT_MEDIA = "not a media file, or cut off before its index"


def test_written_video(tmp_path: Path) -> None:
    path = tmp_path / "turned.mp4"
    pictures = moving_pictures(45)
    write_video(path, pictures, frame_rate_hz=30, audio=sweep(1.5), rotation_deg=90)
    found = probe(path)
    assert (found.width_px, found.height_px, found.rotation_deg) == (64, 96, 90)
    assert found.duration_s == pytest.approx(1.5)
    assert found.frame_rate_hz == pytest.approx(30)
    assert (found.video_codec, found.has_audio, found.audio_rate_hz) == ("h264", True, 44_100)
    assert found.audio_duration_s == pytest.approx(1.5, abs=0.05)


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    contents = set()
    for _ in range(12):
        # Leftovers in freed memory, which an encoder must not pick up.
        for size in rng.integers(100, 60_000, 500).tolist():
            rng.integers(0, 255, size, dtype=np.uint8)
        write_video(tmp_path / "a.mp4", moving_pictures(9), frame_rate_hz=30, audio=sweep(0.3))
        contents.add((tmp_path / "a.mp4").read_bytes())
    assert len(contents) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_without_sound(tmp_path: Path) -> None:
    path = tmp_path / "mute.mp4"
    write_video(path, moving_pictures(5), frame_rate_hz=25, audio=None)
    found = probe(path)
    assert (found.has_audio, found.audio_duration_s, found.audio_rate_hz) == (False, None, None)


def test_variable_frame_rate(videos: Path) -> None:
    found = probe(videos / "hevc_vfr_face_noface.mov")
    assert (found.width_px, found.height_px, found.video_codec) == (960, 540, "hevc")
    assert found.duration_s == pytest.approx(6.402, abs=0.01)
    assert found.audio_duration_s == pytest.approx(3.97, abs=0.03)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.mp4", b"", "empty file"),
        ("text.mp4", b"Not a video at all.\n" * 200, NOT_MEDIA),
        ("list.mp4", b"#EXTM3U\n#EXTINF:1,\nother.mp4\n#EXT-X-ENDLIST\n", NOT_MEDIA),
        ("concat.mp4", b"ffconcat version 1.0\nfile 'small.mp4'\n", NOT_MEDIA),
        ("zeros.mp4", bytes(5000), NOT_MEDIA),
    ],
)
def test_what_is_no_video(
    tmp_path: Path, small_video: Path, name: str, content: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MediaError) as error:
        probe(tmp_path / name)
    assert isinstance(error.value, FerError)
    assert error.value.reason == reason
    assert name in str(error.value)


def test_a_file_cut_off_before_its_index(small_video: Path) -> None:
    small_video.write_bytes(small_video.read_bytes()[:8000])
    with pytest.raises(MediaError, match="cut off"):
        probe(small_video)


def test_pictures_that_are_gone(small_video: Path) -> None:
    data = bytearray(small_video.read_bytes())
    start, stop = data.index(b"mdat") + 4, data.index(b"moov") - 4
    data[start:stop] = bytes(stop - start)
    small_video.write_bytes(data)
    with pytest.raises(MediaError) as error:
        probe(small_video)
    assert error.value.reason == "no decodable frame"


def test_sound_alone(tmp_path: Path, videos: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(videos / "selfie_d11.mp4") as source, av.open(path, "w") as target:
        track = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.size:
                packet.stream = track
                target.mux(packet)
    with pytest.raises(MediaError) as error:
        probe(path)
    assert error.value.reason == "no video track"
