"""What the report says of the checkpoints behind its scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from fer_assets.lines.tiktokfer.names import TRAINED_CHECKPOINTS
from fer_assets.lines.tiktokfer.report_scored import (
    backbone_use,
    checkpoint_facts,
    licence_of,
    reliability_by_protocol,
    serving_cards,
)
from fer_assets.lines.workspace import open_workspace
from fer_assets.storage.layout import Place
from fer_assets_tests.benchmarks.predictions import CLASSES, of_seeds, predictions_and_release
from fer_assets_tests.lines.stored_runs import KEY, put_runs


def test_the_checkpoint_is_named_with_recipe_licence_seeds_and_release(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path)
    runs = ["split", "split-seed-1"]
    put_runs(
        workspace,
        Place(TRAINED_CHECKPOINTS, KEY),
        runs,
        n_train=1224,
        n_train_people=6,
        release_digest="ea6927df10052222" * 4,
    )
    cards = serving_cards(workspace, KEY)
    assert list(cards) == runs
    first, _ = predictions_and_release()
    facts = checkpoint_facts(cards, of_seeds(first, first))
    assert facts["recipe"] == "tiny"
    assert facts["seeds"] == "2"
    assert facts["release"] == "ea6927df1005"
    assert facts["held out"] == "240 faces of 12 people, by the release's splits"
    assert facts["checkpoint for other data"] == "split, split-seed-1 (1,224 faces, 6 people)"
    assert facts["licence of the weights"] == "none: trained from random weights"
    assert facts["to know"] == "Trained from random weights."
    folds = first.with_columns(fold=pl.int_range(pl.len(), dtype=pl.Int32) % 3)
    assert "3 folds by person" in checkpoint_facts(cards, folds)["held out"]


def test_licences_of_cards_of_all_ages() -> None:
    said = {"licence": "MIT", "restrictions": "none known"}
    recipe = {"weights": "some-weights"}
    for card in ({"weights": said | {"sha256": "0"}}, {"weights_licence": said}):
        assert licence_of(card) == said
        use = backbone_use(card | {"recipe": recipe})
        assert (use.name, use.licence, use.restrictions) == ("some-weights", "MIT", "none known")
    assert licence_of({}) == {"licence": "", "restrictions": ""}


def test_reliability_is_of_all_seeds_under_the_protocols_that_fit() -> None:
    first, _ = predictions_and_release(skill=0.3)
    second, _ = predictions_and_release(skill=0.3, seed=1)
    both = of_seeds(first, second).sample(fraction=1.0, shuffle=True, seed=0)
    found = reliability_by_protocol(both, CLASSES)
    assert list(found) == ["all-classes", "ekman-5"]
    bins = found["all-classes"]
    assert sum(one.n_predictions for one in bins) == 480
    probs = np.array(both["probs"].to_list())
    is_right = np.array(CLASSES)[probs.argmax(1)] == both["target"].to_numpy()
    hits = sum(one.accuracy * one.n_predictions for one in bins)
    assert round(hits) == is_right.sum()
    few, _ = predictions_and_release(classes=("a", "b"))
    assert list(reliability_by_protocol(few, ("a", "b"))) == ["all-classes"]
    assert reliability_by_protocol(first.clear(), CLASSES) == {}
