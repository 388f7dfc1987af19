"""Benchmarks scored end to end: a made-up classifier that sees brightness, drawn pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from fer_assets.benchmarks.face_search import FaceTools, SearchSettings
from fer_assets.benchmarks.picture_scores import (
    Ensemble,
    PictureScores,
    project_names,
    score_pictures,
    unreadable,
)
from fer_assets.compute.progress import reporting_to
from fer_assets.faces.detections import Detections
from fer_assets.public_data.pictures import LabelledPictures
from fer_assets.public_data.reading import read_labelled_pictures
from fer_assets_tests.public_data.layouts import write_picture

CLASSES = ("angry", "disgust", "sad", "smiling", "surprise")
LEVELS = dict(zip(CLASSES, (20, 70, 120, 170, 220), strict=True))


def by_brightness(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    distance = np.abs(crops.mean((1, 2, 3))[:, None] - np.array(list(LEVELS.values())))
    probs = np.exp(-distance / 10)
    return (probs / probs.sum(1, keepdims=True)).astype(np.float32)


def turned_round(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.ascontiguousarray(by_brightness(crops)[:, ::-1])


def _tools(without: int = -1) -> FaceTools:
    """A face fills every picture but those about as bright as `without`."""

    def detect(images: list[NDArray[np.uint8]]) -> list[Detections]:
        found = []
        for image in images:
            if abs(float(image.mean()) - without) < 8:
                found.append(Detections.none())
                continue
            height, width = image.shape[:2]
            box = np.array([[0.28 * width, 0.28 * height, 0.72 * width, 0.72 * height]], np.float32)
            landmarks = np.array([[0.4, 0.4], [0.6, 0.4], [0.5, 0.5], [0.4, 0.6], [0.6, 0.6]])
            scaled = (landmarks * [width, height])[None].astype(np.float32)
            found.append(Detections(box, np.ones(1, np.float32), scaled))
        return found

    return FaceTools(
        detect,
        lambda faces: np.ones(len(faces)),
        lambda image, landmarks: np.stack([np.full((8, 8, 3), image.mean(), np.uint8)]),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    names = {"angry": "Anger", "disgust": "disgusted", "sad": "sadness", "smiling": "HAPPY",
             "surprise": "3_surprise"}  # fmt: skip
    for expression, level in LEVELS.items():
        for number in range(3):
            write_picture(tmp_path / names[expression] / f"p{number}" / "x.jpg", level)
    write_picture(tmp_path / "Contempt" / "x.jpg", 5)
    (tmp_path / "Anger" / "broken.jpg").write_bytes(b"no picture")
    return tmp_path


def scored(images: LabelledPictures, *predict: object, **more: object) -> PictureScores:
    predictors = predict or (by_brightness,)
    ensemble = Ensemble(more.pop("classes", CLASSES), predictors)  # type: ignore[arg-type]
    return score_pictures(images, "ck-plus", ensemble, more.pop("tools", _tools()), **more)  # type: ignore[arg-type]


def value(found: PictureScores, protocol: str, metric: str, column: str = "value") -> object:
    wanted = (pl.col("protocol") == protocol) & (pl.col("metric") == metric)
    return found.scores.filter(wanted)[column].item()


def test_scores_with_counts_and_the_papers_figure(folder: Path) -> None:
    found = scored(read_labelled_pictures(folder))
    assert value(found, "ekman-5", "macro_f1") == 1
    assert value(found, "ekman-5", "macro_f1", "paper_value") == 0.65
    assert value(found, "ekman-5", "macro_f1", "low") is None
    assert found.n_scored == 15
    assert found.left_out == {"contempt: not a class of the checkpoint": 1,
                              "not a readable picture": 1}  # fmt: skip
    assert "shared-classes" not in set(found.scores["protocol"])
    wrong = scored(read_labelled_pictures(folder), turned_round)
    assert value(wrong, "all-classes", "accuracy") == pytest.approx(0.2)


def test_people_give_intervals_and_seeds_a_spread(folder: Path) -> None:
    from fer_assets.public_data.reading import ReadingSettings

    (folder / "Anger" / "broken.jpg").unlink()
    images = read_labelled_pictures(folder, ReadingSettings(people_from="folder"))
    found = scored(images, by_brightness, turned_round)
    assert value(found, "ekman-5", "accuracy") == pytest.approx(0.6)
    assert value(found, "ekman-5", "accuracy", "n_seeds") == 2
    assert value(found, "ekman-5", "accuracy", "n_people") == 3
    assert value(found, "ekman-5", "accuracy", "seed_sd") == pytest.approx(np.std([1, 0.2], ddof=1))
    assert value(found, "ekman-5", "accuracy", "low") is not None


def test_shared_classes_where_the_label_sets_differ(folder: Path) -> None:
    classes = ("angry", "disgust", "contempt", "sad", "happy")

    def predict(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        return by_brightness(crops)

    found = scored(read_labelled_pictures(folder), predict, classes=classes)
    assert found.left_out["surprise: not a class of the checkpoint"] == 3
    assert "class happy of the checkpoint is scored as smiling" in found.notes
    skipped = found.scores.filter(pl.col("protocol") == "ekman-5")
    assert set(skipped["status"]) == {"skipped"}
    assert "surprise" in skipped["reason"][0]
    assert value(found, "all-classes", "macro_f1", "n_images") == 13
    less = ("angry", "contempt", "neutral", "sad", "surprise")
    shared = scored(read_labelled_pictures(folder), predict, classes=less)
    assert value(shared, "shared-classes", "accuracy", "n_images") == 10
    assert any("no picture of neutral" in note for note in shared.notes)


def test_pictures_without_a_face_are_left_out_or_taken_whole(folder: Path) -> None:
    images = read_labelled_pictures(folder)
    photos = SearchSettings(crop_share=0.9)
    out = scored(images, tools=_tools(without=120), search=photos)
    assert out.left_out["no face found"] == 3
    assert out.n_whole == 0
    taken = scored(images, tools=_tools(without=120))
    assert taken.n_whole == 3
    assert taken.n_scored == 15
    assert "no face found" not in taken.left_out
    assert value(taken, "ekman-5", "accuracy") == 1  # rows are put back into their order
    never = SearchSettings(whole_picture="never")
    assert scored(images, tools=_tools(without=120), search=never).n_scored == 12


def test_threads_change_nothing_and_progress_is_shown(folder: Path) -> None:
    images = read_labelled_pictures(folder)
    seen: list[tuple[str, int, int]] = []
    with reporting_to(lambda label, done, total: seen.append((label, done, total))):
        one = scored(images)
    assert seen[-1] != seen[0]
    assert ("scoring ck-plus", 16, 16) in seen
    assert scored(images, workers=4).scores.equals(one.scores)


def test_every_picture_format_and_depth_is_read(tmp_path: Path) -> None:
    shade = np.full((30, 20, 3), 170, np.uint8)
    grey, deep = shade[..., 0], shade.astype(np.uint16) * 257
    alpha = np.dstack([shade, np.full((30, 20), 255, np.uint8)])
    pictures = {
        "a.JPG": shade, "b.png": grey, "c.webp": shade, "d.BMP": shade + 1, "e.tif": deep,
        "f.tiff": grey + 1, "g.PNG": alpha, "h.jpeg": grey,
    }  # fmt: skip
    (tmp_path / "happy").mkdir()
    for name, picture in pictures.items():
        data = cv2.imencode(Path(name).suffix.lower(), picture)[1]
        (tmp_path / "happy" / name).write_bytes(bytes(data))
    seen = []

    def predict(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        seen.extend(crops.mean((1, 2, 3)).tolist())
        return by_brightness(crops)

    found = scored(read_labelled_pictures(tmp_path), predict)
    assert found.n_scored == len(pictures)
    assert found.left_out == {}
    np.testing.assert_allclose(seen, 170, atol=2)


def test_nothing_to_score_says_why(folder: Path) -> None:
    none = FaceTools(lambda images: [Detections.none() for _ in images], lambda faces: np.ones(0),
                     _tools().align)  # fmt: skip
    found = scored(read_labelled_pictures(folder), tools=none)
    assert set(found.scores["status"]) == {"skipped"}
    assert "15 no face found" in found.scores["reason"][0]
    assert found.confusions.is_empty()


def test_unreadable_data_gives_rows_with_the_reason() -> None:
    found = unreadable("cafe", "expected this; found that")
    assert set(found.scores["status"]) == {"skipped"}
    assert set(found.scores["reason"]) == {"expected this; found that"}
    assert found.facts()["error"] == "expected this; found that"


def test_names_that_would_clash_stay() -> None:
    named, notes = project_names(("fear", "happy", "smile", "my-own"))
    assert named == ("scared", "happy", "smile", "my-own")
    assert notes == ("class fear of the checkpoint is scored as scared",)
