import math

import polars as pl
import pytest

from fer_assets.labels.questionnaire import Questionnaire
from fer_assets.labels.tasks import TaskSettings, make_tasks


def test_one_task_per_face_without_copies(faces: pl.DataFrame, tasks: pl.DataFrame) -> None:
    distinct = faces.filter(~pl.col("is_duplicate"))
    assert sorted(tasks["face_id"]) == sorted(distinct["face_id"])
    assert tasks["answers_wanted"].unique().to_list() == [5]


def test_batches_are_full_and_mix_people(tasks: pl.DataFrame) -> None:
    sizes = tasks.group_by("batch_id").len()["len"]
    n_batches = math.ceil(tasks.height / 20)
    assert len(sizes) == n_batches
    assert sizes.max() <= 20
    assert sizes.max() - sizes.min() <= 1
    per_person = tasks.group_by("batch_id", "identity_id", "is_gold").len()["len"]
    most = tasks.group_by("identity_id", "is_gold").len()["len"].max()
    assert per_person.max() <= math.ceil(most / n_batches)


def test_gold(tasks: pl.DataFrame, gold: pl.DataFrame) -> None:
    marked = tasks.filter("is_gold")
    assert marked.height == math.floor(0.1 * tasks.height)
    known = dict(gold.iter_rows())
    assert all(known[f] == e for f, e in marked.select("face_id", "gold_expression").iter_rows())
    assert tasks.filter(~pl.col("is_gold"))["gold_expression"].null_count() == (
        tasks.height - marked.height
    )
    per_batch = marked.group_by("batch_id").len()["len"]
    assert per_batch.max() - per_batch.min() <= 1


def test_order_of_faces_does_not_matter(faces: pl.DataFrame, questionnaire: Questionnaire) -> None:
    shuffled = faces.sample(fraction=1.0, shuffle=True, seed=3)
    assert make_tasks(faces, questionnaire).equals(make_tasks(shuffled, questionnaire))


def test_more_faces_move_nothing(
    faces: pl.DataFrame, gold: pl.DataFrame, questionnaire: Questionnaire
) -> None:
    before = make_tasks(faces.head(250), questionnaire, gold=gold)
    after = make_tasks(faces, questionnaire, gold=gold, previous=before)
    old = before.select("task_id", "batch_id", "face_id")
    kept = after.join(old, on=["task_id", "batch_id", "face_id"])
    assert kept.height == before.height
    assert after.height > before.height
    new = after.join(old, on="task_id", how="anti")
    assert not set(new["batch_id"]) & set(before["batch_id"])
    was_gold = set(before.filter("is_gold")["task_id"])
    assert was_gold
    assert was_gold <= set(after.filter("is_gold")["task_id"])
    fresh = make_tasks(faces, questionnaire, gold=gold)
    assert sorted(fresh["task_id"]) == sorted(after["task_id"])


def test_withdrawn_faces_leave(faces: pl.DataFrame, questionnaire: Questionnaire) -> None:
    before = make_tasks(faces, questionnaire)
    after = make_tasks(faces.tail(300), questionnaire, previous=before)
    assert set(after["face_id"]) <= set(faces.tail(300)["face_id"])
    assert after.join(before, on=["task_id", "batch_id"]).height == after.height


def test_another_questionnaire_is_another_task(
    faces: pl.DataFrame, tasks: pl.DataFrame, questionnaire: Questionnaire
) -> None:
    other = questionnaire.with_expressions(beyond=("tongue-out",))
    after = make_tasks(faces, other, previous=tasks)
    assert not set(after["task_id"]) & set(tasks["task_id"])
    assert not set(after["batch_id"]) & set(tasks["batch_id"])


def test_no_faces(faces: pl.DataFrame, questionnaire: Questionnaire) -> None:
    assert make_tasks(faces.clear(), questionnaire).height == 0


def test_settings_out_of_range() -> None:
    with pytest.raises(ValueError, match="out of range"):
        TaskSettings(batch_size=0)
