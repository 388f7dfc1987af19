"""Folders named after expressions: what counts, what does not, and never a guessed number."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from fer_assets.public_data.pictures import PublicDataError
from fer_assets.public_data.readers import image_folder
from fer_assets_tests.public_data.layouts import write_picture


def test_class_folders_at_any_depth_splits_and_rubbish(tmp_path: Path) -> None:
    for place in (
        "Happy/a.jpg", "data/train/4_Anger/b.PNG", "data/test/ANGRY_face/deep/c.webp",
        "val/sadness/d.bmp", "val/party/e.jpg", "f.jpg", "__MACOSX/Happy/._a.jpg",
        "Happy/.hidden.jpg", "Happy/Thumbs.db", "Happy/notes.txt",
    ):  # fmt: skip
        write_picture(tmp_path / place)
    images = image_folder.read(tmp_path)
    assert Counter(images.targets) == {"smiling": 1, "angry": 2, "sad": 1}
    assert images.people is None
    assert images.left_out == {
        "hidden file or a system's own": 3,
        "in a folder whose name means no expression": 1,
        "in no class folder": 1,
        "not a picture file": 1,
    }
    assert images.unknown_names == ("party",)
    test_only = image_folder.read(tmp_path, splits=("test",))
    assert test_only.targets == ("angry",)
    assert test_only.left_out["in split train"] == 1


def test_numbers_are_not_guessed_but_may_be_said(tmp_path: Path) -> None:
    for place in ("0/a.jpg", "1/b.jpg", "2/c.jpg"):
        write_picture(tmp_path / place)
    with pytest.raises(PublicDataError, match=r"differs between data sets\. Say what the numbers"):
        image_folder.read(tmp_path)
    images = image_folder.read(tmp_path, classes={"0": "angry", "1": "happiness", "2": ""})
    assert images.targets == ("angry", "smiling")
    assert images.left_out == {"of a class that is left out on request": 1}


def test_equal_files_count_once_and_contradictions_not_at_all(tmp_path: Path) -> None:
    first = write_picture(tmp_path / "happy" / "a.jpg")
    shutil.copy(first, tmp_path / "happy" / "b.jpg")
    sad = write_picture(tmp_path / "sad" / "c.jpg")
    shutil.copy(sad, tmp_path / "happy" / "d.jpg")
    write_picture(tmp_path / "sad" / "e.jpg")
    images = image_folder.read(tmp_path)
    assert [path.name for path in images.paths] == ["a.jpg", "e.jpg"]
    assert images.left_out == {"same file again": 1, "same file under two classes": 2}


def test_people_only_if_said(tmp_path: Path) -> None:
    for place in ("happy/P1/a.jpg", "happy/P2/b.jpg", "sad/P1/c.jpg", "sad/d.jpg"):
        write_picture(tmp_path / place)
    assert image_folder.read(tmp_path).people is None
    images = image_folder.read(tmp_path, people_from="folder")
    assert images.people == ("P1", "P2", "P1")
    assert images.left_out == {"in no person's folder": 1}


def test_a_linked_folder_does_not_go_round_in_circles(tmp_path: Path) -> None:
    write_picture(tmp_path / "happy" / "a.jpg")
    (tmp_path / "happy" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert len(image_folder.read(tmp_path)) == 1


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(PublicDataError, match=r"found no file\. Rename"):
        image_folder.read(tmp_path)
