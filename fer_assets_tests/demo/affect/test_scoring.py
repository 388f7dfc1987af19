from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import f1_score

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_TASKS
from fer_assets.demo.affect.casting import scripts
from fer_assets.demo.affect.scoring import (
    FLOORS,
    AffectRun,
    annotations_read,
    below_floors,
    frames_found,
    people_apart,
    report,
    score_run,
    true_scores,
)
from fer_assets.demo.affect.truth import AffectTruth, truth_of
from fer_assets_tests.demo.affect.tiny import TINY

AFFECT = ["valence", "arousal"]
EXCLUDED = "p002-2"  # no valid annotation


@pytest.fixture(scope="module")
def truth() -> AffectTruth:
    return truth_of(scripts(TINY))


@pytest.fixture(scope="module")
def run(truth: AffectTruth) -> AffectRun:
    """A run that read and predicted everything as it is."""
    named = truth.frames.rename({"name": "video_id"})
    told = named.join(
        truth.videos.filter(pl.col("set") != "test").select(video_id="name"), on="video_id"
    ).filter(pl.col("is_annotated"))
    annotations = [
        told.filter(pl.col("has_face") | pl.lit(task != "MTL")).with_columns(task=pl.lit(task))
        for task in AFFECT_TASKS
    ]
    predictions = named.with_columns(pl.col("expression").fill_null("neutral"))
    return AffectRun(
        videos=truth.videos.select(video_id="name", name="name"),
        frames=named.filter(pl.col("has_face") & (pl.col("video_id") != EXCLUDED)),
        annotations=pl.concat([_only(rows, rows["task"][0]) for rows in annotations]),
        predictions=pl.concat(
            [predictions.with_columns(task=pl.lit(task)) for task in AFFECT_TASKS]
        ),
        head_videos=truth.videos.filter(pl.col("set") == "train").select(video_id="name"),
    )


def _only(rows: pl.DataFrame, task: str) -> pl.DataFrame:
    """Rows with the columns of other tasks emptied."""
    own = {"EXPR": ["expression"], "VA": AFFECT, "AU": list(AFFECT_ACTION_UNITS)}
    others = [] if task == "MTL" else [c for part, cs in own.items() if part != task for c in cs]
    return rows.with_columns(pl.lit(None, rows.schema[name]).alias(name) for name in others)


def test_a_perfect_run_reaches_everything(run: AffectRun, truth: AffectTruth) -> None:
    figures = score_run(run, truth)
    alone = {"P_EXPR", "P_AU", "P_MTL"}  # with few frames not every class occurs
    for name, value in figures.items():
        if name not in alone:
            assert value == pytest.approx(1.0), name
    assert set(figures) == {name for name in FLOORS if not name.startswith("control")}


def test_scores_are_scikit_learns(run: AffectRun, truth: AffectTruth) -> None:
    rng = np.random.default_rng(0)
    frames = truth.frames.join(
        truth.videos.filter(pl.col("set") == "validation").select("name"), on="name", how="semi"
    )
    guess = frames.with_columns(
        pl.Series("expression", rng.choice(["neutral", "anger", "other"], len(frames))),
        *(pl.Series(unit, rng.random(len(frames)) < 0.3) for unit in AFFECT_ACTION_UNITS),
        *(pl.Series(name, rng.uniform(-1, 1, len(frames))) for name in AFFECT),
    )
    scores = true_scores(guess, truth, "MTL")
    known = frames["expression"].is_not_null()
    labels = ["neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise", "other"]
    assert scores["P_EXPR"] == pytest.approx(
        f1_score(
            frames["expression"].filter(known),
            guess["expression"].filter(known),
            labels=labels,
            average="macro",
            zero_division=0,
        )
    )
    assert scores["P_AU"] == pytest.approx(
        f1_score(
            frames.select(AFFECT_ACTION_UNITS).to_numpy(),
            guess.select(AFFECT_ACTION_UNITS).to_numpy(),
            average="macro",
            zero_division=0,
        )
    )
    target, found = frames["valence"].to_numpy(), guess["valence"].to_numpy()
    spread = target.var() + found.var() + (target.mean() - found.mean()) ** 2
    covariance = ((target - target.mean()) * (found - found.mean())).mean()
    assert scores["CCC_V"] == pytest.approx(2 * covariance / spread)
    assert scores["P_MTL"] == pytest.approx(scores["P_EXPR"] + scores["P_VA"] + scores["P_AU"])


def test_a_frame_that_nobody_predicted_gives_no_score(run: AffectRun, truth: AffectTruth) -> None:
    few = run.predictions.rename({"video_id": "name"}).filter(pl.col("frame") > 1)
    assert np.isnan(true_scores(few, truth, "MTL")["P_MTL"])


def test_wrong_missing_and_made_up_annotations_count(run: AffectRun, truth: AffectTruth) -> None:
    read = run.annotations.rename({"video_id": "name"})
    assert annotations_read(read, truth) == 1.0
    assert annotations_read(read.filter(pl.col("task") != "VA"), truth) < 1
    assert annotations_read(read.with_columns(valence=-pl.col("valence")), truth) < 1
    beyond = read.head(1).with_columns(frame=pl.lit(9999, pl.Int32))
    assert annotations_read(pl.concat([read, beyond]), truth) < 1


def test_frames_that_are_missing_or_too_many_count(truth: AffectTruth) -> None:
    films = truth.videos.filter(pl.col("kind") == "film").select("name")
    there = truth.frames.filter("has_face").select("name", "frame")
    everywhere = truth.frames.select("name", "frame")
    in_films = everywhere.join(films, on="name", how="semi")
    found = in_films.join(there, on=["name", "frame"], how="semi")
    false = frames_found(everywhere, truth)
    assert false["film_faces_found"] == 1.0
    assert false["film_faces_true"] == pytest.approx(len(found) / len(in_films))
    assert false["crops_known"] < 1
    assert frames_found(there, truth)["crops_known"] < 1  # those of the excluded video, too
    assert frames_found(there.filter(pl.col("name") != EXCLUDED), truth)["crops_known"] == 1.0
    nothing = frames_found(there.clear(), truth)
    assert nothing["film_faces_found"] == 0.0
    assert np.isnan(nothing["film_faces_true"])


def test_a_head_that_learned_from_a_validation_person_is_seen(truth: AffectTruth) -> None:
    assert people_apart(truth.videos.select("name"), truth) < 1


def test_the_report_misses_what_is_low_missing_or_no_number() -> None:
    good = dict.fromkeys(FLOORS, 3.0)
    assert all(line["ok"] for line in report(good).values())
    lines = report(good | {"P_EXPR": float("nan"), "annotations_read": 0.999, "other": 1.0})
    assert not lines["P_EXPR"]["ok"]
    assert lines["P_EXPR"]["value"] is None
    assert not lines["annotations_read"]["ok"]
    assert "other" not in lines
    assert not report({})["P_VA"]["ok"]


def test_a_control_passes_only_where_it_misses_the_floor() -> None:
    at_floor = {"P_EXPR": FLOORS["P_EXPR"], "P_VA": FLOORS["P_VA"] - 0.01, "P_AU": float("nan")}
    assert below_floors(at_floor) == {
        "control_below_floor/EXPR": 0.0,
        "control_below_floor/VA": 1.0,
        "control_below_floor/AU": 1.0,
    }
