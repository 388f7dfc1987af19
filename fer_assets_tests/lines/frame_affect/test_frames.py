"""The step `annotated_frames` on folders of crops: every mismatch, copies, leaks, withdrawals."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from fer_assets.errors import FerError
from fer_assets.frame_affect.frames.crop_folders import FROM_ZERO, TWO_FILES
from fer_assets.frame_affect.frames.tables import NO_ANNOTATION, NO_FRAMES, NOT_ANNOTATED
from fer_assets.lines.frame_affect.checking import check_affect_challenge
from fer_assets.lines.frame_affect.frames import (
    ANNOTATED_FRAMES_STEP,
    SAME_CONTENT,
    video_table,
)
from fer_assets.lines.step import plan_step, run_step
from fer_assets.lines.workspace import open_workspace
from fer_assets.media.writer import write_video
from fer_assets.public_data.pictures import PublicDataError
from fer_assets.storage.planning import SUMMARY, RemovalError
from fer_assets.storage.tombstones import add_tombstones
from fer_assets_tests.public_data.abaw_layout import (
    NO_UNITS,
    start_challenge,
    write_annotation,
    write_crops,
    write_list,
)

KEY = "aff"
STEP = ANNOTATED_FRAMES_STEP


@pytest.fixture
def folder(tmp_path):
    """Two videos in EXPR train and validation, crops of all their frames."""
    folder = start_challenge(tmp_path / "challenges" / KEY)
    for name, set_name in (("a", "train"), ("b", "validation")):
        write_annotation(folder, "EXPR", set_name, name, [0, 1, 2])
        write_crops(folder, name, [1, 2, 3])
    return folder


def _open(folder, **options):
    return open_workspace(folder.parents[1], **options)


def _run(folder, **options):
    return run_step(STEP, _open(folder, **options), KEY)


def _table(folder, name):
    return _open(folder).data.table(STEP.asset, KEY, name)


def _videos(folder):
    rows = _table(folder, "affect_videos")
    return {name: rest for name, *rest in rows.select("name", "status", "reason").iter_rows()}


def _task(folder, name, task="EXPR"):
    rows = _table(folder, "video_tasks").join(_table(folder, "affect_videos"), on="video_id")
    return rows.filter((pl.col("name") == name) & (pl.col("task") == task)).row(0, named=True)


def test_frames_and_annotations_meet_by_number(folder):
    write_annotation(folder, "VA", "train", "a", ["0.5,-0.5", "-5,-5", "0,1"])
    write_list(folder, "train", [f"a/00003.jpg,-5,-5,4,{NO_UNITS}"])
    report = _run(folder)
    assert report.build.processed == 2
    frames = _table(folder, "annotated_frames")
    [video_id] = frames.filter(pl.col("file").str.starts_with("a/"))["video_id"].unique()
    mine = frames.filter(pl.col("video_id") == video_id)
    assert mine["frame"].to_list() == [1, 2, 3]
    assert mine["file"].to_list() == [f"a/0000{n}.jpg" for n in (1, 2, 3)]
    assert mine["face_id"].to_list() == [f"{video_id}/frame-{n}" for n in (1, 2, 3)]
    said = _table(folder, "frame_annotations").filter(pl.col("video_id") == video_id)
    assert list(said.select("task", "frame", "expression", "valence").iter_rows()) == [
        ("EXPR", 1, "neutral", None),
        ("EXPR", 2, "anger", None),
        ("EXPR", 3, "disgust", None),
        ("MTL", 3, "happiness", None),
        ("VA", 1, None, 0.5),
        ("VA", 3, None, 0.0),
    ]
    assert set(video_table(_open(folder), KEY)["name"]) == {"a", "b"}
    assert report.summary.figures["usable frames VA train"] == 2
    assert all(check.passed for check in report.summary.checks)
    assert {check.name for check in report.summary.checks} == set(STEP.checks)
    assert "annotations" in report.summary.pictures
    assert plan_step(STEP, _open(folder), KEY).is_current


def test_rows_and_frames_that_do_not_meet_are_counted(folder):
    write_annotation(folder, "EXPR", "train", "long", [0, -1, "nan", 3, 4, 5])
    write_crops(folder, "long", [1, 4])
    write_annotation(folder, "EXPR", "train", "short", [0])
    write_crops(folder, "short", [1, 2, 5])
    _run(folder)
    counts = ("n_rows", "n_annotated", "n_usable", "n_invalid", "n_not_finite", "n_beyond")
    row = _task(folder, "long")
    assert [row[name] for name in counts] == [6, 2, 2, 1, 1, 2]
    row = _task(folder, "short")
    assert [row[name] for name in counts] == [1, 1, 1, 0, 0, 0]
    assert row["n_without_row"] == 4


def test_a_film_beside_the_crops_tells_how_many_frames_there_are(folder):
    (folder / "videos").mkdir()
    write_crops(folder, "c_left", [2, 3])
    write_annotation(folder, "EXPR", "train", "c_left", [0] * 9)
    frames = (np.full((32, 32, 3), 9 * n, np.uint8) for n in range(7))
    write_video(folder / "videos" / "c.mp4", frames, frame_rate_hz=25, audio=None)
    _run(folder)
    row = _task(folder, "c_left")
    assert [row[name] for name in ("n_annotated", "n_usable", "n_beyond")] == [7, 2, 2]
    assert _videos(folder)["c_left"] == ["accepted", None]


def test_what_can_not_be_used_has_a_reason(folder):
    write_annotation(folder, "AU", "train", "bad", [NO_UNITS] * 2)
    write_crops(folder, "bad", [1, 2])
    write_annotation(folder, "EXPR", "train", "none", [0])
    write_annotation(folder, "EXPR", "train", "empty", [0])
    write_crops(folder, "empty", [])
    write_crops(folder, "unknown", [1])
    for name, number in (("twice", 1), ("zero", 0)):
        write_annotation(folder, "EXPR", "train", name, [0, 0])
        write_crops(folder, name, [1, 2])
        shutil.copy(
            folder / "cropped_aligned" / "a" / "00001.jpg",
            folder / "cropped_aligned" / name / f"{number}.jpeg",
        )
    report = _run(folder)
    found = _videos(folder)
    assert found["bad"] == ["quarantined", "no task can use it"]
    assert _task(folder, "bad", "AU")["reason"] == NO_ANNOTATION
    assert found["none"] == found["empty"] == ["quarantined", NO_FRAMES]
    assert found["unknown"] == ["quarantined", NOT_ANNOTATED]
    assert found["twice"] == ["quarantined", TWO_FILES]
    assert found["zero"] == ["quarantined", FROM_ZERO]
    assert _task(folder, "none")["n_rows"] == 1
    assert set(_table(folder, "annotated_frames")["file"].str.slice(0, 2)) == {"a/", "b/"}
    checks = {check.name: check.passed for check in report.summary.checks}
    assert checks == {"has_annotations": True, "no_leak": True, "few_excluded": False}
    assert report.build.quarantined == 3


def test_one_changed_video_costs_one_video(folder):
    _run(folder)
    write_annotation(folder, "EXPR", "train", "a", [0, 1, 3])
    assert set(plan_step(STEP, _open(folder), KEY).due) == {_task(folder, "a")["video_id"]}
    write_crops(folder, "c", [1])
    write_annotation(folder, "EXPR", "train", "c", [1])
    report = _run(folder)
    assert report.build.processed == 2
    assert report.build.reused == 1
    (folder / "cropped_aligned" / "a" / "00002.jpg").rename(
        folder / "cropped_aligned" / "a" / "2.jpg"
    )
    assert _run(folder).build.processed == 1
    assert "a/2.jpg" in _table(folder, "annotated_frames")["file"]


def test_copies(folder):
    shutil.copytree(folder / "cropped_aligned" / "a", folder / "cropped_aligned" / "twin")
    write_annotation(folder, "VA", "validation", "twin", ["0,0"])
    _run(folder)
    found = _videos(folder)
    assert found["a"] == ["accepted", None]
    assert found["twin"] == ["duplicate", SAME_CONTENT]
    assert _task(folder, "a", "VA")["set"] == "validation"
    write_annotation(folder, "EXPR", "validation", "twin", [0])
    with pytest.raises(FerError, match=r"EXPR: a video in two sets; .*a\.txt and twin"):
        plan_step(STEP, _open(folder), KEY)


def test_a_video_in_two_sets_is_an_error(folder):
    write_annotation(folder, "EXPR", "validation", "a", [0])
    with pytest.raises(FerError, match=r"Train_Set/a\.txt and a in .*Validation_Set/a\.txt"):
        _run(folder)
    with pytest.raises(FerError, match="two sets"):
        check_affect_challenge(_open(folder), KEY)


def test_a_bad_line_names_its_file_and_keeps_what_was_good(folder):
    _run(folder)
    before = _table(folder, "frame_annotations")
    write_annotation(folder, "EXPR", "train", "a", [0, 9])
    with pytest.raises(PublicDataError, match=r"Train_Set/a\.txt, line 3; .* found 9"):
        _run(folder)
    assert _table(folder, "frame_annotations").equals(before)
    with pytest.raises(PublicDataError, match="line 3"):
        check_affect_challenge(_open(folder), KEY)


def test_test_lists_bring_videos_without_annotation(folder):
    (folder / "annotations" / "MTL_Challenge_test_set_release.txt").write_text(
        "image\nt/00001.jpg\nt/00009.jpg\n"
    )
    write_crops(folder, "t", [1, 2])
    _run(folder)
    row = _task(folder, "t", "MTL")
    assert (row["set"], row["status"], row["n_rows"]) == ("test", "used", 0)
    known = video_table(_open(folder), KEY).filter(pl.col("name") == "t")
    assert known.select("n_frames", "n_crops").row(0) == (9, 2)


def test_without_folders_it_says_what_is_missing(folder):
    shutil.rmtree(folder / "cropped_aligned")
    with pytest.raises(FerError, match=r"expected crops in .* or films in"):
        _run(folder)
    shutil.rmtree(folder / "annotations")
    write_crops(folder, "a", [1])
    with pytest.raises(FerError, match="EXPR_Classification_Challenge"):
        _run(folder)


def test_many_vanished_videos_need_a_word(folder):
    for number in range(4):
        write_annotation(folder, "EXPR", "train", f"v{number}", [0])
        write_crops(folder, f"v{number}", [1])
    _run(folder)
    for number in range(4):
        shutil.rmtree(folder / "cropped_aligned" / f"v{number}")
    with pytest.raises(RemovalError):
        _run(folder)
    report = _run(folder, confirms_removal=True)
    assert report.build.removed == 4
    assert _videos(folder)["v0"] == ["quarantined", NO_FRAMES]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("video", None),
        ("file", f"{KEY}/cropped_aligned/a"),
        ("name", f"{KEY}/a"),
        ("uploader", "anna"),
    ],
)
def test_who_withdrew_stays_out(folder, kind, name):
    (folder / "uploads.csv").write_text("file,uploader\na,anna\nb,bert\n")
    _run(folder)
    rows = _table(folder, "affect_videos")
    of_a = rows.filter(pl.col("name") == "a").row(0, named=True)
    subject = {"video": of_a["video_id"], "uploader": of_a["uploader_id"]}.get(kind, name)
    add_tombstones(_open(folder).store, kind, [subject])
    if kind != "video":
        # cropped anew it is another content, and still the same video
        write_crops(folder, "a", [1, 2, 3, 4], level=30)
    _run(folder, confirms_removal=True)
    for table in ("affect_videos", "annotated_frames", "video_tasks", "frame_annotations"):
        assert of_a["video_id"] not in _table(folder, table)["video_id"]
    assert set(_table(folder, "affect_videos")["name"]) == {"b"}
    assert _table(folder, "annotated_frames").height == 3


def test_a_withdrawn_video_is_no_leak(folder):
    write_annotation(folder, "EXPR", "validation", "a", [0])
    add_tombstones(_open(folder).store, "name", [f"{KEY}/a"])
    _run(folder)
    assert set(_videos(folder)) == {"b"}


def test_policy_keeps_videos_out(folder):
    toml = folder / "challenge.toml"
    toml.write_text(toml.read_text() + "[policy]\nminimum_age = 18\n")
    (folder / "uploads.csv").write_text("file,uploader,age\na,anna,16\nb,bert,30\n")
    report = _run(folder)
    assert report.build.quarantined == 1
    assert set(_videos(folder)) == {"b"}


def test_a_killed_run_ends_in_the_same(folder, tmp_path):
    write_annotation(folder, "EXPR", "train", "z", [0])
    write_crops(folder, "z", [1])
    whole = shutil.copytree(tmp_path, tmp_path.parent / f"{tmp_path.name}-whole")
    run_step(STEP, open_workspace(whole), KEY)
    outputs = STEP.work

    def killed(workspace, partition, due):
        for n, output in enumerate(outputs(workspace, partition, due)):
            if n == 1:
                raise KeyboardInterrupt
            yield output

    with pytest.raises(KeyboardInterrupt):
        run_step(replace(STEP, work=killed), _open(folder), KEY)
    report = _run(folder)
    assert report.build.processed == 2
    known = open_workspace(whole).data.manifest(STEP.asset, KEY).data_version
    assert _open(folder).data.manifest(STEP.asset, KEY).data_version == known
    assert SUMMARY in report.build.manifest.units


def test_checking_counts_what_the_step_will_read(folder):
    write_annotation(folder, "EXPR", "train", "none", [0, -1])
    write_crops(folder, "unknown", [1])
    shutil.copytree(folder / "cropped_aligned" / "a", folder / "cropped_aligned" / "twin")
    write_annotation(folder, "VA", "validation", "twin", ["0,0"])
    write_annotation(folder, "AU", "train", "x_left", [NO_UNITS])
    write_crops(folder, "x_left", [1])
    write_annotation(folder, "AU", "validation", "x_right", [NO_UNITS])
    write_crops(folder, "x_right", [1])
    findings = check_affect_challenge(_open(folder), KEY)
    assert findings == [
        "Affect: 4 annotated videos, 5 folders of crops with 11 crops, 0 films.",
        "EXPR: 1 train, 1 validation, 0 test videos; 7 of 8 rows are valid.",
        "VA: 0 train, 1 validation, 0 test videos; 1 of 1 rows are valid.",
        "AU: 1 train, 1 validation, 0 test videos; 0 of 2 rows are valid.",
        "1 annotated videos have neither crops nor a film.",
        "1 folders of crops are not annotated, and in no test list.",
        "1 videos are there under more than one name.",
        "1 times two people of one film are in different sets.",
        "No [policy]: say where the videos come from and on what terms.",
    ]
