"""Labels from 100,000 votes of 500 workers over 15 classes, against crowd-kit.

Belongs here: the votes and the calls. Does not belong here: whether labels are right
(`fer_assets_tests/labels`).

Each side gets the votes in the form that it takes, made beforehand: crowd-kit a data frame, ours
arrays. Workers err in ways of their own; some guess. Where both fit the same model they make
equally many steps from the same start, and `equal` compares posteriors and labels; our default
Dawid-Skene lends every worker votes of the crowd, which is another model: there `equal` says that
its labels are right at least as often.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.case import Case, Skipped
from fer_assets.labels.aggregation.dawid_skene import DawidSkeneSettings, dawid_skene
from fer_assets.labels.aggregation.mace import MaceSettings, mace
from fer_assets.labels.aggregation.one_coin import OneCoinSettings, one_coin
from fer_assets.labels.aggregation.votes import Votes

BENCH = "aggregation"
_INPUT = "100k votes, 500 workers, 15 classes"
_N_ITEMS, _PER_ITEM, _N_WORKERS, _N_CLASSES = 20_000, 5, 500, 15
_STEPS = 10
_ONE_COIN_STEPS = 3
"""Fewer, since crowd-kit takes seconds for one."""
_TOLERANCE = 1e-6
_CLOSE = 1e-6
"""How far posteriors may lie apart; crowd-kit cuts counts off at 1e-10, ours does not."""


@dataclass(frozen=True)
class Planted:
    """Votes whose truth is known; `frame` is crowd-kit's form of them."""

    votes: Votes
    truth: NDArray[np.int64]
    frame: Any

    def right(self, posterior: NDArray[np.float64]) -> float:
        """Share of the items whose most probable class is the truth."""
        return float((posterior.argmax(axis=1) == self.truth).mean())


def cases() -> Iterator[Case | Skipped]:
    """Dawid-Skene at equal steps and to convergence, as it is by default; one-coin; MACE."""
    if not find_spec("crowdkit"):
        yield Skipped(BENCH, _INPUT, "crowd-kit is not installed: make bench installs it")
        return
    made = planted()
    yield _dawid_skene_steps(made)
    yield from _dawid_skene_to_the_end(made)
    yield _one_coin_steps(made)
    yield _mace_steps(made)


def planted(seed: int = 0) -> Planted:
    """Workers who are right 50 to 92 % of the time, and guess or follow a bias of their own else.

    Workers and classes are numbered by first appearance: crowd-kit's MACE mixes them up where
    that is not their sorted order.
    """
    import pandas as pd

    rng = np.random.default_rng(seed)
    truth = rng.integers(0, _N_CLASSES, _N_ITEMS)
    items = np.repeat(np.arange(_N_ITEMS), _PER_ITEM)
    order = np.argsort(rng.random((_N_ITEMS, _N_WORKERS)), axis=1)
    workers = np.sort(order[:, :_PER_ITEM], axis=1).ravel()
    accuracy = rng.choice([0.92, 0.75, 0.5], _N_WORKERS, p=[0.45, 0.45, 0.1])
    bias = rng.integers(0, _N_CLASSES, (_N_WORKERS, _N_CLASSES))
    guess = rng.integers(0, _N_CLASSES, len(items))
    wrong = np.where(rng.random(len(items)) < 0.6, bias[workers, truth[items]], guess)
    said = np.where(rng.random(len(items)) < accuracy[workers], truth[items], wrong)
    workers, _ = pd.factorize(workers)
    labels, names = pd.factorize(said)
    number = np.argsort(names)
    frame = pd.DataFrame({"task": items, "worker": workers, "label": labels})
    votes = Votes(
        items, workers.astype(np.int64), labels.astype(np.int64), _N_ITEMS, _N_WORKERS, _N_CLASSES
    )
    return Planted(votes, number[truth], frame)


def _dawid_skene_steps(made: Planted) -> Case:
    settings = DawidSkeneSettings(_STEPS, 0.0, prior_votes=0.0)
    return Case(
        bench=BENCH,
        case=f"Dawid-Skene, {_STEPS} steps, {_INPUT}",
        ours=lambda: dawid_skene(made.votes, settings).posterior,
        peer=_peer("DawidSkene"),
        theirs=lambda: _their_dawid_skene(made, _STEPS),
        target=0.33,
        equal=_same,
    )


def _dawid_skene_to_the_end(made: Planted) -> Iterator[Case]:
    """Both until no probability moves by more than 1e-6; crowd-kit is told after how many steps."""
    likeliest = DawidSkeneSettings(500, _TOLERANCE, prior_votes=0.0)
    n_steps = dawid_skene(made.votes, likeliest).n_iterations

    def has_ended(theirs: NDArray[np.float64]) -> bool:
        step_before = _their_dawid_skene(made, n_steps - 1)
        return bool(np.abs(theirs - step_before).max() <= _TOLERANCE + 1e-9)

    yield Case(
        bench=BENCH,
        case=f"Dawid-Skene to a change of 1e-6 ({n_steps} steps), {_INPUT}",
        ours=lambda: dawid_skene(made.votes, likeliest).posterior,
        peer=_peer("DawidSkene"),
        theirs=lambda: _their_dawid_skene(made, n_steps),
        target=0.10,
        equal=lambda ours, theirs: _same(ours, theirs) and has_ended(theirs),
        rounds=3,
    )
    default = DawidSkeneSettings()
    yield Case(
        bench=BENCH,
        case=f"Dawid-Skene to a change of 1e-6, default settings, {_INPUT}",
        ours=lambda: dawid_skene(made.votes, default),
        peer=_peer("DawidSkene"),
        theirs=lambda: _their_dawid_skene(made, n_steps),
        target=0.10,
        equal=lambda ours, theirs: (
            ours.has_converged
            and default.tolerance == _TOLERANCE
            and made.right(ours.posterior) >= made.right(theirs)
        ),
        rounds=3,
    )


def _one_coin_steps(made: Planted) -> Case:
    settings = OneCoinSettings(_ONE_COIN_STEPS, 0.0, prior_votes=0.0)
    return Case(
        bench=BENCH,
        case=f"one-coin, {_ONE_COIN_STEPS} steps, {_INPUT}",
        ours=lambda: one_coin(made.votes, settings).posterior,
        peer=_peer("OneCoinDawidSkene"),
        theirs=lambda: _their_one_coin(made, _ONE_COIN_STEPS),
        target=0.33,
        equal=_same,
        rounds=1,
    )


def _mace_steps(made: Planted) -> Case:
    """One start each; crowd-kit's is random, so the posteriors still differ a little."""
    settings = MaceSettings(_STEPS, 0.0, n_restarts=0)
    return Case(
        bench=BENCH,
        case=f"MACE, one start of {_STEPS} steps, {_INPUT}",
        ours=lambda: mace(made.votes, settings).posterior,
        peer=_peer("MACE"),
        theirs=lambda: _their_mace(made, _STEPS),
        target=0.33,
        equal=lambda ours, theirs: _same(ours, theirs, 1e-2),
        rounds=3,
    )


def _peer(name: str) -> str:
    return f"crowd-kit {version('crowd-kit')} {name}"


def _their_dawid_skene(made: Planted, n_steps: int) -> NDArray[np.float64]:
    from crowdkit.aggregation import DawidSkene

    return _probs(DawidSkene(n_iter=n_steps, tol=-np.inf).fit_predict_proba(made.frame))


def _their_one_coin(made: Planted, n_steps: int) -> NDArray[np.float64]:
    from crowdkit.aggregation import OneCoinDawidSkene

    return _probs(OneCoinDawidSkene(n_iter=n_steps, tol=-np.inf).fit_predict_proba(made.frame))


def _their_mace(made: Planted, n_steps: int) -> NDArray[np.float64]:
    from crowdkit.aggregation import MACE

    return _probs(MACE(n_restarts=1, n_iter=n_steps).fit_predict_proba(made.frame))


def _probs(frame: Any) -> NDArray[np.float64]:
    ordered = frame.sort_index().reindex(columns=range(_N_CLASSES), fill_value=0.0)
    return np.asarray(ordered.to_numpy(), dtype=np.float64)


def _same(ours: NDArray[np.float64], theirs: NDArray[np.float64], close: float = _CLOSE) -> bool:
    """Posteriors close and labels the same, but where two classes are as good as each other."""
    best = np.sort(ours, axis=1)
    is_clear = best[:, -1] - best[:, -2] > 2 * close
    is_same = ours.argmax(axis=1) == theirs.argmax(axis=1)
    return bool(np.abs(ours - theirs).max() <= close and is_same[is_clear].all())
