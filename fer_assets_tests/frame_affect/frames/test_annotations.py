"""All annotations together, and videos in two sets."""

from __future__ import annotations

import pytest

from fer_assets.frame_affect.frames.annotations import (
    AnnotationError,
    find_annotations,
    refuse_leaks,
)
from fer_assets_tests.public_data.abaw_layout import NO_UNITS, write_annotation, write_list


def _root(folder):
    write_annotation(folder, "EXPR", "train", "a", [0, 1])
    write_annotation(folder, "EXPR", "validation", "b", [2])
    write_annotation(folder, "VA", "validation", "a", ["0,0"])
    write_list(folder, "train", [f"a/00001.jpg,0,0,0,{NO_UNITS}", f"c/00001.jpg,0,0,0,{NO_UNITS}"])
    (folder / "annotations" / "AU_test_set.txt").write_text("d\ne/00007.jpg\n")
    return folder / "annotations"


def test_by_task_set_and_name(tmp_path):
    found = find_annotations(_root(tmp_path))
    assert [(a.task, a.set, a.name) for a in found] == [
        ("EXPR", "train", "a"),
        ("EXPR", "validation", "b"),
        ("VA", "validation", "a"),
        ("AU", "test", "d"),
        ("AU", "test", "e"),
        ("MTL", "train", "a"),
        ("MTL", "train", "c"),
    ]
    assert [len(a.read() or ()) for a in found] == [2, 1, 1, 0, 0, 1, 1]
    assert [a.last_frame for a in found if a.set == "test"] == [0, 7]


def test_a_video_of_a_list_has_its_own_digest(tmp_path):
    root = _root(tmp_path)
    before = {a.name: a.sha256 for a in find_annotations(root) if a.task == "MTL"}
    write_list(
        tmp_path, "train", [f"c/00001.jpg,0,0,1,{NO_UNITS}", f"a/00001.jpg,0,0,0,{NO_UNITS}"]
    )
    after = {a.name: a.sha256 for a in find_annotations(root) if a.task == "MTL"}
    assert before["a"] == after["a"]
    assert before["c"] != after["c"]


def test_nothing_there(tmp_path):
    (tmp_path / "annotations").mkdir()
    with pytest.raises(AnnotationError, match="none of them"):
        find_annotations(tmp_path / "annotations")
    with pytest.raises(AnnotationError, match="no such folder"):
        find_annotations(tmp_path / "elsewhere")


def test_different_tasks_may_share_a_video(tmp_path):
    refuse_leaks(find_annotations(_root(tmp_path)), {})


@pytest.mark.parametrize(
    ("name", "ids", "said"),
    [
        (
            "a",
            {},
            "EXPR: a video in two sets; .* found a in EXPR_Classification_Challenge/Train_Set/a.txt"
            " and a in EXPR_Classification_Challenge/Validation_Set/a.txt",
        ),
        (
            "copy",
            {"a": "same", "copy": "same"},
            r"found a in .*Train_Set/a.txt and copy \(the same pictures\) in .*/copy.txt",
        ),
    ],
)
def test_a_leak_names_both_files(tmp_path, name, ids, said):
    root = _root(tmp_path)
    write_annotation(tmp_path, "EXPR", "validation", name, [3])
    with pytest.raises(AnnotationError, match=said):
        refuse_leaks(find_annotations(root), ids)


def test_a_test_set_leaks_too(tmp_path):
    root = _root(tmp_path)
    (root / "EXPR_test_set.txt").write_text("a\n")
    with pytest.raises(AnnotationError, match="one of test and train"):
        refuse_leaks(find_annotations(root), {})
    write_list(tmp_path, "validation", [f"a/00009.jpg,0,0,0,{NO_UNITS}"])
    (root / "EXPR_test_set.txt").unlink()
    with pytest.raises(AnnotationError, match=r"MTL: .*train_set.txt and a in .*validation_set"):
        refuse_leaks(find_annotations(root), {})
