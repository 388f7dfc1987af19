from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from fer_assets.media import survey as survey_module
from fer_assets.media.errors import MediaError
from fer_assets.media.guarded import GuardedDecoder
from fer_assets.media.survey import survey
from fer_assets.media.writer import write_video
from fer_assets_tests.media.conftest import moving_pictures


def luma_means(path: Path, side_px: int) -> list[np.ndarray]:
    """Every frame's luma in full range, shrunk by OpenCV and turned upright."""
    means = []
    with av.open(path) as container:
        for frame in container.decode(video=0):
            luma = frame.to_ndarray(format="yuv420p")[: frame.height]
            small = cv2.resize(
                luma.astype(np.float64), (side_px,) * 2, interpolation=cv2.INTER_AREA
            )
            full_range = np.clip((small - 16) * 255 / 219, 0, 255)
            means.append(np.rot90(full_range, frame.rotation // 90))
    return means


@pytest.mark.parametrize(("rotation_deg", "side_px"), [(0, 32), (90, 16), (180, 9), (270, 32)])
def test_thumbnails_are_means_over_the_upright_frame(
    tmp_path: Path, rotation_deg: int, side_px: int
) -> None:
    path = tmp_path / "turned.mp4"
    write_video(path, moving_pictures(), frame_rate_hz=30, audio=None, rotation_deg=rotation_deg)
    found = survey(path, rate_hz=5.0, side_px=side_px)
    np.testing.assert_allclose(found.times_s, np.arange(10) / 5)
    assert found.thumbnails.shape == (10, side_px, side_px)
    assert found.n_missing == 0
    assert not found.is_corrupt.any()
    expected = luma_means(path, side_px)[::6]
    assert np.abs(found.thumbnails - np.array(expected)).mean() < 1.5
    assert np.abs(found.thumbnails - np.array(expected)).max() < 12


def test_the_child_gives_the_same(small_video: Path) -> None:
    ours = survey(small_video, 3.0, 16)
    with GuardedDecoder() as decoder:
        theirs = decoder.survey(small_video, 3.0, 16)
    assert theirs.n_missing == ours.n_missing
    for name in ("times_s", "thumbnails", "is_corrupt"):
        np.testing.assert_array_equal(getattr(theirs, name), getattr(ours, name))


def test_a_long_video_is_sampled_sparsely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "long.mp4"
    write_video(path, moving_pictures(30), frame_rate_hz=1, audio=None)
    monkeypatch.setattr(survey_module, "MOST_FRAMES", 5)
    found = survey(path)
    np.testing.assert_allclose(found.times_s, [0.0, 7.25, 14.5, 21.75, 29.0])
    assert len(found.thumbnails) == 5


def test_damage_is_counted(small_video: Path) -> None:
    data = bytearray(small_video.read_bytes())
    start = data.index(b"mdat") + 2000
    for offset in range(0, 12_000, 61):
        data[start + offset] ^= 1 << (offset % 8)
    small_video.write_bytes(data)
    found = survey(small_video, rate_hz=30.0)
    assert found.is_corrupt.any() or found.n_missing
    assert len(found.times_s) + found.n_missing == 60


def test_a_single_frame_and_no_video(tmp_path: Path) -> None:
    path = tmp_path / "one.mp4"
    write_video(path, moving_pictures(1), frame_rate_hz=30, audio=None)
    assert survey(path).thumbnails.shape == (1, 32, 32)
    with pytest.raises(MediaError):
        survey(tmp_path / "absent.mp4")
    with pytest.raises(ValueError, match="rate_hz"):
        survey(path, rate_hz=0.0)


def test_real_files(videos: Path) -> None:
    found = survey(videos / "hevc_vfr_face_noface.mov")
    assert found.n_missing == 0
    assert 12 <= len(found.times_s) <= 13
    assert found.thumbnails.std() > 20
