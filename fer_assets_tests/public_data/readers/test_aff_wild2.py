"""Aff-Wild2: one number per frame, seven or eight classes, frames without a label or a crop."""

from __future__ import annotations

from pathlib import Path

import pytest

from fer_assets.public_data.pictures import PublicDataError
from fer_assets.public_data.readers import aff_wild2
from fer_assets_tests.public_data.layouts import OLD_HEADER, write_aff_wild2

VIDEOS = {"10-60-1280x1920_right": [0, -1, 4, 7], "video2": [6, 6, 3], "video2_left": [1, 5]}


def test_reads_frames_by_their_line(tmp_path: Path) -> None:
    root = write_aff_wild2(tmp_path, VIDEOS, without=frozenset({("video2", 2)}))
    images = aff_wild2.read(root)
    rows = [
        (person, path.name, target)
        for person, path, target in zip(
            images.people or (), images.paths, images.targets, strict=True
        )
    ]
    assert rows == [
        ("10-60-1280x1920_right", "00001.jpg", "neutral"),
        ("10-60-1280x1920_right", "00003.jpg", "smiling"),
        ("video2", "00001.jpg", "surprise"),
        ("video2", "00003.jpg", "scared"),
        ("video2_left", "00001.jpg", "angry"),
        ("video2_left", "00002.jpg", "sad"),
    ]
    assert images.left_out == {
        "frames labelled other": 1,
        "frames without a label": 1,
        "labelled frames without a face crop": 1,
    }


def test_older_release_with_seven_classes(tmp_path: Path) -> None:
    root = write_aff_wild2(tmp_path, {"v": [2, 6]}, OLD_HEADER, "EXPR_Set")
    assert aff_wild2.read(root).targets == ("disgust", "surprise")
    write_aff_wild2(tmp_path, {"v": [2, 7]}, OLD_HEADER, "EXPR_Set")
    with pytest.raises(PublicDataError, match=r"v\.txt, line 3; expected -1 or a number below 7"):
        aff_wild2.read(root)


def test_takes_every_second_labelled_frame(tmp_path: Path) -> None:
    root = write_aff_wild2(tmp_path, {"v": [0, -1, 1, 2, 4]})
    images = aff_wild2.read(root, every=2)
    assert [path.name for path in images.paths] == ["00001.jpg", "00004.jpg"]
    assert images.left_out["labelled frames between those taken"] == 2


def test_says_what_is_missing(tmp_path: Path) -> None:
    root = write_aff_wild2(tmp_path, {"v": [0]})
    with pytest.raises(PublicDataError, match="no train annotations"):
        aff_wild2.read(root, split="train")
    with pytest.raises(PublicDataError, match="split train or validation"):
        aff_wild2.read(root, split="test")
    write_aff_wild2(root, {"v": [0]}, header="valence,arousal")
    with pytest.raises(PublicDataError, match="line 1; expected class names"):
        aff_wild2.read(root)
    (root / "cropped_aligned").rename(root / "frames")
    with pytest.raises(PublicDataError, match="no folder cropped_aligned"):
        aff_wild2.read(root)
