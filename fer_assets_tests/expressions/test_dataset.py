"""Which faces of a release are learned from, and what is said of the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fer_assets.expressions.dataset import BROKEN, TrainingDataError, labelled_faces
from fer_assets.storage.pictures import PicturePart, StoredPictures
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
        (tiny_release().drop("label"), tiny_recipe(), "column label"),
    ],
)
def test_refuses_what_can_t_be_trained_on(
    release: pl.DataFrame, recipe: object, message: str
) -> None:
    with pytest.raises(TrainingDataError, match=message):
        labelled_faces(release, recipe, "identity_id")  # type: ignore[arg-type]


def broken(release: pl.DataFrame, rows: list[int]) -> pl.DataFrame:
    """The release with some of its JPEGs cut short."""
    images = release["image"].to_list()
    for row in rows:
        images[row] = {**images[row], "bytes": images[row]["bytes"][:300]}
    return release.with_columns(pl.Series("image", images, dtype=release["image"].dtype))


def test_a_few_truncated_pictures_are_left_out_and_counted() -> None:
    release = tiny_release(n_people=40)
    recipe = tiny_recipe(target="prompt")
    faces = labelled_faces(broken(release, [5, 200, 71]), recipe, "identity_id")
    assert faces.left_out[BROKEN] == 3
    assert len(faces) == len(release) - 3
    assert not set(release["face_id"][[5, 200, 71]]) & set(faces.frame["face_id"])
    whole = labelled_faces(release, recipe, "identity_id")
    rows = np.arange(0, len(faces), 7)
    same = whole.frame["face_id"].index_of
    at = np.array([same(face) for face in faces.frame["face_id"].gather(rows)])
    found, expected = faces.samples(recipe), whole.samples(recipe)
    np.testing.assert_array_equal(found.images(rows), expected.images(at))
    np.testing.assert_array_equal(found.targets[rows], expected.targets[at])


def test_too_many_truncated_pictures_or_a_whole_class_stop_the_run() -> None:
    release = tiny_release(n_people=40)
    recipe = tiny_recipe(target="prompt")
    with pytest.raises(TrainingDataError, match=r"found 4 of 360 \(.*materialise") as error:
        labelled_faces(broken(release, [1, 2, 3, 4]), recipe, "identity_id")
    assert release["video_id"][1] not in str(error.value)
    rare = release.with_columns(
        pl.when(pl.int_range(pl.len()) == 7)
        .then(pl.lit("smug"))
        .otherwise("prompt")
        .alias("prompt")
    )
    assert labelled_faces(rare, recipe, "identity_id").left_out[BROKEN] == 0
    with pytest.raises(TrainingDataError, match=r"1 of 360 \(smug 1\)"):
        labelled_faces(broken(rare, [7]), recipe, "identity_id")


def test_pictures_from_their_files_are_those_of_the_column(tmp_path: Path) -> None:
    release = tiny_release()
    path = tmp_path / "part.parquet"
    release.write_parquet(path, row_group_size=16)
    names = release.select(pl.int_range(pl.len()).alias("number"), name="face_id")
    stored = StoredPictures([PicturePart(path.open("rb"), len(release), 16)], names)
    recipe = tiny_recipe(target="crowd_soft")
    column = labelled_faces(release.reverse(), recipe, "identity_id")
    files = labelled_faces(release.drop("image"), recipe, "identity_id", stored)
    assert files.frame.equals(column.frame)
    rows = np.arange(len(files))
    one, two = files.samples(recipe), column.samples(recipe)
    np.testing.assert_array_equal(one.images(rows), two.images(rows))
    np.testing.assert_array_equal(one.goal(), two.goal())
    larger = tiny_recipe(image_px=40)
    assert files.samples(larger).images(rows[:2]).shape == (2, 40, 40, 3)


def test_faces_of_nobody_are_left_out() -> None:
    release = tiny_release().with_columns(
        pl.when(pl.int_range(pl.len()) < 4).then(None).otherwise("identity_id").alias("identity_id")
    )
    faces = labelled_faces(release, tiny_recipe(target="prompt"), "identity_id")
    assert faces.left_out["no known person"] == 4
    assert "None" not in faces.groups


def test_a_face_that_is_not_among_the_pictures_asks_to_try_again() -> None:
    stored = StoredPictures([], pl.DataFrame({"name": ["a"], "number": [0]}))
    with pytest.raises(TrainingDataError, match=r"72 of 72 pictures .* try again"):
        labelled_faces(tiny_release(), tiny_recipe(target="prompt"), "identity_id", stored)


def test_a_release_without_pictures_says_where_to_get_them() -> None:
    with pytest.raises(TrainingDataError, match="pictures="):
        labelled_faces(tiny_release().drop("image"), tiny_recipe(), "identity_id")
