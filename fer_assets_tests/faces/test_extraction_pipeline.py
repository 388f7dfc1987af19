"""Several videos at once: order, bounds, errors, threads, and one decision per video."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest

from fer_assets.faces.detector import FaceDetector
from fer_assets.faces.extraction import FaceTables, VideoFrames, extract_faces
from fer_assets.faces.settings import FaceSettings
from fer_assets.media.errors import MediaError
from fer_assets.media.frames import Frame
from fer_assets.media.guarded import GuardedDecoder
from fer_assets_tests.faces.conftest import Image

QUICK = FaceSettings(rotations_deg=(), second_pass_px=0, frames_at_once=3)


def _targets(video_id: str, count: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "clip_id": [f"{video_id}/a/0"] * count,
            "prompt_id": ["a"] * count,
            "expression": ["sad"] * count,
            "time_s": [0.5 * at for at in range(count)],
        }
    )


def _video(video_id: str, images: Sequence[Image], frames: Iterable[Frame] = ()) -> VideoFrames:
    given = frames or [Frame(at, 0.5 * at, image, False) for at, image in enumerate(images)]
    return VideoFrames(video_id, _targets(video_id, len(images)), given)


def _tables(found: FaceTables | MediaError) -> FaceTables:
    assert isinstance(found, FaceTables)
    return found


def _all(
    videos: Sequence[VideoFrames], detector: FaceDetector, workers: int = 1
) -> dict[str, FaceTables]:
    found = extract_faces(videos, detector, detector.settings, workers)
    return {video_id: _tables(tables) for video_id, tables in found}


def test_workers_batches_and_company_change_nothing(detector, photos) -> None:
    """Bit for bit, encoded crops included; batches of four take frames of several videos."""
    parts = {"v1": photos[:3], "v2": photos[3:4], "v3": [], "v4": photos[4:9]}
    videos = [_video(key, images) for key, images in parts.items()]
    for searcher in (detector, FaceDetector(detector._session, FaceSettings(), 4)):
        together = _all(videos, searcher, workers=3)
        assert list(together) == list(parts)
        for video in videos:
            alone = _all([video], searcher)[video.video_id]
            assert together[video.video_id].face_crops.equals(alone.face_crops)
            assert together[video.video_id].frames.equals(alone.frames)
    assert together["v1"].face_crops.height >= 3
    assert together["v3"].frames.height == 0


def test_a_video_that_breaks_is_reported_alone(detector, photos, tmp_path: Path, test_data) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\0" * 5000)
    good = test_data / "videos" / "single_face.mp4"

    def breaking() -> Iterator[Frame]:
        yield Frame(0, 0.0, photos[0], False)
        raise MediaError(Path("half.mp4"), "time limit exceeded")

    with GuardedDecoder() as decoder:
        videos = [
            VideoFrames(key, _targets(key, 2), decoder.sample_frames(path, [0.0, 0.5]))
            for key, path in (("a", good), ("b", broken))
        ]
        videos += [
            _video("c", photos[:2], breaking()),
            VideoFrames("d", _targets("d", 2), decoder.sample_frames(good, [0.0, 0.5])),
        ]
        found = dict(extract_faces(videos, detector, FaceSettings(), 2))
    assert list(found) == ["a", "b", "c", "d"]
    assert isinstance(found["b"], MediaError)
    assert isinstance(found["c"], MediaError)
    assert found["c"].reason == "time limit exceeded"
    assert _tables(found["a"]).frames["n_faces"].to_list() == [1, 1]
    assert _tables(found["d"]).frames["n_faces"].to_list() == [1, 1]


def test_frames_alive_do_not_grow_with_videos_or_their_length(detector) -> None:
    alive: list[weakref.ref[Frame]] = []
    most: dict[int, int] = {}

    def frames(length: int) -> Iterator[Frame]:
        for at in range(length):
            frame = Frame(at, 0.5 * at, np.zeros((40, 40, 3), np.uint8), False)
            alive.append(weakref.ref(frame))
            most[length] = max(most.get(length, 0), sum(ref() is not None for ref in alive[-60:]))
            yield frame
            del frame

    quick = FaceDetector(detector._session, QUICK, 1)
    workers = 2
    for length, count in ((20, 2), (300, 2), (10, 40)):
        videos = [
            VideoFrames(f"v{n}", _targets(f"v{n}", length), frames(length)) for n in range(count)
        ]
        assert len(_all(videos, quick, workers)) == count
    # What waits, what is worked on or was taken for it, and one in the hands of each side.
    assert max(most.values()) <= QUICK.frames_at_once + 2 * workers + 2


def test_the_next_video_is_read_while_one_is_searched(detector) -> None:
    is_read = threading.Event()

    def second() -> Iterator[Frame]:
        is_read.set()
        yield Frame(0, 0.0, np.zeros((40, 40, 3), np.uint8), False)

    class Waiting(FaceDetector):
        def views(self, images):
            assert is_read.wait(20)
            return super().views(images)

    image = np.zeros((40, 40, 3), np.uint8)
    videos = [_video("a", [image]), _video("b", [image], second())]
    assert list(_all(videos, Waiting(detector._session, QUICK, 1))) == ["a", "b"]


def test_stopping_early_ends_the_threads_and_closes_the_frames(detector) -> None:
    is_closed = threading.Event()

    def endless() -> Iterator[Frame]:
        try:
            for at in range(10**6):
                yield Frame(at % 2, 0.5 * at, np.zeros((40, 40, 3), np.uint8), False)
        finally:
            is_closed.set()

    image = np.zeros((40, 40, 3), np.uint8)
    videos = [_video("a", [image]), _video("b", [image] * 2, endless())]
    quick = FaceDetector(detector._session, QUICK, 1)
    with closing(extract_faces(videos, quick, QUICK, 2)) as found:
        assert next(found)[0] == "a"
    assert is_closed.is_set()
    assert not [t for t in threading.enumerate() if t.name.startswith(("ahead", "in-order"))]


def test_an_error_that_is_no_damage_is_raised_and_ends_the_threads(detector) -> None:
    def wrong() -> Iterator[Frame]:
        raise ZeroDivisionError("a bug")
        yield

    with pytest.raises(ZeroDivisionError, match="a bug"):
        _all([_video("a", [np.zeros((40, 40, 3), np.uint8)], wrong())], detector, 2)
    assert not [t for t in threading.enumerate() if t.name.startswith(("ahead", "in-order"))]


@pytest.mark.parametrize("turned_deg", [90, 180, 270])
def test_a_video_filmed_lying_is_righted_as_a_whole(detector, video_frames, turned_deg) -> None:
    """Also its frames that show too little to tell: one without a face, one very blurred."""
    upright = video_frames("selfie_d11.mp4", 1.0)[:4]
    doubtful = [np.zeros_like(upright[0]), cv2.GaussianBlur(upright[1], (0, 0), 16)]
    images = [*upright, *(np.asarray(image, np.uint8) for image in doubtful)]
    lying = [np.ascontiguousarray(np.rot90(image, turned_deg // 90)) for image in images]
    found = _all([_video("up", images), _video("lie", lying)], detector)
    assert set(found["up"].frames["rotation_deg"]) == {0}
    assert set(found["lie"].frames["rotation_deg"]) == {360 - turned_deg}
    # Boxes are those of the upright frame: the same as in the video that was never turned.
    columns = ["x0_px", "y0_px", "x1_px", "y1_px", "roll_deg", "yaw_ratio"]
    pairs = (found[key].face_crops.filter(pl.col("timestamp_ms") < 2000) for key in ("up", "lie"))
    up, lie = (rows.select(columns).to_numpy() for rows in pairs)
    assert len(up) == 4
    np.testing.assert_allclose(lie, up, atol=0.02)
    assert set(found["lie"].face_crops["rotation_deg"]) == {360 - turned_deg}
