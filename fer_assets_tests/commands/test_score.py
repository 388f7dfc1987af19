"""What `fer-assets score` takes and prints; scoring itself is tested in benchmarks and lines."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from fer_assets.benchmarks.picture_scores import Ensemble, score_pictures
from fer_assets.commands import score as command
from fer_assets.public_data.reading import read_labelled_pictures
from fer_assets_tests.benchmarks.test_picture_scores import CLASSES, _tools, by_brightness
from fer_assets_tests.public_data.layouts import write_picture


def test_prints_the_label_table() -> None:
    done = CliRunner().invoke(command.score, ["--labels", "--json"])
    rows = json.loads(done.output)
    assert {row["benchmark"] for row in rows} == {"ck-plus", "cafe", "aff-wild2"}
    fear = next(row for row in rows if row["label"] == "fear (4)")
    assert fear["expression"] == "scared"
    assert not fear["ekman"]
    assert "no prompt of the paper" in fear["why_not"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Say which FOLDER"),
        (["nowhere"], "does not exist"),
        ([".", "--class", "0:angry"], "write NAME=EXPRESSION"),
        ([".", "--out", "scores.xls"], ".json, .csv or .parquet"),
    ],
)
def test_usage_errors(arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(command.score, arguments)
    assert done.exit_code == 2
    assert message in done.output


@pytest.mark.parametrize("suffix", [".json", ".csv", ".parquet"])
def test_prints_scores_what_was_left_out_and_confusions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    folder = tmp_path / "faces"
    for name, level in (("Angry", 20), ("Happy", 170), ("Sad", 20), ("Contempt", 9)):
        write_picture(folder / name / "a.jpg", level)
    write_picture(folder / "Fearfull" / "a.jpg")
    images = read_labelled_pictures(folder)
    ensemble = Ensemble(CLASSES, (by_brightness,))
    found = score_pictures(images, "faces", ensemble, _tools())
    monkeypatch.setattr(command, "_score", lambda *given: ("pooled/final", found))
    out = tmp_path / "out" / f"scores{suffix}"
    done = CliRunner().invoke(command.score, [str(folder), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "read as image-folder: 3 pictures scored" in done.output
    assert "left out: 1 contempt: not a class of the checkpoint" in done.output
    assert "left out: 1 in a folder whose name means no expression" in done.output
    assert "mean no expression: Fearfull" in done.output
    assert "Fearfull" not in json.dumps(found.facts())
    assert "note: ekman-5: no picture of disgust, surprise" in done.output
    assert "note: who is pictured is not known: no interval" in done.output
    order = [line.split()[0] for line in done.output.splitlines() if " macro_f1 " in line]
    assert order == ["shared-classes", "ekman-5", "all-classes"]
    assert "true class by row" in done.output
    if suffix == ".json":
        told = json.loads(out.read_text())
        assert told["n_scored"] == 3
        assert told["checkpoint"] == "pooled/final"
        assert len(told["scores"]) == found.scores.height
    else:
        read = pl.read_csv(out) if suffix == ".csv" else pl.read_parquet(out)
        accuracy = read.filter(pl.col("metric") == "accuracy")["value"].to_list()
        assert np.allclose(accuracy, 2 / 3)
