"""Training a release: who is held out, resuming, the same result twice, loading what came out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fer_assets.expressions.dataset import LabelledFaces, TrainingDataError, labelled_faces
from fer_assets.expressions.runs import FINAL, run_names
from fer_assets.expressions.train import (
    RunHooks,
    RunSettings,
    TrainedExpressions,
    train_expressions,
    train_runs,
)
from fer_assets.media.image_codec import decode_image
from fer_assets.training.checkpoints import load_checkpoint
from fer_assets.training.recipes import Recipe
from fer_assets_tests.expressions.faces import NAMES, tiny_release
from fer_assets_tests.training.tiny import tiny_recipe

NOWHERE = Path("no-weights-needed")
QUICK = tiny_recipe(max_epochs=12, view=0.95)
BY_SPLIT = RunSettings(folds=0)


@pytest.fixture(scope="module")
def trained() -> TrainedExpressions:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_THREADS", "1")
        return train_expressions(tiny_release(), QUICK, NOWHERE)


def test_every_labelled_face_is_predicted_once_by_a_fold_that_never_saw_the_person(
    trained: TrainedExpressions,
) -> None:
    labelled = tiny_release().filter(pl.col("label").is_not_null())
    assert set(trained.predictions["face_id"]) == set(labelled["face_id"])
    folds_of = trained.predictions.group_by("group_id").agg(pl.col("fold").n_unique())
    assert set(folds_of["fold"]) == {1}
    assert set(trained.predictions["fold"]) == {0, 1, 2}
    probs = np.array(trained.predictions["probs"].to_list())
    named = [NAMES[column] for column in probs.argmax(1)]
    assert named == trained.predictions["pred"].to_list()
    is_right = trained.predictions["pred"] == trained.predictions["target"]
    assert is_right.mean() > 0.6  # type: ignore[operator]


def test_checkpoints_give_the_predictions_that_were_recorded(
    trained: TrainedExpressions,
) -> None:
    assert list(trained.runs) == ["fold-0", "fold-1", "fold-2", "final"]
    fold = trained.runs["fold-1"]
    classifier = load_checkpoint(fold.checkpoint, fold.card)
    assert classifier.classes == trained.classes == NAMES
    held_out = trained.predictions.filter(pl.col("fold") == 1)
    image_of = dict(tiny_release().select("face_id", pl.col("image").struct["bytes"]).iter_rows())
    images = np.stack([decode_image(image_of[face]) for face in held_out["face_id"]])
    np.testing.assert_allclose(
        classifier.predict(images), np.array(held_out["probs"].to_list()), atol=1e-5
    )
    card = trained.runs["final"].card
    kept = tiny_release().filter(
        pl.col("split").is_in(["train", "val"]) & ~pl.col("label").is_null()
    )
    assert card["n_train"] == len(kept)
    assert set(trained.curve["fold"]) == {FINAL, 0, 1, 2}


def faces_of(recipe: Recipe) -> LabelledFaces:
    return labelled_faces(tiny_release(), recipe, "identity_id")


def test_a_run_alone_gives_what_it_gives_among_all(trained: TrainedExpressions) -> None:
    wanted = ("fold-2", "final")
    runs = list(train_runs(faces_of(QUICK), QUICK, NOWHERE, wanted=wanted))
    assert tuple(run.name for run in runs) == wanted
    for run in runs:
        among = trained.runs[run.name]
        assert (run.checkpoint, run.card) == (among.checkpoint, among.card)
        assert run.curve.equals(among.curve)
        assert run.predictions.equals(among.predictions)


def test_seeds_cut_people_alike_and_train_apart(trained: TrainedExpressions) -> None:
    wanted = ("fold-2-seed-1",)
    (again,) = train_runs(faces_of(QUICK), QUICK, NOWHERE, RunSettings(seeds=2), wanted=wanted)
    first = trained.runs["fold-2"]
    assert again.seed == again.card["recipe"]["seed"] == first.seed + 1
    assert again.predictions["face_id"].equals(first.predictions["face_id"])
    assert again.checkpoint != first.checkpoint


def test_what_goes_on_is_told_meanwhile() -> None:
    seen: list[pl.DataFrame] = []
    recipe = tiny_recipe(max_epochs=3, train_final=False)
    settings = RunSettings(folds=2)
    hooks = RunHooks(watch=seen.append)
    runs = list(train_runs(faces_of(recipe), recipe, NOWHERE, settings, hooks=hooks))
    assert [len(curve) for curve in seen] == [1, 2, 3, 1, 2, 3]
    assert seen[-1].equals(runs[-1].curve)


def test_names_of_runs_are_those_that_are_trained(trained: TrainedExpressions) -> None:
    assert run_names(QUICK, 3) == tuple(trained.runs)
    assert run_names(QUICK, 0, 2) == ("split", "split-seed-1")
    assert run_names(tiny_recipe(train_final=False), 2) == ("fold-0", "fold-1")
    assert run_names(QUICK, 1) == ("split",)


def test_the_final_run_takes_its_length_from_the_folds() -> None:
    short = tiny_recipe(max_steps=1)
    folds = [
        replace(run, card={**run.card, "best_epoch": 1})
        for run in train_runs(faces_of(short), short, NOWHERE)
    ]
    recipe = stopping()
    (final,) = train_runs(faces_of(recipe), recipe, NOWHERE, wanted=("final",), done=folds)
    assert final.card["recipe"]["max_epochs"] == 2
    assert final.card["recipe"]["patience"] is None


def test_without_folds_the_release_s_own_splits_hold() -> None:
    result = train_expressions(tiny_release(), tiny_recipe(max_steps=2), NOWHERE, BY_SPLIT)
    predicted = tiny_release().join(result.predictions.select("face_id"), on="face_id")
    assert set(predicted["split"]) == {"val", "test"}
    assert list(result.runs) == ["split"]


def stopping() -> Recipe:
    return tiny_recipe(patience=1, max_epochs=3)


def test_early_stopping_never_looks_at_who_is_scored() -> None:
    result = train_expressions(tiny_release(), stopping(), NOWHERE, BY_SPLIT)
    predicted = tiny_release().join(result.predictions.select("face_id"), on="face_id")
    assert set(predicted["split"]) == {"test"}
    folds = train_expressions(tiny_release(), stopping(), NOWHERE)
    people = [folds.runs[f"fold-{fold}"].card["n_train_people"] for fold in range(3)]
    assert sum(people) == 8
    assert folds.runs["final"].card["recipe"]["patience"] is None
    with pytest.raises(TrainingDataError, match="at least 3 folds"):
        train_expressions(tiny_release(), stopping(), NOWHERE, RunSettings(folds=2))


def test_refuses_one_person_and_a_class_only_held_out_people_show() -> None:
    with pytest.raises(TrainingDataError, match="two people"):
        train_expressions(tiny_release(n_people=1), QUICK, NOWHERE)
    release = tiny_release().with_columns(
        pl.when(pl.col("identity_id") == "i1")
        .then(pl.lit("smug"))
        .otherwise("label")
        .alias("label")
    )
    with pytest.raises(TrainingDataError, match="class smug"):
        train_expressions(release, QUICK, NOWHERE)


def test_refuses_splits_that_hold_nobody_out() -> None:
    everyone = tiny_release().with_columns(split=pl.lit("train"))
    with pytest.raises(TrainingDataError, match="held out"):
        train_expressions(everyone, QUICK, NOWHERE, BY_SPLIT)


def test_refuses_a_person_on_both_sides() -> None:
    release = tiny_release()
    torn = release.with_columns(identity_id=pl.lit("i1")).with_columns(
        identity_id=pl.when(pl.col("split") == "test").then(pl.lit("i2")).otherwise("identity_id")
    )
    with pytest.raises(TrainingDataError, match="1 of 2 people on both sides"):
        train_expressions(torn, QUICK, NOWHERE, BY_SPLIT)
