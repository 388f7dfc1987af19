"""The ABAW scores: against torchmetrics, scikit-learn, the definitions and resampled videos."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.metrics import f1_score

from fer_assets.compute.torch_setup import import_torch
from fer_assets.metrics.affect import (
    AffectSums,
    affect_figures,
    ccc,
    moments,
    p_au,
    p_expr,
    p_va,
    unit_counts,
    unit_f1,
    video_warning,
)
from fer_assets.metrics.classification import confusion_matrix
from fer_assets.metrics.uncertainty import BootstrapSettings, resamples

EXPRESSIONS = tuple("abcdefgh")
UNITS = tuple(f"u{number:02}" for number in range(12))


def slow_ccc(target: np.ndarray, pred: np.ndarray) -> float:
    """By the definition, with population moments."""
    covariance = np.mean((target - target.mean()) * (pred - pred.mean()))
    return float(2 * covariance / (target.var() + pred.var() + (target.mean() - pred.mean()) ** 2))


@pytest.mark.parametrize("n", [2, 7, 5_000])
def test_ccc_equals_its_definition_and_torchmetrics(n: int) -> None:
    torch = import_torch()
    from torchmetrics.functional import concordance_corrcoef

    rng = np.random.default_rng(n)
    target = rng.uniform(-1, 1, n)
    pred = np.clip(0.6 * target + rng.normal(scale=0.3, size=n) + 0.1, -1, 1)
    found = float(ccc(moments(target, pred)))
    assert found == pytest.approx(slow_ccc(target, pred), abs=1e-12)
    # torchmetrics' moments are the sample's: n / (n - 1) on covariance and variances.
    theirs = float(concordance_corrcoef(torch.from_numpy(pred), torch.from_numpy(target)))
    more, apart = n / (n - 1), (target.mean() - pred.mean()) ** 2
    spread = target.var() + pred.var()
    assert found == pytest.approx(theirs * (more * spread + apart) / more / (spread + apart))


def test_ccc_of_what_does_not_vary() -> None:
    varied, flat = np.linspace(-1, 1, 50), np.full(50, 0.3)
    assert ccc(moments(varied, varied)) == pytest.approx(1)
    assert ccc(moments(varied, -varied)) == pytest.approx(-1)
    assert ccc(moments(varied, flat)) == pytest.approx(0, abs=1e-12)
    assert ccc(moments(flat, np.full(50, 0.4))) == pytest.approx(0, abs=1e-12)
    assert np.isnan(ccc(moments(flat, flat)))
    assert np.isnan(ccc(moments(np.full(3, np.nan), np.zeros(3))))


def test_sums_of_parts_give_the_ccc_of_all_and_nan_is_left_out() -> None:
    rng = np.random.default_rng(0)
    target, pred = rng.uniform(-1, 1, (2, 300))
    target[rng.random(300) < 0.3] = np.nan
    known = ~np.isnan(target)
    parts = sum(moments(target[rows], pred[rows]) for rows in np.split(np.arange(300), [50, 51]))
    assert ccc(np.asarray(parts)) == pytest.approx(slow_ccc(target[known], pred[known]))
    pred[np.flatnonzero(known)[0]] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        moments(target, pred)


@pytest.mark.parametrize("n_classes_shown", [8, 5])
def test_p_expr_equals_scikit_learn_over_all_eight(n_classes_shown: int) -> None:
    rng = np.random.default_rng(1)
    target, pred = rng.integers(0, n_classes_shown, (2, 200))
    found = p_expr(confusion_matrix(target, pred, 8).astype(float))
    theirs = f1_score(target, pred, labels=range(8), average="macro", zero_division=0)
    assert found == pytest.approx(theirs)


def test_p_expr_equals_torchmetrics_where_every_class_is_shown() -> None:
    torch = import_torch()
    from torchmetrics.functional.classification import multiclass_f1_score

    rng = np.random.default_rng(2)
    target = np.concatenate([np.arange(8), rng.integers(0, 8, 300)])
    pred = np.where(rng.random(308) < 0.5, target, rng.integers(0, 8, 308))
    theirs = multiclass_f1_score(
        torch.from_numpy(pred), torch.from_numpy(target), num_classes=8, average="macro"
    )
    assert p_expr(confusion_matrix(target, pred, 8).astype(float)) == pytest.approx(float(theirs))


def test_p_au_equals_scikit_learn_and_torchmetrics_unit_by_unit() -> None:
    torch = import_torch()
    from torchmetrics.functional.classification import binary_f1_score

    rng = np.random.default_rng(3)
    target = rng.integers(-1, 2, (400, 12))
    present = rng.random((400, 12)) < 0.4
    target[:, 4] = np.where(target[:, 4] == 1, 0, target[:, 4])
    present[:, 4] = False  # never annotated, never predicted: counts as 0
    target[:, 5] = -1  # not annotated at all
    counts = unit_counts(target, present)
    theirs = []
    for unit in range(12):
        known = target[:, unit] >= 0
        pair = target[known, unit], present[known, unit]
        theirs.append(f1_score(*pair, zero_division=0) if known.any() else 0.0)
        tensors = (torch.from_numpy(side.astype(np.int64)) for side in reversed(pair))
        torchmetrics_f1 = float(binary_f1_score(*tensors)) if known.any() else 0.0
        assert torchmetrics_f1 == pytest.approx(theirs[-1], abs=1e-6)
    assert unit_f1(counts).tolist() == pytest.approx(theirs)
    assert p_au(counts) == pytest.approx(np.mean(theirs))
    assert counts.sum(-1).tolist() == (target >= 0).sum(0).tolist()


def test_several_rules_are_counted_at_once() -> None:
    rng = np.random.default_rng(4)
    target, probs = rng.integers(-1, 2, (90, 12)), rng.random((90, 12))
    rules = rng.random((5, 12))
    together = unit_counts(target, probs >= rules[:, None])
    for rule, counts in zip(rules, together, strict=True):
        assert (counts == unit_counts(target, probs >= rule)).all()


def some_videos(n_videos: int, seed: int = 0) -> tuple[list[dict[str, np.ndarray]], AffectSums]:
    """Annotations and predictions of videos, and their sums."""
    rng = np.random.default_rng(seed)
    videos = []
    for _ in range(n_videos):
        n, ease = int(rng.integers(5, 40)), rng.uniform(0.2, 0.8)
        target = rng.integers(0, 8, n)
        affect = rng.uniform(-1, 1, (n, 2))
        units = rng.integers(-1, 2, (n, 12))
        videos.append(
            {
                "target": target,
                "pred": np.where(rng.random(n) < ease, target, rng.integers(0, 8, n)),
                "affect": affect,
                "values": ease * affect + rng.normal(scale=0.2, size=(n, 2)),
                "units": units,
                "present": np.where(rng.random((n, 12)) < ease, units == 1, units == 0),
            }
        )
    confusions = [confusion_matrix(one["target"], one["pred"], 8) for one in videos]
    of_affect = [
        [moments(one["affect"][:, at], one["values"][:, at]) for at in (0, 1)] for one in videos
    ]
    counts = [unit_counts(one["units"], one["present"]) for one in videos]
    sums = AffectSums(np.array(confusions, float), np.array(of_affect), np.array(counts, float))
    return videos, sums


def slow_figures(videos: list[dict[str, np.ndarray]]) -> dict[str, float]:
    """From the frames themselves."""
    one = {name: np.concatenate([video[name] for video in videos]) for name in videos[0]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        by_class = f1_score(
            one["target"], one["pred"], labels=range(8), average=None, zero_division=0
        )
        by_unit = [
            f1_score(one["units"][known, at], one["present"][known, at], zero_division=0)
            for at, known in enumerate((one["units"] >= 0).T)
        ]
    of_affect = [slow_ccc(one["affect"][:, at], one["values"][:, at]) for at in (0, 1)]
    found = {"P_EXPR": by_class.mean(), "P_AU": np.mean(by_unit), "P_VA": np.mean(of_affect)}
    return {
        **found,
        "P_MTL": sum(found.values()),
        "accuracy": float(np.mean(one["target"] == one["pred"])),
        "CCC_V": of_affect[0],
        "CCC_A": of_affect[1],
        "F1/c": by_class[2],
        "F1/u11": by_unit[11],
    }


def test_figures_and_intervals_equal_a_slow_bootstrap_that_copies_videos() -> None:
    videos, sums = some_videos(11)
    settings = BootstrapSettings(n_resamples=60, seed=3)
    found = affect_figures(sums, EXPRESSIONS, UNITS, settings)
    assert len(found) == 2 + 8 + 3 + 1 + 12 + 1
    for name, value in slow_figures(videos).items():
        assert found[name].value == pytest.approx(value), name
    drawn: dict[str, list[float]] = {}
    for times in np.concatenate(list(resamples(11, settings))).astype(int):
        copies = [video for video, n in zip(videos, times, strict=True) for _ in range(n)]
        for name, value in slow_figures(copies).items():
            drawn.setdefault(name, []).append(value)
    for name, values in drawn.items():
        ends = np.quantile(values, [0.025, 0.975])
        assert (found[name].low, found[name].high) == pytest.approx(tuple(ends)), name


def test_a_task_has_its_own_figures_only_and_one_video_has_no_interval() -> None:
    _, sums = some_videos(1)
    found = affect_figures(AffectSums(moments=sums.moments), EXPRESSIONS, UNITS)
    assert set(found) == {"P_VA", "CCC_V", "CCC_A"}
    assert found["P_VA"].value == pytest.approx(float(p_va(sums.moments)[0]))
    assert np.isnan(found["P_VA"].low) and np.isnan(found["P_VA"].high)


def test_few_videos_are_warned_of() -> None:
    assert "no interval" in video_warning(1)
    assert "too narrow" in video_warning(9)
    assert video_warning(10) == ""
