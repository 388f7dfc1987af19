"""What the reproduction report says of the checkpoints and benchmarks behind its scores.

Belongs here: reading cards, held-out predictions and benchmark facts for the page. Does not belong
here: the page, the scores.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from fer_assets.lines.tiktokfer.names import BENCHMARK_SCORES, TRAINED_CHECKPOINTS
from fer_assets.lines.tiktokfer.scores import BENCHMARKS_FILE, benchmark_table, serving_runs
from fer_assets.lines.workspace import Workspace

if TYPE_CHECKING:
    from fer_assets.benchmarks.report_data import PublicResult, WeightUse
    from fer_assets.metrics.reliability import ReliabilityBin

_DIGEST_SHOWN = 12


def serving_cards(workspace: Workspace, partition: str | None) -> dict[str, dict[str, Any]]:
    """Run to card of the checkpoint that stands for each seed."""
    data = workspace.data
    runs = serving_runs(data.blobs(TRAINED_CHECKPOINTS, partition))
    return {
        run: json.loads(data.blob(TRAINED_CHECKPOINTS, partition, f"{run}.json")) for run in runs
    }


def checkpoint_facts(
    cards: Mapping[str, Mapping[str, Any]], predictions: pl.DataFrame
) -> dict[str, str]:
    """What was scored, as text by name.

    Args:
        cards: from `serving_cards`.
        predictions: PREDICTIONS of the same asset.
    """
    card = next(iter(cards.values()))
    recipe, licence = card["recipe"], licence_of(card)
    folds = predictions["fold"].n_unique()
    counts = {"faces": card.get("n_train"), "people": card.get("n_train_people")}
    learned = ", ".join(f"{n:,} {of}" for of, n in counts.items() if n is not None)
    facts = {
        "recipe": recipe["name"],
        "backbone": f"{recipe['backbone']}, {recipe['weights']}",
        "licence of the weights": licence["licence"] or "none: trained from random weights",
        "target": recipe["target"],
        "expressions": str(len(card["classes"])),
        "seeds": str(predictions["seed"].n_unique()),
        "held out": f"{predictions['face_id'].n_unique():,} faces of "
        f"{predictions['group_id'].n_unique():,} people, "
        + (f"{folds} folds by person" if folds > 1 else "by the release's splits"),
        "checkpoint for other data": f"{', '.join(cards)} ({learned})" if learned else
        ", ".join(cards),
        "release": str(card.get("release_digest", ""))[:_DIGEST_SHOWN] or "not recorded",
    }  # fmt: skip
    notes = dict.fromkeys(note for one in cards.values() for note in one.get("notes", ()))
    return facts | ({"to know": " ".join(notes)} if notes else {})


def licence_of(card: Mapping[str, Any]) -> dict[str, str]:
    """Licence and restrictions of the weights a checkpoint started from; "" where none."""
    said = card.get("weights") or card.get("weights_licence") or {}
    return {key: str(said.get(key, "")) for key in ("licence", "restrictions")}


def backbone_use(card: Mapping[str, Any]) -> WeightUse:
    """The weights a checkpoint started from, as the report lists them."""
    from fer_assets.benchmarks.report_data import WeightUse

    said = licence_of(card)
    name = card["recipe"]["weights"]
    return WeightUse(name, said["licence"], "backbone", said["restrictions"])


def reliability_by_protocol(
    predictions: pl.DataFrame, classes: tuple[str, ...]
) -> dict[str, tuple[ReliabilityBin, ...]]:
    """Bins of the reliability diagram of held-out people, under each protocol that they allow.

    Args:
        predictions: PREDICTIONS; all seeds of the same faces.
        classes: class names in the order of the probabilities.
    """
    from fer_assets.benchmarks.protocols import PROTOCOLS
    from fer_assets.benchmarks.scored_images import ScoredImages, restrict
    from fer_assets.metrics.reliability import reliability

    found = {}
    by_seed = predictions.sort("seed", "face_id").partition_by("seed", maintain_order=True)
    if not by_seed:
        return {}
    images = ScoredImages(
        classes,
        by_seed[0]["target"].to_list(),
        np.stack([np.array(one["probs"].to_list(), np.float64) for one in by_seed]),
        by_seed[0]["group_id"].to_numpy().astype(str),
    )
    for protocol in PROTOCOLS:
        if set(protocol.classes or classes) <= set(classes):
            part = restrict(images, protocol)
            number = {name: column for column, name in enumerate(part.classes)}
            target = np.array([number[name] for name in part.targets], np.int64)
            if len(target):
                found[protocol.name] = reliability(part.by_seed, target, part.people)
    return found


def public_results(workspace: Workspace, partition: str | None) -> tuple[PublicResult, ...]:
    """Public benchmarks and folders: how much was scored, what was left out and why."""
    from fer_assets.benchmarks.report_data import PublicResult

    data = workspace.data
    scores = data.table(BENCHMARK_SCORES, partition, "benchmark_scores")
    facts = {}
    if BENCHMARKS_FILE in data.blobs(BENCHMARK_SCORES, partition):
        facts = json.loads(data.blob(BENCHMARK_SCORES, partition, BENCHMARKS_FILE))
    return tuple(PublicResult(*row) for row in benchmark_table(scores, facts).iter_rows())
