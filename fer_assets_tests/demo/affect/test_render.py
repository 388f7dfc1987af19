from __future__ import annotations

import hashlib
from pathlib import Path

import av
import cv2
import numpy as np
import polars as pl
import pytest

from fer_assets.challenges.reading import load_challenge
from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_EXPRESSIONS
from fer_assets.demo.affect.casting import CHALLENGE, scripts
from fer_assets.demo.affect.render import render_affect_demo
from fer_assets.demo.affect.truth import AffectTruth, read_truth, truth_of
from fer_assets.public_data.abaw.action_units import read_action_units
from fer_assets.public_data.abaw.expressions import read_expressions
from fer_assets.public_data.abaw.layout import find_files
from fer_assets.public_data.abaw.multi_task import read_multi_task
from fer_assets.public_data.abaw.test_lists import read_test_list
from fer_assets.public_data.abaw.valence_arousal import read_valence_arousal
from fer_assets_tests.demo.affect.tiny import TINY


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    render_affect_demo(folder, TINY)
    return folder


@pytest.fixture(scope="module")
def truth(root: Path) -> AffectTruth:
    return read_truth(root / "truth")


def _challenge(root: Path) -> Path:
    return root / "challenges" / CHALLENGE


def _digests(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def _rows(truth: AffectTruth, video: str) -> pl.DataFrame:
    """What the video's files should say, row by row, rows too few or too many included."""
    rows = truth.frames.filter(pl.col("name") == video)
    count = truth.videos.filter(pl.col("name") == video)["n_rows"][0]
    return rows.head(count) if count <= len(rows) else rows


def test_rendering_twice_gives_the_same_bytes(root: Path, tmp_path: Path) -> None:
    render_affect_demo(tmp_path, TINY)
    assert _digests(tmp_path) == _digests(root)


def test_a_killed_run_goes_on_and_ends_in_the_same_bytes(root: Path) -> None:
    before = _digests(root)
    folder = _challenge(root) / "cropped_aligned"
    kept = _challenge(root) / "videos" / "film-1.mp4"
    kept_at = kept.stat().st_mtime_ns
    (folder / "p001-1" / "00001.jpg").write_bytes(b"half")
    (folder / "p001-2" / "00002.jpg").unlink()
    (folder / ".p003-1.123.part").mkdir()
    (root / "truth" / "rendered" / "p007-1.json").write_text("{")
    next((root / "photos").rglob("*.jpg")).unlink()
    render_affect_demo(root, TINY)
    assert _digests(root) == before
    assert kept.stat().st_mtime_ns == kept_at


def test_what_somebody_added_stays(root: Path) -> None:
    own = _challenge(root) / "cropped_aligned" / "mine"
    own.mkdir()
    render_affect_demo(root, TINY)
    assert own.is_dir()
    own.rmdir()


def test_the_truth_on_disk_is_that_of_the_scripts(truth: AffectTruth) -> None:
    expected = truth_of(scripts(TINY))
    assert truth.frames.equals(expected.frames)
    assert truth.videos.equals(expected.videos)


def test_the_challenge_loads(root: Path) -> None:
    challenge = load_challenge(_challenge(root))
    assert challenge.kind == "affect"
    assert challenge.frames is not None
    assert challenge.frames.is_dir()
    assert challenge.annotations is not None
    assert challenge.annotations.is_dir()


def test_the_official_files_say_what_is_true(root: Path, truth: AffectTruth) -> None:
    files = find_files(_challenge(root) / "annotations")
    videos = truth.videos.filter(pl.col("set") != "test")
    for name, part, count in videos.select("name", "set", "n_rows").iter_rows():
        rows = _rows(truth, name)
        valid = rows["is_annotated"].to_numpy()
        classes = read_expressions(files.videos["EXPR", part][name])
        affect = read_valence_arousal(files.videos["VA", part][name])
        units = read_action_units(files.videos["AU", part][name])
        assert len(classes) == len(affect) == len(units) == count
        expected = [
            AFFECT_EXPRESSIONS.index(value) if value and is_valid else -1
            for value, is_valid in zip(rows["expression"], valid, strict=True)
        ]
        shown = slice(0, len(rows))
        assert classes.expressions[shown].tolist() == expected
        place = rows.select("valence", "arousal").to_numpy().astype(np.float32)
        place[~valid] = np.nan
        np.testing.assert_array_equal(affect.valence_arousal[shown], place)
        present = rows.select(AFFECT_ACTION_UNITS).to_numpy().astype(np.int8)
        present[~valid] = -1
        np.testing.assert_array_equal(units.action_units[shown], present)


def test_the_lists_name_each_crop_and_each_test_video(root: Path, truth: AffectTruth) -> None:
    files = find_files(_challenge(root) / "annotations")
    for part in ("train", "validation"):
        found = read_multi_task(files.lists[part])
        videos = truth.videos.filter(pl.col("set") == part)["name"].to_list()
        assert sorted(found) == videos
        for name in videos:
            rows = _rows(truth, name).filter("has_face")
            assert found[name].frames.tolist() == rows["frame"].to_list()
            valid = rows["is_annotated"].to_numpy()
            np.testing.assert_array_equal(np.isnan(found[name].valence_arousal[:, 0]), ~valid)
    tests = truth.videos.filter(pl.col("set") == "test")["name"].to_list()
    for task in ("EXPR", "VA", "AU", "MTL"):
        assert list(read_test_list(files.tests[task])) == tests


def test_crops_are_there_but_for_missing_faces(root: Path, truth: AffectTruth) -> None:
    for name in truth.videos.filter(pl.col("kind") == "crops")["name"]:
        frames = truth.frames.filter((pl.col("name") == name) & pl.col("has_face"))["frame"]
        folder = _challenge(root) / "cropped_aligned" / name
        assert sorted(path.name for path in folder.iterdir()) == [
            f"{frame:05d}.jpg" for frame in frames
        ]
        assert cv2.imread(str(folder / "00001.jpg")).shape == (112, 112, 3)
    assert not truth.frames["has_face"].all()


def test_a_crop_shows_who_and_what_the_truth_says(root: Path) -> None:
    """Crops at two apexes of one person differ less from their own photos than from each other."""
    script = next(s for s in scripts(TINY) if s.name == "p001-1")
    folder = _challenge(root) / "cropped_aligned" / script.name
    missing = {frame for span in script.missing for frame in range(span.first, span.last + 1)}
    for key in script.keys[1:-1]:
        frame = next((f for f in range(key.first, key.last + 1) if f not in missing), None)
        if frame is None:
            continue
        crop = _grey(folder / f"{frame:05d}.jpg")
        own, other = _folder_of(root, key.tile), _folder_of(root, "neutral")
        if own and key.tile in ("surprised", "shocked", "happy", "disgusted"):
            assert _mouth_distance(crop, own) < _mouth_distance(crop, other)


def _folder_of(root: Path, tile: str) -> list[Path]:
    return sorted((root / "photos" / "expressions").glob(f"*/p001-{tile}-*.jpg"))


def _grey(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)[60:112, 24:88].astype(float)
    return (picture - picture.mean()) / picture.std()


def _mouth_distance(crop: np.ndarray, photos: list[Path]) -> float:
    return min(float(np.abs(crop - _grey(path)).mean()) for path in photos)


def test_films_have_their_frames_and_nobody_in_the_gap(root: Path, truth: AffectTruth) -> None:
    with av.open(str(_challenge(root) / "videos" / "film-1.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    rows = truth.frames.filter(pl.col("name") == "film-1")
    assert len(frames) == len(rows)
    assert frames[0].shape == (360, 640, 3)
    middles = [frame[120:240, 260:380].astype(float) for frame in frames]
    detail = np.array([np.abs(np.diff(middle, axis=0)).mean() for middle in middles])
    has_face = rows["has_face"].to_numpy()
    assert detail[~has_face].max() < detail[has_face].min()


def test_photos_show_training_people_only(root: Path) -> None:
    people = {path.name for path in (root / "photos" / "identities").iterdir()}
    assert people == set(TINY.train)
    shown = {path.name[:4].upper() for path in (root / "photos").rglob("*.jpg")}
    assert shown == set(TINY.train)
