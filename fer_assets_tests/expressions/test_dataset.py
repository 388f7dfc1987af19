"""Which faces of a release are learned from, and what is said of the others."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from fer_assets.expressions.dataset import TrainingDataError, labelled_faces
from fer_assets_tests.expressions.faces import NAMES, tiny_release
from fer_assets_tests.training.tiny import tiny_recipe


def test_leaves_out_unlabelled_and_excluded_faces_and_counts_them() -> None:
    release = tiny_release().with_columns(
        pl.when(pl.col("identity_id") == "i2")
        .then(pl.lit("excluded"))
        .otherwise("split")
        .alias("split")
    )
    faces = labelled_faces(release, tiny_recipe(), "identity_id")
    excluded = release.filter(pl.col("split") == "excluded")
    unlabelled = release.filter((pl.col("split") != "excluded") & pl.col("label").is_null())
    assert faces.left_out["excluded split"] == len(excluded) == 9
    assert faces.left_out["no crowd label"] == len(unlabelled) > 0
    assert len(faces) == len(release) - len(excluded) - len(unlabelled)
    assert faces.classes == NAMES
    assert "i2" not in faces.groups
    assert [faces.classes[t] for t in faces.targets] == faces.frame["target"].to_list()


def test_prompts_are_known_of_every_face() -> None:
    release = tiny_release()
    faces = labelled_faces(release, tiny_recipe(target="prompt"), "identity_id")
    assert len(faces) == len(release)


def test_soft_targets_follow_the_crowd_over_the_classes_that_are_learned() -> None:
    recipe = tiny_recipe(target="crowd_soft", classes=("sad", "smiling"))
    faces = labelled_faces(tiny_release(), recipe, "identity_id")
    soft = faces.samples(recipe).soft_targets
    assert soft is not None
    np.testing.assert_allclose(soft.sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(
        soft[faces.targets == 0], [[18 / 19, 1 / 19]] * (faces.targets == 0).sum()
    )
    assert faces.left_out["class not in the recipe"] > 0


def test_a_face_in_two_challenges_counts_once() -> None:
    release = tiny_release()
    pooled = pl.concat([release, release.head(5)])
    faces = labelled_faces(pooled, tiny_recipe(target="prompt"), "identity_id")
    assert len(faces) == len(release)
    assert faces.left_out["same face in another challenge"] == 5


def test_the_order_of_the_release_does_not_matter() -> None:
    release = tiny_release()
    first = labelled_faces(release, tiny_recipe(), "identity_id")
    second = labelled_faces(release.reverse(), tiny_recipe(), "identity_id")
    assert first.frame.equals(second.frame)


@pytest.mark.parametrize(
    ("release", "recipe", "message"),
    [
        (tiny_release(label=None), tiny_recipe(), "Collect crowd answers"),
        (tiny_release().clear(), tiny_recipe(), "the release is empty"),
        (tiny_release(label="sad"), tiny_recipe(), "two classes"),
        (tiny_release(), tiny_recipe(classes=("sad", "clown-face")), "class clown-face"),
        (tiny_release().drop("identity_id"), tiny_recipe(), "identity_id"),
    ],
)
def test_refuses_what_can_t_be_trained_on(
    release: pl.DataFrame, recipe: object, message: str
) -> None:
    with pytest.raises(TrainingDataError, match=message):
        labelled_faces(release, recipe, "identity_id")  # type: ignore[arg-type]
