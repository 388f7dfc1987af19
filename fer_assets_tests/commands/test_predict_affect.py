"""`fer-assets predict --affect` from end to end with a small untrained backbone and heads."""

from __future__ import annotations

import json

import av
import cv2
import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_EXPRESSIONS
from fer_assets.cli import cli
from fer_assets.errors import FerError
from fer_assets.media.image_codec import encode_jpeg
from fer_assets.media.writer import write_video
from fer_assets_tests.lines.frame_affect.stored_models import BACKBONE, KEY, affect_workspace

N_FRAMES, RATE_HZ = 24, 12


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("affect") / "root"
    affect_workspace(folder)
    return folder


@pytest.fixture
def predict(root, tmp_path, weights_folder, monkeypatch):
    monkeypatch.setenv("FER_WEIGHTS", str(weights_folder))
    monkeypatch.setenv("FER_DEVICE", "cpu")
    monkeypatch.chdir(tmp_path)

    def run(*arguments, at=root):
        command = ["--root", str(at), "predict", "--affect", *map(str, arguments)]
        return CliRunner().invoke(cli, command)

    return run


@pytest.fixture
def given(tmp_path):
    """A clip whose face is covered for three frames, a wall, and a picture."""
    pytest.importorskip("openpeople", reason="the demo's people are not installed")
    from fer_assets.demo.people import list_people, load_tiles

    folder = tmp_path / "given"
    folder.mkdir()
    tile = cv2.resize(load_tiles(list_people()[0], ["happy"])["happy"], (360, 240))
    wall = np.full((240, 360, 3), 99, np.uint8)
    frames = [wall if at in (10, 11, 12) else np.roll(tile, at, axis=1) for at in range(N_FRAMES)]
    write_video(folder / "clip.mp4", frames, frame_rate_hz=RATE_HZ, audio=None)
    write_video(folder / "wall.mp4", [wall] * 6, frame_rate_hz=RATE_HZ, audio=None)
    (folder / "photo.jpg").write_bytes(encode_jpeg(tile))
    return folder


def test_a_folder_gives_tables_plots_and_copies(predict, given, tmp_path):
    result = predict(given, "--json", "--challenge", KEY)
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert (record["model"], record["backbone"]) == (KEY, BACKBONE)
    files = {file["source"]: file for file in record["files"]}
    out = tmp_path / "predictions-given"
    assert (files["clip.mp4"]["faces"], files["clip.mp4"]["interpolated"]) == (21, 3)
    assert (out / files["clip.mp4"]["plot"]).read_bytes().startswith(b"\x89PNG")
    assert "nothing to plot" in files["photo.jpg"]["note"] and not files["photo.jpg"]["plot"]
    assert "no face" in files["wall.mp4"]["note"] and not files["wall.mp4"]["plot"]
    with av.open(str(out / files["clip.mp4"]["annotated"])) as container:
        assert sum(1 for _ in container.decode(video=0)) == N_FRAMES
    table = pl.read_parquet(out / "predictions.parquet")
    clip = table.filter(pl.col("source") == "clip.mp4")
    np.testing.assert_allclose(clip["time_s"], np.arange(N_FRAMES) / RATE_HZ, atol=1e-6)
    assert clip.filter(pl.col("status") == "interpolated")["frame"].to_list() == [10, 11, 12]
    probs = table.drop_nulls("track").select(f"prob_{name}" for name in AFFECT_EXPRESSIONS)
    np.testing.assert_allclose(probs.to_numpy().sum(axis=1), 1, atol=1e-5)
    assert table["valence"].is_between(-1, 1).all() and table["arousal"].is_between(-1, 1).all()
    written = json.loads((out / "predictions.json").read_text())
    assert (written["rate_hz"], written["smoothing"]) == (
        "all",
        {"method": "mean", "window_s": 0.5},
    )
    # As the head chose them, not 0.5.
    for unit, threshold in written["thresholds"].items():
        known = table.drop_nulls(unit)
        expected = (known[f"prob_{unit}"].to_numpy() >= np.float32(threshold)).tolist()
        assert known[unit].to_list() == expected
    assert list(written["thresholds"]) == list(AFFECT_ACTION_UNITS)
    csv = pl.read_csv(out / "predictions.csv", schema=table.schema)
    assert csv["status"].to_list() == table["status"].to_list()


def test_choices_are_kept(predict, given, tmp_path):
    run = f"va-{BACKBONE}-scores-linear-held-out"
    result = predict(
        given / "clip.mp4", "--challenge", f"{KEY}/{run}", "--rate", "6", "--smooth", "median",
        "--window", "0.3", "--no-annotate", "--out", tmp_path / "there",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert f"faces by {KEY}/{run}" in result.stdout
    written = json.loads((tmp_path / "there" / "predictions.json").read_text())
    assert written["smoothing"] == {"method": "median", "window_s": 0.3}
    assert (written["rate_hz"], written["columns"]) == (6.0, ["valence", "arousal"])
    table = pl.read_parquet(tmp_path / "there" / "predictions.parquet")
    assert table.height == 12 and table["expression"].is_null().all()
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == [
        "predictions.csv",
        "predictions.json",
        "predictions.parquet",
    ]


def test_wrong_use_and_what_is_not_there(predict, given, tmp_path):
    assert predict(given, "--checkpoint", "pooled").exit_code == 2
    plain = ["--root", str(tmp_path / "new"), "predict", str(given), "--challenge", KEY]
    assert CliRunner().invoke(cli, plain).exit_code == 2
    bare = predict(given, at=tmp_path / "new")
    assert isinstance(bare.exception, FerError) and "affect_heads" in str(bare.exception)
    odd = predict(given, "--challenge", "mood")
    assert isinstance(odd.exception, FerError) and f"Did you mean {KEY}" in str(odd.exception)
    assert not (tmp_path / "predictions-given").exists()


def test_a_real_video_without_a_face_at_its_end(predict, test_data, tmp_path):
    """HEVC of a variable rate: a row for every frame, at its own time."""
    path = test_data / "videos" / "hevc_vfr_face_noface.mov"
    result = predict(path, "--no-annotate", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    table = pl.read_parquet(tmp_path / "out" / "predictions.parquet")
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.pts is not None]
        shown = [float(p.pts * stream.time_base) for p in packets if not p.is_discard]
    times = table["time_s"].unique().sort()
    np.testing.assert_allclose(times, sorted(shown), atol=1e-3)
    assert table["status"][0] == "face" and table["status"][-1] == "no face"
