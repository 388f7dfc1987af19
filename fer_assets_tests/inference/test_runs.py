"""From a folder to a folder: every file has its line, and nothing is overwritten or left half."""

from __future__ import annotations

import json

import cv2
import numpy as np
import polars as pl
import pytest

from fer_assets.inference.files import PredictError, examine, list_files
from fer_assets.inference.runs import PredictSettings, predict_path
from fer_assets.inference.smoothing import Smoothing
from fer_assets.inference.table import table_schema
from fer_assets.media.guarded import GuardedDecoder
from fer_assets.media.image_codec import encode_jpeg
from fer_assets.media.writer import write_video


def png(image, flag=cv2.COLOR_RGB2BGR):
    is_done, data = cv2.imencode(".png", cv2.cvtColor(image, flag))
    assert is_done
    return data.tobytes()


@pytest.fixture(scope="module")
def folder(scene, tmp_path_factory):
    """Pictures of many kinds with the same face, videos, and what can't be used."""
    root = tmp_path_factory.mktemp("given")
    image = scene(240, 320, (0, 60, 20, 200))
    (root / "sub").mkdir()
    (root / "plain.JPG").write_bytes(encode_jpeg(image, 98))
    (root / "grey.png").write_bytes(png(image, cv2.COLOR_RGB2GRAY))
    (root / "sub" / "clear.png").write_bytes(png(np.dstack([image, image[..., :1]]), 5))
    deep = cv2.cvtColor(image, cv2.COLOR_RGB2BGR).astype(np.uint16) * 257
    (root / "deep.png").write_bytes(cv2.imencode(".png", deep)[1].tobytes())
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    for suffix in (".webp", ".bmp"):
        (root / f"other{suffix}").write_bytes(cv2.imencode(suffix, bgr)[1].tobytes())
    # A JPEG without its name's end, and text with one.
    (root / "no-suffix").write_bytes(encode_jpeg(image))
    (root / "text.jpg").write_text("no picture")
    (root / "cut.jpg").write_bytes(encode_jpeg(image)[:2000])
    (root / "empty.mp4").write_bytes(b"")
    (root / ".hidden.jpg").write_bytes(encode_jpeg(image))
    (root / "Thumbs.db").write_bytes(b"x")
    (root / "wall.png").write_bytes(png(np.full((40, 40, 3), 99, np.uint8)))
    frames = [scene(240, 320, (1, 40 + 5 * at, 20, 200)) for at in range(10)]
    write_video(root / "clip.mp4", frames, frame_rate_hz=10, audio=None)
    return root


@pytest.fixture(scope="module")
def done(folder, predictor, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "predictions"
    return predict_path(folder, out, predictor, PredictSettings(), {"checkpoint": "mine"})


def test_every_file_has_its_line(done):
    found = {file.source: (file.kind, file.reason or file.faces) for file in done.files}
    one = ("picture", 1)
    assert found == {
        "clip.mp4": ("video", 5),
        "cut.jpg": ("unusable", "not a readable picture"),
        "deep.png": one,
        "empty.mp4": ("unusable", "empty file"),
        "grey.png": one,
        "no-suffix": one,
        "other.bmp": one,
        "other.webp": one,
        "plain.JPG": one,
        "sub/clear.png": one,
        "text.jpg": ("unusable", "not a media file, or cut off before its index"),
        "wall.png": ("picture", 0),
    }
    assert done.n_faces == 12


def test_the_tables_hold_the_same_rows(done, predictor):
    table = pl.read_parquet(done.out / "predictions.parquet")
    assert dict(table.schema) == {k: v() for k, v in table_schema(predictor.layout).items()}
    assert table["status"].value_counts(sort=True).rows() == [
        ("face", 12),
        ("unusable", 3),
        ("no face", 1),
    ]
    csv = pl.read_csv(done.out / "predictions.csv", schema=table.schema)
    text = [name for name, dtype in table.schema.items() if dtype == pl.String]
    assert csv.select(text).equals(table.select(text))
    numbers = [name for name in table.columns if name.startswith(("prob", "x0", "time"))]
    a, b = (t.select(numbers).fill_null(-1).to_numpy() for t in (csv, table))
    np.testing.assert_allclose(a, b, atol=1e-5)
    faces = table.filter(pl.col("status") == "face")
    probs = faces.select(f"prob_{name}" for name in predictor.classes).to_numpy()
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(probs.max(axis=1), faces["prob"].to_numpy())
    clip = table.filter(pl.col("source") == "clip.mp4")
    np.testing.assert_allclose(clip["time_s"].to_numpy(), np.arange(5) / 5, atol=1e-6)
    assert clip["track"].to_list() == [0] * 5
    assert table.filter(pl.col("source") == "plain.JPG")["time_s"].to_list() == [None]


def test_copies_and_record(done, folder):
    record = json.loads((done.out / "predictions.json").read_text())
    assert (record["checkpoint"], record["rate_hz"]) == ("mine", 5.0)
    assert [file["source"] for file in record["files"]] == [f.source for f in done.files]
    for file in done.files:
        if file.kind == "unusable":
            assert not file.annotated
        else:
            assert (done.out / file.annotated).is_file()
    copy = cv2.imread(str(done.out / "annotated" / "plain.jpg"))
    source = cv2.imread(str(folder / "plain.JPG"))
    # Enlarged, so that letters can be read; the rim is as it was.
    assert copy.shape == (480, 640, 3)
    shrunk = cv2.resize(copy, (320, 240), interpolation=cv2.INTER_AREA)
    assert np.abs(shrunk[:, :30].astype(int) - source[:, :30]).mean() < 3
    assert np.abs(shrunk[:, 80:240].astype(int) - source[:, 80:240]).mean() > 3


def test_nothing_is_overwritten_unasked(done, folder, predictor, tmp_path):
    settings = PredictSettings(annotates=False)
    with pytest.raises(PredictError, match="--force"):
        predict_path(folder, done.out, predictor, settings, {})
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter.txt").write_text("keep me")
    with pytest.raises(PredictError, match="no prediction"):
        predict_path(folder, mine, predictor, PredictSettings(replaces=True), {})
    assert (mine / "letter.txt").read_text() == "keep me"


def test_force_replaces_what_is_ours(folder, predictor, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    settings = PredictSettings("all", Smoothing("median", 0.4), annotates=False, replaces=True)
    first = predict_path(folder / "plain.JPG", out, predictor, settings, {"n": 1})
    second = predict_path(folder / "clip.mp4", out, predictor, settings, {"n": 2})
    assert (first.n_faces, second.n_faces) == (1, 10)
    assert json.loads((out / "predictions.json").read_text())["n"] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]
    assert not (out / "annotated").exists()


def test_a_run_that_fails_leaves_nothing(folder, predictor, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fer_assets.inference.runs.draw_all", full)
    with pytest.raises(PredictError, match="No space left"):
        predict_path(folder / "plain.JPG", tmp_path / "out", predictor, PredictSettings(), {})
    assert list(tmp_path.iterdir()) == []


def test_results_inside_the_folder_are_not_predicted(folder, tmp_path):
    (tmp_path / "a.jpg").write_bytes((folder / "plain.JPG").read_bytes())
    (tmp_path / "out" / "annotated").mkdir(parents=True)
    (tmp_path / "out" / "annotated" / "a.jpg").write_bytes(b"x")
    assert [name for _, name in list_files(tmp_path, tmp_path / "out")] == ["a.jpg"]
    with pytest.raises(PredictError, match="no such file"):
        list_files(tmp_path / "gone")
    (tmp_path / "bare").mkdir()
    with pytest.raises(PredictError, match="no files"):
        list_files(tmp_path / "bare")


def test_a_video_is_told_by_its_content(folder, tmp_path):
    odd = tmp_path / "film.jpg"
    odd.write_bytes((folder / "clip.mp4").read_bytes())
    with GuardedDecoder() as decoder:
        film, gone = examine([(odd, "film.jpg"), (tmp_path / "gone", "gone")], decoder)
    assert film.video is not None and film.error is None
    assert gone.error is not None and gone.error.reason == "no such file"
