"""CK+: peak frames carry the code, first frames are neutral, uncoded sequences are counted."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from fer_assets.public_data.pictures import PublicDataError
from fer_assets.public_data.readers import ck_plus
from fer_assets_tests.public_data.layouts import write_ck_plus


def test_reads_peaks_firsts_and_people(tmp_path: Path) -> None:
    images = ck_plus.read(write_ck_plus(tmp_path))
    found = Counter(zip(images.people or (), images.targets, strict=True))
    assert found == {
        ("S005", "neutral"): 1,
        ("S005", "angry"): 3,
        ("S010", "neutral"): 2,
        ("S010", "smiling"): 2,  # three frames: the first stays neutral
        ("S010", "contempt"): 3,
    }
    angry = [path.name for path, target in zip(images.paths, images.targets, strict=True)
             if target == "angry"]  # fmt: skip
    assert angry == [f"S005_001_{n:08d}.png" for n in (4, 5, 6)]
    assert images.left_out == {
        "frames between neutral and peak": 3,
        "frames of sequences without an emotion code": 4,
        "hidden file or a system's own": 1,
    }


def test_one_peak_frame_and_a_folder_above(tmp_path: Path) -> None:
    write_ck_plus(tmp_path / "data" / "ck+")
    images = ck_plus.read(tmp_path, peak_frames=1)
    assert Counter(images.targets) == {"neutral": 3, "angry": 1, "smiling": 1, "contempt": 1}


def test_says_what_is_missing(tmp_path: Path) -> None:
    root = write_ck_plus(tmp_path)
    shutil.rmtree(root / "Emotion")
    with pytest.raises(PublicDataError, match="no folder Emotion"):
        ck_plus.read(root)
    (root / "Emotion").mkdir()
    with pytest.raises(PublicDataError, match="4 sequences, 0 codes"):
        ck_plus.read(root)
    shutil.rmtree(root / "cohn-kanade-images")
    with pytest.raises(PublicDataError, match="no folder cohn-kanade-images"):
        ck_plus.read(root)


def test_refuses_a_code_that_is_none(tmp_path: Path) -> None:
    root = write_ck_plus(tmp_path)
    (root / "Emotion/S005/001/S005_001_00000006_emotion.txt").write_text("9.0e+00")
    with pytest.raises(PublicDataError, match=r"0 to 7; found '9\.0e"):
        ck_plus.read(root)
