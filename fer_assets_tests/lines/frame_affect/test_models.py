"""Affect models by name: the heads that belong together, or what there is instead."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

from fer_assets.custody.checkpoints import StaleCheckpoint, mark_stale
from fer_assets.frame_affect.heads.head import HeadError
from fer_assets.lines.frame_affect.backbone import stored_backbone
from fer_assets.lines.frame_affect.models import AffectModelError, find_affect_model
from fer_assets.lines.frame_affect.names import AFFECT_HEADS, EXPRESSION_BACKBONE
from fer_assets.lines.frame_affect.stored_heads import stored_heads
from fer_assets.lines.tiktokfer.checkpoints import StaleCheckpointWarning
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets_tests.lines.frame_affect.stored_models import (
    BACKBONE,
    KEY,
    SPECS,
    affect_workspace,
    put_backbone,
    put_challenge,
    put_features,
    put_heads,
)

PUBLISHED = {
    "EXPR": f"expr-{BACKBONE}-embeddings-hidden-held-out",
    "VA": f"va-{BACKBONE}-scores-linear-held-out",
    "AU": f"au-{BACKBONE}-embeddings-hidden-held-out",
    "MTL": f"mtl-{BACKBONE}-both-linear-held-out",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("affect")
    find_affect_model(affect_workspace(folder), None, "cpu")
    return folder


@pytest.fixture
def workspace(root: Path, tmp_path: Path) -> Workspace:
    return open_workspace(shutil.copytree(root, tmp_path / "root"))


@pytest.mark.parametrize("name", [None, KEY, f"affect_heads/{KEY}", f"{KEY}/"])
def test_a_challenge_stands_for_its_published_heads(workspace, name):
    found = find_affect_model(workspace, name, "cpu")
    assert found.made_with["heads"] == PUBLISHED
    assert (found.made_with["model"], found.made_with["is_stale"]) == (KEY, False)
    assert found.made_with["backbone"] == BACKBONE
    assert len(found.model.columns) == 22
    assert found.model.thresholds == pytest.approx(np.linspace(0.1, 0.9, 12))


def test_one_head_by_its_run(workspace):
    run = SPECS[1].name
    found = find_affect_model(workspace, f"{KEY}/{run}", "cpu")
    assert (list(found.model.heads), found.made_with["model"]) == (["EXPR"], f"{KEY}/{run}")
    assert not found.model.has_valence_arousal and not found.model.action_units


def test_names_that_mean_nothing_say_what_there_is(workspace):
    with pytest.raises(AffectModelError, match=f"a challenge with heads: {KEY}.*mean {KEY}"):
        find_affect_model(workspace, "mood", "cpu")
    with pytest.raises(AffectModelError, match="Did you mean va-"):
        find_affect_model(workspace, f"{KEY}/va-affect-tiny-scores-linear", "cpu")


def test_several_challenges_need_a_name(workspace):
    put_challenge(workspace, "more-moods")
    put_features(workspace, "more-moods")
    put_heads(workspace, key="more-moods")
    with pytest.raises(AffectModelError, match="--challenge with one of moods, more-moods"):
        find_affect_model(workspace, None, "cpu")
    assert find_affect_model(workspace, "more-moods", "cpu").model.name == "more-moods"


def test_without_heads_it_says_how_to_get_them(tmp_path, workspace):
    with pytest.raises(AffectModelError, match="materialize affect_heads"):
        find_affect_model(open_workspace(tmp_path / "new"), None, "cpu")
    # A head that is not among those that are published.
    other = SPECS[1].by("paper")
    put_heads(workspace, [other])
    with pytest.raises(AffectModelError, match=f"others only: {other.name}"):
        find_affect_model(workspace, KEY, "cpu")
    assert find_affect_model(workspace, f"{KEY}/{other.name}", "cpu").model.expressions


def test_a_backbone_that_was_trained_anew_is_another_one(workspace):
    put_backbone(workspace, seed=1)
    with pytest.raises(AffectModelError, match=f"backbone {BACKBONE} as it is now"):
        find_affect_model(workspace, KEY, "cpu")


def test_what_learned_from_somebody_withdrawn_is_stale(workspace):
    [head] = [one for one in stored_heads(workspace, KEY) if one.run == PUBLISHED["VA"]]
    backbone = stored_backbone(workspace, BACKBONE)
    mark_stale(
        workspace.store,
        [
            StaleCheckpoint(AFFECT_HEADS, KEY, head.run, head.sha256, "e1"),
            StaleCheckpoint(EXPRESSION_BACKBONE, None, BACKBONE, backbone.sha256, "e2"),
        ],
    )
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", StaleCheckpointWarning)
        found = find_affect_model(workspace, KEY, "cpu")
    said = [str(one.message) for one in heard if one.category is StaleCheckpointWarning]
    assert [(head.run in said[0], "e1" in said[0]), ("e2" in said[1])] == [(True, True), True]
    assert found.made_with["is_stale"] is True


def test_a_model_needs_heads_that_fit(workspace):
    model = find_affect_model(workspace, KEY, "cpu").model
    with pytest.raises(HeadError, match="found none"):
        type(model)("empty", model.source, {})
    narrow = type(model.heads["VA"])("VA", "embeddings", model.heads["VA"].layers)
    with pytest.raises(HeadError, match="another backbone"):
        type(model)("odd", model.source, {"VA": narrow})
