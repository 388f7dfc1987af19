from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest

from fer_assets.faces.alignment import align
from fer_assets.faces.extraction import FaceTables, VideoFrames, extract_faces
from fer_assets.faces.settings import FaceSettings
from fer_assets.media.frames import Frame, sample_frames
from fer_assets.media.image_codec import decode_image
from fer_assets.storage.schemas.tiktokfer import FACE_CROPS, FRAMES

VIDEO = "0123456789abcdef"


def _targets(times_s: list[float], clips: list[str] | None = None) -> pl.DataFrame:
    clips = clips or ["a"] * len(times_s)
    return pl.DataFrame(
        {
            "clip_id": [f"{VIDEO}/{clip}/0" for clip in clips],
            "prompt_id": clips,
            "expression": [f"expression-{clip}" for clip in clips],
            "time_s": times_s,
        }
    )


def _extract(targets: pl.DataFrame, frames, detector, settings=FaceSettings()) -> FaceTables:  # noqa: B008
    ((key, tables),) = extract_faces([VideoFrames(VIDEO, targets, frames)], detector, settings)
    assert key == VIDEO
    assert isinstance(tables, FaceTables)
    return tables


def test_a_video_gives_rows_that_a_person_could_check(detector, test_data) -> None:
    times = [0.0, 0.5, 1.0, 5.5, 6.0]
    path = test_data / "videos" / "hevc_vfr_face_noface.mov"
    frames = list(sample_frames(path, times))

    tables = _extract(_targets(times), iter(frames), detector)

    assert tables.face_crops.schema == pl.Schema(FACE_CROPS.dtypes)
    assert tables.frames.schema == pl.Schema(FRAMES.dtypes)
    assert tables.frames["n_faces"].to_list() == [1, 1, 1, 0, 0]
    row = tables.face_crops.row(0, named=True)
    found = detector.detect([frames[0].image])[0]
    height, width = frames[0].image.shape[:2]
    x, y = (found.boxes[0, :2] + found.boxes[0, 2:]) / 2 / (width, height) * 1000
    ms = round(frames[0].time_s * 1000)
    assert row["face_id"] == f"{VIDEO}/{ms}/{round(float(x))}-{round(float(y))}"
    assert row["expression"] == "expression-a"
    assert row["image"]["path"] == row["face_id"].replace("/", "_") + ".jpg"
    np.testing.assert_allclose(row["landmarks_px"], found.landmarks[0].ravel())
    stored = decode_image(row["image"]["bytes"]).astype(int)
    assert stored.shape == (224, 224, 3)
    assert np.abs(stored - align(frames[0].image, found.landmarks)[0]).mean() < 3
    assert abs(row["roll_deg"]) < 20
    assert row["face_px"] == pytest.approx(float(found.sizes[0]))


def _frames(image: np.ndarray, times_s: list[float]) -> Iterator[Frame]:
    for index, time_s in enumerate(times_s):
        yield Frame(index, time_s, image, index == 1)


def test_a_frame_that_comes_twice_counts_once(detector, photos) -> None:
    times = [1.0, 1.0, 1.0002, 2.0]
    targets = _targets(times, ["a", "a", "b", "b"])
    tables = _extract(targets, _frames(photos[0], times), detector)
    assert tables.frames["timestamp_ms"].to_list() == [1000, 2000]
    assert tables.frames["clip_id"].to_list() == [f"{VIDEO}/a/0", f"{VIDEO}/b/0"]
    assert tables.face_crops["prompt_id"].to_list() == ["a", "b"]


def test_frames_that_did_not_come_leave_the_others_in_place(detector, photos) -> None:
    targets = _targets([0.0, 0.5, 1.0], ["a", "b", "c"])
    frames = iter([Frame(2, 1.0, photos[0], True)])
    tables = _extract(targets, frames, detector)
    assert tables.frames.select("clip_id", "is_corrupt").rows() == [(f"{VIDEO}/c/0", True)]
    assert tables.face_crops["prompt_id"].to_list() == ["c"]


def test_no_frame_gives_empty_tables(detector) -> None:
    tables = _extract(_targets([]), iter([]), detector)
    assert tables.face_crops.schema == pl.Schema(FACE_CROPS.dtypes)
    assert (len(tables.face_crops), len(tables.frames)) == (0, 0)
