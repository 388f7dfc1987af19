"""Where files are found in releases of different years, and lists of test sets."""

from __future__ import annotations

import pytest

from fer_assets.public_data.abaw.layout import find_files
from fer_assets.public_data.abaw.test_lists import read_test_list
from fer_assets.public_data.pictures import PublicDataError
from fer_assets_tests.public_data.abaw_layout import (
    NO_UNITS,
    write_annotation,
    write_crops,
    write_list,
)


def test_the_third_competition(tmp_path):
    for task, rows in (("EXPR", ["0"]), ("VA", ["0,0"]), ("AU", [NO_UNITS])):
        write_annotation(tmp_path, task, "train", "a", rows)
        write_annotation(tmp_path, task, "validation", "b_left", rows)
    for set_name in ("train", "validation"):
        write_list(tmp_path, set_name, [])
    write_crops(tmp_path, "test_expr", [1])
    root = tmp_path / "annotations"
    (root / "EXPR_Classification_Challenge" / "Train_Set" / "._a.txt").write_bytes(b"\x00")
    names = {
        "EXPR": "Expression_Classification_Challenge_test_set_release.txt",
        "VA": "Valence_Arousal_Estimation_Challenge_test_set_release.txt",
        "AU": "Action_Unit_Detection_Challenge_test_set_release.txt",
        "MTL": "MTL_Challenge_test_set_release.txt",
    }
    for name in names.values():
        (root / name).write_text("x\n")
    found = find_files(tmp_path)
    assert {key: list(files) for key, files in found.videos.items()} == {
        (task, name): ["a" if name == "train" else "b_left"]
        for task in ("EXPR", "VA", "AU")
        for name in ("train", "validation")
    }
    assert {name: file.name for name, file in found.lists.items()} == {
        "train": "train_set.txt",
        "validation": "validation_set.txt",
    }
    assert {task: file.name for task, file in found.tests.items()} == names


def test_other_years(tmp_path):
    for folder in ("AU_Set/Training_Set", "EXPR_Recognition_Challenge/Validation_Set"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "v.txt").write_text("x\n")
    (tmp_path / "training_set_annotations.txt").write_text("x\n")
    (tmp_path / "CVPR_6th_ABAW_VA_test_set_sample.txt").write_text("x\n")
    found = find_files(tmp_path)
    assert set(found.videos) == {("AU", "train"), ("EXPR", "validation")}
    assert set(found.lists) == {"train"}
    assert set(found.tests) == {"VA"}


def test_an_own_video_may_be_called_test(tmp_path):
    write_annotation(tmp_path, "EXPR", "train", "test_au", ["0"])
    found = find_files(tmp_path)
    assert list(found.videos["EXPR", "train"]) == ["test_au"]
    assert not found.tests
    (tmp_path / "empty").mkdir()
    assert not find_files(tmp_path / "empty")


def test_test_lists(tmp_path):
    file = tmp_path / "list.txt"
    file.write_text("video1\n10-60-1280x1920_left\nclip.mp4\n\n")
    assert read_test_list(file) == {"video1": (), "10-60-1280x1920_left": (), "clip": ()}
    file.write_text("image\na/00002.jpg,\na/00010.jpg,\nb/00001.jpg\n")
    assert read_test_list(file) == {"a": (2, 10), "b": (1,)}
    file.write_text("image_location,valence,arousal\na/00001.jpg,0,0\n")
    assert read_test_list(file) == {"a": (1,)}
    for image in ("b/00000.jpg", "b/20220101.jpg"):
        file.write_text(f"a\n{image}\n")
        with pytest.raises(PublicDataError, match=r"list.txt, line 2"):
            read_test_list(file)
    file.write_text("a\n../../etc\n")
    with pytest.raises(PublicDataError, match=r"list.txt, line 2; expected a video's name"):
        read_test_list(file)


def test_two_files_for_one_thing_are_refused(tmp_path):
    file = write_annotation(tmp_path, "EXPR", "train", "a", ["0"])
    file.with_suffix(".csv").write_text("x")
    with pytest.raises(PublicDataError, match=r"annotations a; .* found a.csv and a.txt"):
        find_files(tmp_path)
    file.unlink()
    write_list(tmp_path, "train", [])
    (tmp_path / "training_set_annotations.txt").write_text("x")
    with pytest.raises(PublicDataError, match=r"annotations train; .*training_set_annotations"):
        find_files(tmp_path)
