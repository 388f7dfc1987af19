"""How well a run on the demo did, computed from its tables and the truth.

Belongs here: figures, the floors they are held against, the report. Does not belong here: joining
found with true things (`demo/matching.py`), running the pipeline.

Every figure is a share or an index for which more is better, so that one comparison serves all;
a figure that nobody computed misses its floor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import polars as pl

from fer_assets.challenges.vocabulary import EKMAN
from fer_assets.demo.casting import demo_challenge
from fer_assets.demo.floors import against_floors
from fer_assets.demo.matching import (
    faces_truth_for,
    match_prompts,
    true_faces_in,
    true_prompts,
)
from fer_assets.demo.truth import Truth
from fer_assets.metrics.classification import confusion_matrix, macro_f1
from fer_assets.metrics.clustering import adjusted_rand_index

MOST_FOLDS: Final = 3

FLOORS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "videos_sorted": 1.0,
        "prompts_found": 0.99,
        "prompts_true": 1.0,
        "prompts_with_frames": 0.99,
        "faces_found": 0.99,
        "faces_true": 0.99,
        "people_ari": 0.95,
        "people_held_out": 1.0,
        "folds_few": 1.0,
        # Five expressions of ten people are fifty pictures, one of which weighs 0.02.
        "macro_f1_ekman": 0.92,
        "macro_f1_all": 0.65,
    }
)
"""Figure to floor; `identity_ari/KEY` comes on top, once per challenge."""

IDENTITY_ARI_FLOOR: Final = 0.95


@dataclass(frozen=True)
class ChallengeRun:
    """The pipeline's tables of one challenge, as their schemas say."""

    raw_videos: pl.DataFrame
    prompt_clips: pl.DataFrame
    frames: pl.DataFrame
    face_crops: pl.DataFrame
    identity_clusters: pl.DataFrame


def score_run(
    runs: Mapping[str, ChallengeRun],
    people: pl.DataFrame,
    predictions: pl.DataFrame,
    truth: Truth,
    checkpoint_classes: Sequence[str],
) -> dict[str, float]:
    """Every figure of a run.

    Args:
        runs: challenge key to tables.
        people: PEOPLE over all challenges.
        predictions: PREDICTIONS of held-out people, over the faces of all challenges.
        truth: the demo's truth.
        checkpoint_classes: the order of `predictions.probs`.
    """
    figures = {
        "videos_sorted": _pooled(runs, truth, videos_sorted),
        "prompts_found": _pooled(runs, truth, prompts_found),
        "prompts_true": _pooled(runs, truth, prompts_true),
        "prompts_with_frames": _pooled(runs, truth, prompts_with_frames),
        "faces_found": _pooled(runs, truth, faces_found),
        "faces_true": _pooled(runs, truth, faces_true),
    }
    seen = {
        key: faces_truth_for(run.face_crops, run.raw_videos, truth.of(key))
        for key, run in runs.items()
    }
    for key, run in runs.items():
        figures[f"identity_ari/{key}"] = identity_ari(run.identity_clusters, seen[key])
    figures["people_ari"] = people_ari(
        {key: run.identity_clusters for key, run in runs.items()}, people, seen
    )
    faces = pl.concat(seen.values())
    classes = tuple(dict.fromkeys(p.prompt_id for k in runs for p in demo_challenge(k).prompts))
    figures["people_held_out"] = people_held_out(predictions, faces)
    figures["folds_few"] = float(0 < predictions["fold"].n_unique() <= MOST_FOLDS)
    figures["macro_f1_ekman"] = true_macro_f1(predictions, faces, EKMAN, checkpoint_classes)
    figures["macro_f1_all"] = true_macro_f1(predictions, faces, classes, checkpoint_classes)
    return figures


def report(
    figures: Mapping[str, float], challenges: Sequence[str]
) -> dict[str, dict[str, float | bool | None]]:
    """Name to `value`, `floor` and `ok`, for every promised figure and no other.

    A promised figure that is missing or no number has no value and is not ok.
    """
    floors = dict(FLOORS) | {f"identity_ari/{key}": IDENTITY_ARI_FLOOR for key in challenges}
    return against_floors(figures, dict(sorted(floors.items())))


def videos_sorted(run: ChallengeRun, truth: Truth) -> tuple[int, int]:
    """Files that became what they must become, of all files.

    Of a file and its byte-identical copy one is accepted and one a duplicate, either way round. A
    re-upload is a duplicate that names its source. A file without sound may be accepted or
    quarantined, but has no prompt clip.
    """
    known = run.raw_videos.select("video_id", "duplicate_of", file="path", found="status")
    sources = known.select(source="file", source_id="video_id")
    found = truth.videos.join(known, on="file", how="left").join(sources, on="source", how="left")
    with_clips = run.prompt_clips["video_id"].unique()
    status, is_heard = pl.col("found"), pl.col("video_id").is_in(with_clips.implode())
    right = found.filter(
        pl.when(pl.col("status") == "silent")
        .then(status.is_in(["accepted", "quarantined"]) & ~is_heard)
        .when(pl.col("status") == "duplicate")
        .then(status.is_in(["accepted", "duplicate"]))
        .when(pl.col("status") == "reupload")
        .then((status == "duplicate") & (pl.col("duplicate_of") == pl.col("source_id")))
        .otherwise(status == pl.col("status"))
    )
    twins = found.filter(pl.col("status") == "duplicate")
    accepted = twins.filter(pl.col("found") == "accepted").height
    wrong_twins = abs(accepted - twins.filter(pl.col("source").is_null()).height)
    return max(right.height - wrong_twins, 0), max(truth.videos.height, run.raw_videos.height)


def prompts_found(run: ChallengeRun, truth: Truth) -> tuple[int, int]:
    """True prompts that were found within 20 ms, of all true prompts."""
    hits = match_prompts(run.prompt_clips, run.raw_videos, truth)
    return hits["start_s"].count(), true_prompts(truth).height


def prompts_true(run: ChallengeRun, truth: Truth) -> tuple[int, int]:
    """Found prompts that are true ones, of all found prompts: less than all means invented."""
    hits = match_prompts(run.prompt_clips, run.raw_videos, truth)
    return hits["start_s"].count(), hits.height


def prompts_with_frames(run: ChallengeRun, truth: Truth) -> tuple[int, int]:
    """True prompts of which at least one frame was sampled, of all true prompts."""
    hits = match_prompts(run.prompt_clips, run.raw_videos, truth).drop_nulls("start_s")
    return hits.join(run.frames, on="clip_id", how="semi").height, true_prompts(truth).height


def faces_found(run: ChallengeRun, truth: Truth) -> tuple[int, int]:
    """True faces of the sampled frames that were found, of all of them."""
    true = true_faces_in(run.frames, run.raw_videos, truth)
    seen = faces_truth_for(run.face_crops, run.raw_videos, truth).filter("is_face")
    return true.join(seen, on=["file", "frame", "person"], how="semi").height, true.height


def faces_true(run: ChallengeRun, truth: Truth) -> tuple[int, int]:
    """Found faces that are true ones, of all found faces."""
    seen = faces_truth_for(run.face_crops, run.raw_videos, truth)
    return int(seen["is_face"].sum()), seen.height


def identity_ari(clusters: pl.DataFrame, seen: pl.DataFrame) -> float:
    """Adjusted Rand index of identities against people, over the found faces of a challenge.

    A false face is a person of its own. A found face without an identity counts as an identity of
    its own.

    Args:
        clusters: IDENTITY_CLUSTERS.
        seen: what `faces_truth_for` says of the same faces.
    """
    faces = _with_person(seen).join(
        clusters.select("face_id", "identity_id"), on="face_id", how="left"
    )
    found = faces["identity_id"].fill_null(pl.lit("none/") + faces["face_id"])
    return _ari(faces["person"], found)


def people_ari(
    clusters: Mapping[str, pl.DataFrame], people: pl.DataFrame, seen: Mapping[str, pl.DataFrame]
) -> float:
    """The same index for people over all challenges."""
    parts = []
    for key, faces in seen.items():
        names = people.filter(pl.col("challenge") == key).select("identity_id", "person_id")
        parts.append(
            _with_person(faces)
            .join(clusters[key].select("face_id", "identity_id"), on="face_id", how="left")
            .join(names, on="identity_id", how="left")
            .select("face_id", "person", "person_id")
        )
    faces = pl.concat(parts)
    return _ari(faces["person"], faces["person_id"].fill_null(pl.lit("none/") + faces["face_id"]))


def people_held_out(predictions: pl.DataFrame, seen: pl.DataFrame) -> float:
    """Share of predicted faces whose true person is in no other fold; 0 without any."""
    faces = predictions.join(seen.filter("is_face"), on="face_id", how="inner")
    if not faces.height:
        return 0.0
    folds = faces.group_by("person").agg(pl.col("fold").n_unique().alias("folds"), pl.len())
    alone = folds.filter(pl.col("folds") == 1)["len"].sum()
    return float(alone / faces.height)


def true_macro_f1(
    predictions: pl.DataFrame,
    seen: pl.DataFrame,
    classes: Sequence[str],
    checkpoint_classes: Sequence[str],
) -> float:
    """Macro F1 of predictions against true expressions, not against the crowd's labels.

    Over the predicted faces whose true expression is one of `classes`; the prediction is the most
    probable of `classes`, as in the paper's five-class protocol. A class without a single face
    counts as 0.

    Args:
        predictions: PREDICTIONS.
        seen: what `faces_truth_for` says of the same faces.
        classes: the classes told apart.
        checkpoint_classes: the order of `predictions.probs`.
    """
    faces = predictions.join(
        seen.select("face_id", "expression").filter(pl.col("expression").is_in(list(classes))),
        on="face_id",
        how="inner",
    )
    if not faces.height:
        return 0.0
    columns = [list(checkpoint_classes).index(name) for name in classes]
    probs = np.array(faces["probs"].to_list(), dtype=np.float64)[:, columns]
    place = {name: i for i, name in enumerate(classes)}
    target = np.array([place[name] for name in faces["expression"]], dtype=np.int64)
    counts = confusion_matrix(target, probs.argmax(axis=1), len(classes))
    # A class without faces has an F1 of 0 where it was predicted and none where it was not.
    n_seen = int(((counts.sum(axis=0) + counts.sum(axis=1)) > 0).sum())
    return float(macro_f1(counts)) * n_seen / len(classes)


def _pooled(
    runs: Mapping[str, ChallengeRun],
    truth: Truth,
    count: Callable[[ChallengeRun, Truth], tuple[int, int]],
) -> float:
    """A share over all challenges; 0 where there is nothing to take a share of."""
    counts = [count(run, truth.of(key)) for key, run in runs.items()]
    whole = sum(of for _, of in counts)
    return sum(part for part, _ in counts) / whole if whole else 0.0


def _with_person(seen: pl.DataFrame) -> pl.DataFrame:
    return seen.select(
        "face_id", person=pl.col("person").fill_null(pl.lit("false/") + pl.col("face_id"))
    )


def _ari(truth: pl.Series, found: pl.Series) -> float:
    """The index; 0 where there is nothing to cluster."""
    if len(truth) < 2:
        return 0.0
    return adjusted_rand_index(truth.to_numpy(), found.to_numpy())
