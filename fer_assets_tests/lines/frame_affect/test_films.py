"""The step `annotated_frames` on own films with real faces."""

from __future__ import annotations

import shutil
from dataclasses import replace

import av
import cv2
import numpy as np
import polars as pl
import pytest

from fer_assets.frame_affect.frames.pictures import read_picture
from fer_assets.lines.frame_affect import frames as step
from fer_assets.lines.frame_affect.checking import check_affect_challenge
from fer_assets.lines.frame_affect.films import NO_FACE, NO_PAIR, TOO_CORRUPT
from fer_assets.lines.step import run_step
from fer_assets.lines.workspace import open_workspace
from fer_assets.media.writer import write_video
from fer_assets_tests.public_data.abaw_layout import start_challenge, write_annotation

KEY = "own"


def _pictures(path, count, side):
    """Every second frame, shrunk."""
    with av.open(path) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return [cv2.resize(frame, (side, side)) for frame in frames[: 2 * count : 2]]


@pytest.fixture(scope="module")
def films(tmp_path_factory, test_data):
    """One person with a gap of two grey frames, two people side by side, an empty room, dirt."""
    folder = tmp_path_factory.mktemp("films")
    one = _pictures(test_data / "videos" / "selfie_d12.mp4", 6, 224)
    other = _pictures(test_data / "videos" / "selfie_d3.mp4", 6, 224)
    grey = np.full((224, 224, 3), 120, np.uint8)
    made = {
        "solo": [*one[:3], grey, grey, *one[3:5]],
        "duet": [np.hstack(pair) for pair in zip(one, other, strict=True)],
        "room": [grey] * 4,
    }
    for name, frames in made.items():
        write_video(folder / f"{name}.mp4", frames, frame_rate_hz=12, audio=None)
    (folder / "dirt.mp4").write_bytes(bytes(2000))
    return folder


@pytest.fixture
def folder(tmp_path, films):
    folder = start_challenge(tmp_path / "challenges" / KEY)
    shutil.copytree(films, folder / "videos")
    return folder


@pytest.fixture
def run(folder, weights_folder):
    def start():
        workspace = replace(open_workspace(folder.parents[1]), weights=weights_folder)
        return workspace, run_step(step.ANNOTATED_FRAMES_STEP, workspace, KEY)

    return start


def test_every_frame_of_a_film(folder, run, monkeypatch):
    write_annotation(folder, "EXPR", "train", "solo", [0, 1, 2, 3, 4, 5, 6, 7, 0])
    write_annotation(folder, "EXPR", "train", "room", [0] * 4)
    write_annotation(folder, "EXPR", "train", "dirt", [0] * 4)
    write_annotation(folder, "EXPR", "train", "duet", [-1] * 6)
    workspace, report = run()
    videos = {
        row["name"]: row
        for row in workspace.data.table(
            report.build.manifest.place.asset, KEY, "affect_videos"
        ).iter_rows(named=True)
    }
    assert videos["solo"]["status"] == "accepted"
    assert (videos["solo"]["n_frames"], videos["solo"]["n_crops"]) == (7, 5)
    assert videos["solo"]["frame_rate_hz"] == pytest.approx(12)
    assert (videos["room"]["reason"], videos["room"]["n_frames"]) == (NO_FACE, 4)
    assert videos["dirt"]["reason"] == "not a media file, or cut off before its index"
    assert videos["duet"]["reason"] == "no task can use it"
    rows = workspace.data.table("frame_affect/annotated_frames", KEY)
    assert rows["frame"].to_list() == [1, 2, 3, 6, 7]
    np.testing.assert_allclose(rows["time_s"], (rows["frame"] - 1) / 12, atol=1e-3)
    assert read_picture(rows.row(0, named=True), None).shape == (180, 180, 3)
    tasks = workspace.data.table("frame_affect/annotated_frames", KEY, "video_tasks")
    solo = tasks.filter(pl.col("video_id") == videos["solo"]["video_id"]).row(0, named=True)
    assert [solo[n] for n in ("n_rows", "n_annotated", "n_usable", "n_beyond")] == [9, 7, 5, 2]

    def searched(*_):
        raise AssertionError("faces are searched for again")

    monkeypatch.setattr(step, "film_faces", searched)
    write_annotation(folder, "EXPR", "train", "solo", [7] * 7)
    workspace, report = run()
    assert report.build.processed == 1
    again = workspace.data.table("frame_affect/annotated_frames", KEY)
    assert again.equals(rows)


def test_two_people_of_one_film(folder, run):
    write_annotation(folder, "EXPR", "train", "duet_left", [4] * 6)
    write_annotation(folder, "EXPR", "train", "duet_right", [5] * 6)
    write_annotation(folder, "EXPR", "train", "solo_left", [4] * 7)
    workspace, _ = run()
    videos = workspace.data.table("frame_affect/annotated_frames", KEY, "affect_videos")
    known = {row["name"]: row for row in videos.iter_rows(named=True)}
    assert known["solo_left"]["reason"] == NO_PAIR
    assert known["duet_left"]["path"] == known["duet_right"]["path"] == "videos/duet.mp4"
    rows = workspace.data.table("frame_affect/annotated_frames", KEY)
    for name, is_side in (("duet_left", lambda x: x < 500), ("duet_right", lambda x: x > 500)):
        mine = rows.filter(pl.col("video_id") == known[name]["video_id"])
        assert mine["frame"].to_list() == [1, 2, 3, 4, 5, 6]
        places = mine["face_id"].str.extract(r"/(\d+)-\d+$").cast(pl.Int32)
        assert all(map(is_side, places))
        assert all(face.startswith(known[name]["video_id"]) for face in mine["face_id"])


def test_a_damaged_film_is_quarantined(folder, run):
    film = folder / "videos" / "solo.mp4"
    data = bytearray(film.read_bytes())
    start = data.index(b"mdat") + 4
    size = int.from_bytes(data[start - 8 : start - 4], "big")
    data[start + size // 5 : start + size - 20] = bytes(size - 20 - size // 5)
    film.write_bytes(data)
    for name in ("duet", "room", "dirt"):
        (folder / "videos" / f"{name}.mp4").unlink()
    write_annotation(folder, "EXPR", "train", "solo", [0] * 7)
    workspace, report = run()
    assert report.build.reasons == {"new": 1}
    row = workspace.data.table("frame_affect/annotated_frames", KEY, "affect_videos").filter(
        pl.col("name") == "solo"
    )
    assert row.select("status", "reason").row(0) == ("quarantined", TOO_CORRUPT)


def test_two_films_of_one_name_are_refused(folder, run):
    write_annotation(folder, "EXPR", "train", "solo", [0] * 7)
    (folder / "videos" / "more").mkdir()
    shutil.copy(folder / "videos" / "room.mp4", folder / "videos" / "more" / "solo.mp4")
    with pytest.raises(Exception, match=r"films called solo; .*more/solo.mp4 and solo.mp4"):
        run()


def test_films_that_nothing_is_said_about_are_there_to_be_predicted(folder, run):
    shutil.rmtree(folder / "annotations", ignore_errors=True)
    workspace, report = run()
    data, asset = workspace.data, "frame_affect/annotated_frames"
    videos = {row["name"]: row for row in data.table(asset, KEY, "affect_videos").to_dicts()}
    assert {name: row["status"] for name, row in videos.items()} == {
        "solo": "accepted",
        "duet": "accepted",
        "room": "quarantined",
        "dirt": "quarantined",
    }
    assert data.table(asset, KEY, "video_tasks").is_empty()
    frames = data.table(asset, KEY).filter(pl.col("video_id") == videos["solo"]["video_id"])
    assert frames["frame"].to_list() == [1, 2, 3, 6, 7]
    assert report.summary.figures["videos without annotation"] == 2
    checks = {check.name: check.passed for check in report.summary.checks}
    assert not checks["has_annotations"]
    assert any(
        "4 films are not annotated" in line for line in check_affect_challenge(workspace, KEY)
    )
