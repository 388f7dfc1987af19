"""Folders of pictures: what is read, under which class, what is left out and why."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from fer_assets.benchmarks.image_folder import expression_of, read_image_folder, score_image_folder
from fer_assets.benchmarks.scoring import ScoringError
from fer_assets.media.image_codec import encode_jpeg

CLASSES = ("angry", "disgust", "sad", "smiling", "surprise")
BRIGHTNESS = {"Anger": 20, "disgusted": 70, "sadness": 120, "Happy": 170, "Surprise": 220}


def picture(level: int) -> bytes:
    return encode_jpeg(np.full((40, 40, 3), level, np.uint8))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, level in BRIGHTNESS.items():
        folder = tmp_path / name / "subject-1"
        folder.mkdir(parents=True)
        for number in range(3):
            (folder / f"{number}.jpg").write_bytes(picture(level))
    (tmp_path / "Contempt").mkdir()
    (tmp_path / "Contempt" / "0.png").write_bytes(picture(5))
    (tmp_path / "Anger" / "notes.txt").write_text("read me")
    (tmp_path / "Anger" / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "Anger" / "black.jpg").write_bytes(picture(0))
    (tmp_path / "stray.jpg").write_bytes(picture(9))
    return tmp_path


def by_brightness(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    level = images.mean((1, 2, 3))[:, None]
    distance = np.abs(level - np.array([20, 70, 120, 170, 220]))
    probs = np.exp(-distance / 10)
    return (probs / probs.sum(1, keepdims=True)).astype(np.float32)


def crop(image: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    return image[:32, :32] if image.mean() > 2 else None


def test_reads_classes_by_synonym_and_counts_what_it_leaves_out(root: Path) -> None:
    folder = read_image_folder(root, CLASSES)
    assert len(folder.paths) == 17
    assert set(folder.targets) == set(CLASSES)
    assert folder.left_out == {
        "class contempt unknown to the classifier": 1,
        "in no class folder": 1,
        "not a JPEG or PNG": 1,
    }
    assert expression_of("Winking Face") == "winking-face"


def test_scores_what_can_be_scored(root: Path) -> None:
    folder = read_image_folder(root, CLASSES)
    result = score_image_folder(folder, "ck-plus", CLASSES, by_brightness, crop)
    ekman = result.scores.filter(
        (pl.col("protocol") == "ekman-5") & (pl.col("metric") == "macro_f1")
    )
    assert ekman["value"].item() == 1
    assert ekman["paper_value"].item() == 0.65
    assert ekman["n_images"].item() == 15
    assert ekman["n_people"].item() == 0
    assert ekman["low"].item() is None
    assert result.left_out["no face found"] == 1
    assert result.left_out["not a readable picture"] == 1
    wrong = score_image_folder(
        folder, "ck-plus", CLASSES, lambda images: by_brightness(images)[:, ::-1], crop
    )
    assert wrong.scores.filter(pl.col("metric") == "accuracy")["value"].max() == pytest.approx(0.2)


def test_a_folder_without_faces_gives_rows_that_say_so(root: Path) -> None:
    folder = read_image_folder(root, CLASSES)
    result = score_image_folder(folder, "cafe", CLASSES, by_brightness, lambda image: None)
    assert set(result.scores["status"]) == {"skipped"}
    assert "16 no face found" in result.scores["reason"][0]
    assert result.confusions.is_empty()


def test_a_missing_folder_says_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(ScoringError, match="benchmarks/NAME/CLASS"):
        read_image_folder(tmp_path / "cafe", CLASSES)
