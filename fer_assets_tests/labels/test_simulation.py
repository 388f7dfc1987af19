from dataclasses import replace

import polars as pl
import pytest

from fer_assets.labels.answer_files import COLUMNS
from fer_assets.labels.questionnaire import Questionnaire, check_answers
from fer_assets.labels.simulation import SimulatedCrowd, WorkerType, simulate_answers

HONEST = SimulatedCrowd(types=(WorkerType(1.0, 0.8),), n_workers=30)


def _expressions(answers: pl.DataFrame) -> pl.DataFrame:
    """task_id, worker, expression of those who see a face."""
    return (
        answers.filter(pl.col("question").is_in(["ekman", "beyond_ekman"]))
        .sort("question", descending=True)
        .group_by("task_id", "worker", maintain_order=True)
        .agg(first=pl.col("answer").first(), last=pl.col("answer").last())
        .with_columns(expression=pl.when(pl.col("first") == "none").then("last").otherwise("first"))
    )


def test_layout_and_branching(
    tasks: pl.DataFrame, truth: pl.DataFrame, questionnaire: Questionnaire
) -> None:
    answers = simulate_answers(tasks, truth, questionnaire)
    assert tuple(answers.columns) == COLUMNS
    assert answers["is_simulated"].all()
    workers = answers.group_by("task_id").agg(n=pl.col("worker").n_unique())
    assert workers.height == tasks.height
    assert workers["n"].unique().to_list() == [5]
    for _, group in answers.group_by("task_id", "worker"):
        said = dict(group.select("question", "answer").iter_rows())
        assert check_answers(questionnaire, said) is None


def test_an_answer_depends_on_task_and_worker_alone(
    tasks: pl.DataFrame, truth: pl.DataFrame, questionnaire: Questionnaire
) -> None:
    all_answers = simulate_answers(tasks, truth, questionnaire)
    some = simulate_answers(tasks[50:120], truth, questionnaire)
    assert all_answers.join(some, on=["task_id"], how="semi").equals(some)
    more = simulate_answers(
        tasks.with_columns(answers_wanted=pl.lit(7, pl.Int32)), truth, questionnaire
    )
    assert all_answers.join(more, on=["task_id", "worker", "question", "answer"]).height == (
        all_answers.height
    )


def test_seeds_differ(
    tasks: pl.DataFrame, truth: pl.DataFrame, questionnaire: Questionnaire
) -> None:
    first = simulate_answers(tasks, truth, questionnaire)
    assert not first.equals(simulate_answers(tasks, truth, questionnaire, SimulatedCrowd(seed=1)))


def test_stated_rates_are_met(
    tasks: pl.DataFrame, truth: pl.DataFrame, questionnaire: Questionnaire
) -> None:
    many = tasks.with_columns(answers_wanted=pl.lit(30, pl.Int32))
    answers = simulate_answers(many, truth, questionnaire, HONEST)
    known = many.join(truth, on="face_id").select(
        "task_id", truth="expression", is_face="is_face", tone="skin_tone"
    )
    faces = answers.filter(pl.col("question") == "is_face").join(known, on="task_id")
    right = (faces["answer"] == "yes") == faces["is_face"]
    assert right.mean() == pytest.approx(0.98, abs=0.01)

    votes = _expressions(answers).join(known.filter("is_face"), on="task_id")
    assert (votes["expression"] == votes["truth"]).mean() == pytest.approx(0.8, abs=0.015)
    wrong = votes.filter((pl.col("truth") == "kiss") & (pl.col("expression") != "kiss"))
    shares = wrong["expression"].value_counts(normalize=True)["proportion"]
    assert shares.max() < 0.2  # a kiss has no confusable partner: errors go anywhere
    smiles = votes.filter((pl.col("truth") == "smiling") & (pl.col("expression") != "smiling"))
    confused = (smiles["expression"] == "winking-face").mean()
    assert confused == pytest.approx(0.6 + 0.4 / 16, abs=0.08)

    tones = answers.filter(pl.col("question") == "skin_tone").join(
        known.filter("is_face"), on="task_id"
    )
    assert (tones["answer"] == tones["tone"]).mean() == pytest.approx(0.85, abs=0.015)
    off = tones.filter((pl.col("tone") == "III") & (pl.col("answer") != "III"))["answer"]
    assert set(off.unique()) == {"II", "IV"}
    assert set(tones.filter(pl.col("tone") == "VI")["answer"].unique()) == {"V", "VI"}


def test_work_is_spread_over_workers(
    tasks: pl.DataFrame, truth: pl.DataFrame, questionnaire: Questionnaire
) -> None:
    answers = simulate_answers(tasks, truth, questionnaire, replace(HONEST, n_workers=12))
    done = answers.filter(pl.col("question") == "is_face")["worker"].value_counts()["count"]
    assert len(done) == 12
    assert done.min() > 0.75 * done.mean()


def test_unstated_demographics_are_not_answered_by_honest_workers(
    tasks: pl.DataFrame, truth: pl.DataFrame, questionnaire: Questionnaire
) -> None:
    silent = truth.filter("is_face").with_columns(gender=pl.lit(None, pl.String))
    seen = tasks.join(silent, on="face_id", how="semi")
    answers = simulate_answers(seen, silent, questionnaire, HONEST)
    assert "gender" not in answers["question"].to_list()


def test_refuses_what_it_cannot_answer(
    tasks: pl.DataFrame, truth: pl.DataFrame, questionnaire: Questionnaire
) -> None:
    with pytest.raises(ValueError, match="no truth"):
        simulate_answers(tasks, truth.head(10), questionnaire)
    with pytest.raises(ValueError, match="5 answers wanted of 4"):
        simulate_answers(tasks, truth, questionnaire, SimulatedCrowd(n_workers=4))
    odd = truth.with_columns(expression=pl.lit("bored"))
    with pytest.raises(ValueError, match="bored"):
        simulate_answers(tasks, odd, questionnaire)
    with pytest.raises(ValueError, match="sum to 1"):
        SimulatedCrowd(types=(WorkerType(0.5, 0.9),))
