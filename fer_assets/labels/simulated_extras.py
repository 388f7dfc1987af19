"""What a simulated worker does beside answering: takes time, skips, reports.

Belongs here: durations and remarks drawn from stated rates. Does not belong here: answers
(`simulation.py`).
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.labels.answers import FLAG, SKIP
from fer_assets.labels.draws import Draws
from fer_assets.labels.questionnaire import Questionnaire

_SPREAD = 0.5
_SHORTEST_S, _LONGEST_S = 0.5, 600.0


def durations(draws: Draws, median_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds per face, float64 (n,): log-normal about the worker's median, in tenths.

    Args:
        median_s: each worker's median, float64 (n_workers,).
    """
    # Box and Muller 1958; 1 - u is never 0
    radius = np.sqrt(-2.0 * np.log(1.0 - draws.uniform("pace")))
    normal = radius * np.cos(2.0 * np.pi * draws.uniform("pace angle"))
    seconds = median_s[draws.workers] * np.exp(_SPREAD * normal)
    found: NDArray[np.float64] = np.clip(np.round(seconds, 1), _SHORTEST_S, _LONGEST_S)
    return found


def remarks(
    task_ids: pl.Series,
    answering: Draws,
    asked: Draws,
    questionnaire: Questionnaire,
    skip_share: float,
    flag_share: float,
) -> pl.DataFrame:
    """Skips and flags: task (Int64), worker (Int64), question, answer, comment.

    A skip comes from a worker who is asked beside those who answer, so no vote is lost; a flag
    from one who answers. Nothing is said where the questionnaire has no reasons.

    Args:
        task_ids: the tasks that `asked` and `answering` point at.
        answering: workers who answer.
        asked: one worker more per task.
        skip_share: share of tasks that somebody skips, in [0, 1].
        flag_share: share of answers that carry a flag, in [0, 1].
    """
    skips, flags = questionnaire.skip_reasons, questionnaire.flag_reasons
    parts = [
        _remarks(asked, SKIP, skip_share, [reason.id for reason in skips]),
        _remarks(answering, FLAG, flag_share, [reason.id for reason in flags]),
    ]
    found = pl.concat(parts).with_columns(task_id=pl.lit(None, pl.String))
    return found.with_columns(task_id=task_ids.gather(found["task"]))


def _remarks(draws: Draws, kind: str, share: float, reasons: list[str]) -> pl.DataFrame:
    is_made = draws.uniform(f"{kind} made") < (share if reasons else 0.0)
    nth = (draws.uniform(f"{kind} reason")[is_made] * max(len(reasons), 1)).astype(np.int64)
    return pl.DataFrame(
        {
            "task": draws.tasks[is_made],
            "worker": draws.workers[is_made],
            "question": pl.Series([kind] * int(is_made.sum()), dtype=pl.String),
            "answer": pl.Series([reasons[n] for n in nth], dtype=pl.String),
        }
    )
