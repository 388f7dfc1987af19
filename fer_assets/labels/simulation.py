"""A simulated crowd: answers drawn from stated rates, marked as simulated in every row.

Belongs here: workers that err at known rates, for demos and tests. Does not belong here: anything
that real answers pass through.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.labels.answer_files import COLUMNS, OPTIONAL_COLUMNS
from fer_assets.labels.draws import Draws, assign_workers, favourites
from fer_assets.labels.questionnaire import (
    BEYOND_EKMAN,
    DEMOGRAPHICS,
    EKMAN,
    IS_FACE,
    NO,
    NONE,
    QUESTIONS,
    YES,
    Question,
    Questionnaire,
)
from fer_assets.labels.simulated_extras import durations, remarks

CONFUSABLE_PAIRS = (
    ("angry", "disgust"),
    ("clenched-teeth", "cringe"),
    ("cry", "sad"),
    ("disappointed", "sad"),
    ("disgust", "nauseated-face"),
    ("eye-roll", "thinking-face"),
    ("smiling", "winking-face"),
)
"""Expressions that simulated workers take for each other."""


@dataclass(frozen=True)
class WorkerType:
    """A kind of worker.

    Attributes:
        share: share of the workers, in [0, 1].
        accuracy: probability that the expression is right, in [0, 1]; None for a spammer, who
            answers every question at random.
        bias: probability that a biased worker names a favourite of their own instead of looking,
            in [0, 1]; each such worker has one expression, drawn once.
        median_s: median time for a face, in seconds.
    """

    share: float
    accuracy: float | None
    bias: float = 0.0
    median_s: float = 9.0


@dataclass(frozen=True)
class SimulatedCrowd:
    """The stated rates.

    Attributes:
        n_workers: workers in the crowd.
        types: kinds of workers; their shares sum to 1.
        confusable_pairs: expressions taken for each other; pairs that the questionnaire does not
            have are ignored.
        confusable_share: share of errors that go to a confusable expression where there is one;
            the others go to any expression alike.
        face_accuracy: probability that a face is told from something else.
        demographic_accuracy: probability that a demographic answer is right; an error on a scale
            is off by one step.
        skip_share: share of tasks that one more worker was asked and skipped.
        flag_share: share of answers that carry a flag.
        seed: another seed is another crowd.
    """

    n_workers: int = 40
    types: tuple[WorkerType, ...] = (
        WorkerType(0.45, 0.92),
        WorkerType(0.45, 0.75),
        WorkerType(0.10, None, median_s=2.5),
    )
    confusable_pairs: tuple[tuple[str, str], ...] = CONFUSABLE_PAIRS
    confusable_share: float = 0.6
    face_accuracy: float = 0.98
    demographic_accuracy: float = 0.85
    skip_share: float = 0.02
    flag_share: float = 0.002
    seed: int = 0

    def __post_init__(self) -> None:
        rates = [
            self.confusable_share, self.face_accuracy, self.demographic_accuracy,
            self.skip_share, self.flag_share,
            *(t.share for t in self.types), *(t.accuracy or 0.0 for t in self.types),
            *(t.bias for t in self.types),
        ]  # fmt: skip
        if self.n_workers < 1 or not all(0 <= rate <= 1 for rate in rates):
            raise ValueError(f"simulated crowd out of range: {self}")
        if not math.isclose(sum(t.share for t in self.types), 1.0, abs_tol=1e-9):
            raise ValueError("simulated crowd: shares of worker types must sum to 1")
        if any(t.median_s <= 0 for t in self.types):
            raise ValueError("simulated crowd: a worker takes some time")


HARD_CROWD = SimulatedCrowd(
    types=(
        WorkerType(0.40, 0.90),
        WorkerType(0.25, 0.70),
        WorkerType(0.15, 0.80, bias=0.7, median_s=4.0),
        WorkerType(0.20, None, median_s=2.5),
    )
)
"""A crowd with many spammers and raters who see their favourite everywhere, for tests."""


def simulate_answers(
    tasks: pl.DataFrame,
    truth: pl.DataFrame,
    questionnaire: Questionnaire,
    settings: SimulatedCrowd | None = None,
) -> pl.DataFrame:
    """Answers of `answers_wanted` different workers to every task.

    What a worker says of a task depends on seed, worker and task alone: more tasks change no
    answer. Every draw is a hash of the three and the question.

    Args:
        tasks: LABELLING_TASKS.
        truth: face_id, is_face, expression, skin_tone, age_group, gender, one row for each task's
            face. Where `is_face` the expression is one of `questionnaire.votes`; what a gold task
            states as its answer goes before. A demographic that is null is not answered.

    Returns:
        The columns of an answer file, the optional ones included, ordered by task, worker,
        question; remarks come last.

    Raises:
        ValueError: a task without truth, an unknown expression, or fewer workers than answers
            wanted.
    """
    settings = settings or SimulatedCrowd()
    rows = _with_gold(tasks.join(truth, on="face_id", how="left").sort("task_id"))
    _check(rows, questionnaire, settings)
    draws, asked = _workers(rows, settings)
    is_face = rows["is_face"].to_numpy()[draws.tasks]
    is_spammer = np.isnan(_accuracies(settings))[draws.workers]
    sees_face = np.where(
        is_spammer,
        draws.uniform("spam is_face") < 0.5,
        is_face == (draws.uniform("is_face") < settings.face_accuracy),
    )
    said = {IS_FACE: _code(np.where(sees_face, YES, NO), questionnaire.question(IS_FACE))}
    for name in DEMOGRAPHICS:
        question = questionnaire.question(name)
        is_known = is_face & ~is_spammer
        said[name] = _demographic(question, rows[name], is_known, draws, settings)
    expression = _expression(questionnaire, rows["expression"], is_face, draws, settings)
    in_first_list = np.isin(
        expression, sorted({*questionnaire.question(EKMAN).answer_ids} - {NONE})
    )
    first = np.where(in_first_list, expression, NONE)
    said[EKMAN] = _code(first, questionnaire.question(EKMAN))
    said[BEYOND_EKMAN] = _code(expression, questionnaire.question(BEYOND_EKMAN))
    said[BEYOND_EKMAN][in_first_list] = -1
    for name in (*DEMOGRAPHICS, EKMAN, BEYOND_EKMAN):
        said[name][~sees_face] = -1
    median_s = _per_worker(settings, [t.median_s for t in settings.types])
    answers = _long(rows["task_id"], draws, said, questionnaire, durations(draws, median_s))
    spoken = remarks(
        rows["task_id"], draws, asked, questionnaire, settings.skip_share, settings.flag_share
    )
    return _named(answers, spoken, settings.n_workers)


def _with_gold(rows: pl.DataFrame) -> pl.DataFrame:
    """Workers see what the curator saw; tasks without that column have no gold."""
    if "gold_expression" not in rows.columns:
        return rows
    is_gold = pl.col("gold_expression").is_not_null()
    return rows.with_columns(
        expression=pl.when(is_gold).then("gold_expression").otherwise("expression"),
        is_face=pl.col("is_face") | is_gold,
    )


def _workers(rows: pl.DataFrame, settings: SimulatedCrowd) -> tuple[Draws, Draws]:
    """Who answers each task, and one more worker who is asked.

    The latter comes after those who answer, so that nobody's answer depends on it.
    """
    wanted = rows["answers_wanted"].to_numpy()
    room = np.minimum(wanted + 1, settings.n_workers).astype(np.int32)
    draws = assign_workers(rows["task_id"].to_list(), room, settings.n_workers, settings.seed)
    nth = np.arange(len(draws.tasks)) - np.repeat(np.cumsum(room) - room, room)
    answers = nth < wanted[draws.tasks]
    return _only(draws, answers), _only(draws, ~answers)


def _only(draws: Draws, mask: NDArray[np.bool_]) -> Draws:
    return Draws(draws.tasks[mask], draws.workers[mask], draws.keys[mask])


def _check(rows: pl.DataFrame, questionnaire: Questionnaire, settings: SimulatedCrowd) -> None:
    if lacking := rows["is_face"].null_count():
        raise ValueError(f"{lacking} tasks have no truth")
    expressions = set(rows.filter("is_face")["expression"].unique().to_list())
    if unknown := expressions - set(questionnaire.votes):
        raise ValueError(f"expressions not in the questionnaire: {sorted(map(str, unknown))}")
    for name in DEMOGRAPHICS:
        answers = set(rows[name].drop_nulls().unique().to_list())
        if unknown := answers - set(questionnaire.question(name).answer_ids):
            raise ValueError(f"{name} not in the questionnaire: {sorted(unknown)}")
    wanted = rows["answers_wanted"].max()
    if isinstance(wanted, int) and wanted > settings.n_workers:
        raise ValueError(f"{wanted} answers wanted of {settings.n_workers} workers")


def _accuracies(settings: SimulatedCrowd) -> NDArray[np.float64]:
    """Each worker's accuracy, NaN for spammers, float64 (n_workers,)."""
    return _per_worker(
        settings, [np.nan if t.accuracy is None else t.accuracy for t in settings.types]
    )


def _per_worker(settings: SimulatedCrowd, values: Sequence[float]) -> NDArray[np.float64]:
    """Each worker's value of its type, float64 (n_workers,): shares met by rounding."""
    ends = np.rint(np.cumsum([t.share for t in settings.types]) * settings.n_workers).astype(int)
    return np.repeat(np.asarray(values, dtype=np.float64), np.diff(ends, prepend=0))


def _code(names: NDArray[np.str_], question: Question) -> NDArray[np.int64]:
    """Places of the names among the question's answers, -1 where they are none of them."""
    place = {answer: i for i, answer in enumerate(question.answer_ids)}
    return np.array([place.get(name, -1) for name in names.tolist()], dtype=np.int64)


def _demographic(
    question: Question,
    truth: pl.Series,
    is_known: NDArray[np.bool_],
    draws: Draws,
    settings: SimulatedCrowd,
) -> NDArray[np.int64]:
    """Places of the answers to a demographic question; -1 where a truth is not stated."""
    n = len(question.answer_ids)
    place = {answer: i for i, answer in enumerate(question.answer_ids)}
    stated = truth.replace_strict(place, default=-1, return_dtype=pl.Int64).to_numpy()
    true = stated[draws.tasks]
    u = draws.uniform(f"{question.id} error")
    if question.is_ordered:
        one_off = true + np.where(u < 0.5, -1, 1)
        # at either end of the scale there is one neighbour only
        wrong = np.where((one_off < 0) | (one_off >= n), 2 * true - one_off, one_off)
    else:
        wrong = (true + 1 + (u * (n - 1)).astype(np.int64)) % n
    is_right = draws.uniform(question.id) < settings.demographic_accuracy
    anything = (draws.uniform(f"spam {question.id}") * n).astype(np.int64)
    honest = np.where(true < 0, -1, np.where(is_right, true, wrong))
    return np.where(is_known, honest, anything)


def _expression(
    questionnaire: Questionnaire,
    truth: pl.Series,
    is_face: NDArray[np.bool_],
    draws: Draws,
    settings: SimulatedCrowd,
) -> NDArray[np.str_]:
    """Expression votes, str (n,)."""
    votes = questionnaire.votes
    place = {name: i for i, name in enumerate(votes)}
    stated = truth.replace_strict(place, default=0, return_dtype=pl.Int64).to_numpy()
    true = stated[draws.tasks]
    accuracy = _accuracies(settings)[draws.workers]
    step = 1 + (draws.uniform("elsewhere") * (len(votes) - 1)).astype(np.int64)
    elsewhere = (true + step) % len(votes)
    partners = [_partners(name, place, settings.confusable_pairs) for name in votes]
    n_partners = np.array([len(p) for p in partners])[true]
    table = np.zeros((len(votes), max(1, *(len(p) for p in partners))), dtype=np.int64)
    for i, others in enumerate(partners):
        table[i, : len(others)] = others
    partner = table[true, (draws.uniform("partner") * n_partners).astype(np.int64)]
    is_confused = (n_partners > 0) & (draws.uniform("confused") < settings.confusable_share)
    wrong = np.where(is_confused, partner, elsewhere)
    honest = np.where(draws.uniform("expression") < accuracy, true, wrong)
    bias = _per_worker(settings, [t.bias for t in settings.types])[draws.workers]
    if bias.any():
        place_of_own = favourites(settings.n_workers, settings.seed, len(votes))[draws.workers]
        honest = np.where(draws.uniform("biased") < bias, place_of_own, honest)
    anything = (draws.uniform("spam expression") * len(votes)).astype(np.int64)
    chosen = np.where(is_face & ~np.isnan(accuracy), honest, anything)
    said: NDArray[np.str_] = np.array(votes)[chosen]
    return said


def _partners(name: str, place: dict[str, int], pairs: Sequence[tuple[str, str]]) -> list[int]:
    names = [b if a == name else a for a, b in pairs if name in (a, b)]
    return [place[other] for other in names if other in place]


def _long(
    task_ids: pl.Series,
    draws: Draws,
    said: dict[str, NDArray[np.int64]],
    questionnaire: Questionnaire,
    seconds: NDArray[np.float64],
) -> pl.DataFrame:
    """task_id, worker (number), question, answer, duration_s, place (in the questionnaire)."""
    tasks, times = task_ids.gather(draws.tasks), pl.Series(seconds)
    parts = []
    for place, question in enumerate(questionnaire.questions):
        is_answered = said[question.id] >= 0
        part = pl.DataFrame(
            {
                "task_id": tasks.filter(is_answered),
                "worker": draws.workers[is_answered],
                "answer": pl.Series(question.answer_ids).gather(said[question.id][is_answered]),
                "duration_s": times.filter(is_answered),
            }
        )
        parts.append(part.with_columns(question=pl.lit(question.id), place=pl.lit(place)))
    return pl.concat(parts)


def _named(answers: pl.DataFrame, spoken: pl.DataFrame, n_workers: int) -> pl.DataFrame:
    digits = len(str(n_workers))
    names = pl.Series([f"simulated-{w + 1:0{digits}d}" for w in range(n_workers)])
    columns = ["task_id", "worker", "question", "answer", "duration_s", "place"]
    last = pl.lit(len(QUESTIONS), pl.Int32)
    remarks_too = spoken.with_columns(duration_s=pl.lit(None, pl.Float64), place=last)
    rows = pl.concat([answers.select(columns), remarks_too.select(columns)])
    return (
        rows.with_columns(worker=names.gather(rows["worker"]))
        .sort("task_id", "worker", "place", "question")
        .with_columns(is_simulated=pl.lit(True), comment=pl.lit(None, pl.String))
        .select(*COLUMNS, *OPTIONAL_COLUMNS)
    )
