from dataclasses import replace

import polars as pl
import pytest

from fer_assets.labels.answer_files import COLUMNS, OPTIONAL_COLUMNS, AnswerFile
from fer_assets.labels.answers import REMARKS, SKIP, missing_answers, read_answers
from fer_assets.labels.questionnaire import Questionnaire, check_answers
from fer_assets.labels.simulation import (
    HARD_CROWD,
    SimulatedCrowd,
    WorkerType,
    simulate_answers,
)

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
    assert tuple(answers.columns) == (*COLUMNS, *OPTIONAL_COLUMNS)
    assert answers["is_simulated"].all()
    answers = answers.filter(~pl.col("question").is_in(REMARKS))
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
    votes = all_answers.filter(pl.col("question") != SKIP)  # a skip comes after those who answer
    assert votes.join(more, on=["task_id", "worker", "question", "answer"]).height == votes.height


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


def test_time_is_taken_as_stated(
    tasks: pl.DataFrame, truth: pl.DataFrame, questionnaire: Questionnaire
) -> None:
    types = (WorkerType(0.5, 0.9, median_s=8.0), WorkerType(0.5, None, median_s=2.0))
    crowd = SimulatedCrowd(n_workers=20, types=types)
    answers = simulate_answers(tasks, truth, questionnaire, crowd)
    times = answers.filter(pl.col("question") == "is_face").with_columns(
        is_fast=pl.col("worker").str.tail(2).cast(pl.Int64) > 10
    )
    medians = dict(times.group_by("is_fast").agg(pl.col("duration_s").median()).iter_rows())
    assert medians[False] == pytest.approx(8.0, rel=0.08)
    assert medians[True] == pytest.approx(2.0, rel=0.08)
    per_face = answers.drop_nulls("duration_s").group_by("task_id", "worker")
    assert per_face.agg(pl.col("duration_s").n_unique())["duration_s"].max() == 1


def test_skips_and_flags_take_no_vote_away(
    tasks: pl.DataFrame, truth: pl.DataFrame, questionnaire: Questionnaire
) -> None:
    quiet = replace(HONEST, skip_share=0.0, flag_share=0.0)
    loud = replace(HONEST, skip_share=0.3, flag_share=0.1)
    plain = simulate_answers(tasks, truth, questionnaire, quiet)
    answers = simulate_answers(tasks, truth, questionnaire, loud)
    assert answers.filter(~pl.col("question").is_in(REMARKS)).equals(plain)
    n_skips = answers.filter(pl.col("question") == SKIP).height
    assert n_skips == pytest.approx(0.3 * tasks.height, rel=0.25)
    read = read_answers(
        [AnswerFile("a.csv", answers.write_csv().encode())], tasks, questionnaire, salt="s"
    )
    assert not read.report.dropped
    assert not read.report.rejected
    assert read.report.n_flags == answers.height - plain.height
    assert missing_answers(tasks, read.answers) == 0


def test_gold_is_answered_as_the_curator_sees_it(
    tasks: pl.DataFrame, truth: pl.DataFrame, questionnaire: Questionnaire
) -> None:
    marked = tasks.with_columns(
        gold_expression=pl.when("is_gold").then(pl.lit("kiss")), is_gold=pl.col("is_gold")
    )
    answers = simulate_answers(marked, truth, questionnaire, replace(HONEST, face_accuracy=1.0))
    gold = _expressions(answers).join(marked.filter("is_gold"), on="task_id")
    assert (gold["expression"] == "kiss").mean() == pytest.approx(0.8, abs=0.08)


def test_biased_workers_have_a_favourite(
    tasks: pl.DataFrame, truth: pl.DataFrame, questionnaire: Questionnaire
) -> None:
    crowd = SimulatedCrowd(n_workers=8, types=(WorkerType(1.0, 0.9, bias=0.7),))
    votes = _expressions(simulate_answers(tasks, truth, questionnaire, crowd))
    shares = (
        votes.group_by("worker", "expression")
        .len()
        .group_by("worker")
        .agg(
            top=pl.col("len").max() / pl.col("len").sum(),
            favourite=pl.col("expression").sort_by("len").last(),
        )
    )
    assert shares["top"].min() > 0.6
    assert shares["favourite"].n_unique() > 3
    assert sum(t.share for t in HARD_CROWD.types if t.accuracy is None) == 0.2
