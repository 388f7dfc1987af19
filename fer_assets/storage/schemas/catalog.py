"""Which asset has which tables.

Belongs here: the map. Does not belong here: the schemas (one module per line).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fer_assets.storage.schema import Schema
from fer_assets.storage.schemas import frame_affect as a
from fer_assets.storage.schemas import tiktokfer as t


def _named(*schemas: Schema) -> Mapping[str, Schema]:
    return {schema.name: schema for schema in schemas}


ASSET_TABLES: Final[Mapping[str, Mapping[str, Schema]]] = {
    "tiktokfer/raw_videos": _named(
        t.RAW_VIDEOS, t.DOWNLOADS, t.VIDEO_FACTS, t.VIDEO_FINGERPRINTS, t.VIDEO_MATCHES
    ),
    "tiktokfer/prompt_clips": _named(t.PROMPT_CLIPS),
    "tiktokfer/face_crops": _named(t.FACE_CROPS, t.FRAMES),
    "tiktokfer/face_embeddings": _named(t.FACE_EMBEDDINGS),
    "tiktokfer/identity_clusters": _named(
        t.IDENTITY_CLUSTERS, t.IDENTITIES, t.THRESHOLD_CURVE, t.IDENTITY_CORRECTIONS
    ),
    "tiktokfer/labelling_tasks": _named(t.LABELLING_TASKS),
    "tiktokfer/crowd_answers": _named(t.CROWD_ANSWERS, t.ANSWER_FLAGS),
    "tiktokfer/crowd_labels": _named(
        t.CROWD_LABELS,
        t.DEMOGRAPHICS,
        t.DEMOGRAPHIC_DISAGREEMENTS,
        t.WORKERS,
        t.WORKER_CONFUSION,
        t.AGREEMENT,
        t.LABEL_ESTIMATES,
        t.HUMAN_CEILING,
        t.SUSPECT_LABELS,
    ),
    "tiktokfer/dataset_release": _named(t.DATASET_RELEASE, t.NEAR_DUPLICATES, t.LOSSES_BY_GROUP),
    "tiktokfer/trained_checkpoints": _named(t.PREDICTIONS, t.LEARNING_CURVE),
    "tiktokfer/benchmark_scores": _named(t.BENCHMARK_SCORES, t.CONFUSIONS),
    "tiktokfer/detection_validation": _named(t.VALIDATION_COUNTS),
    "tiktokfer/identity_validation": _named(t.VALIDATION_COUNTS),
    "tiktokfer/reproduction_report": _named(),
    "tiktokfer/people": _named(t.PEOPLE),
    "tiktokfer/pooled_release": _named(t.POOLED_RELEASE, t.NEAR_DUPLICATES),
    "tiktokfer/pooled_checkpoint": _named(t.PREDICTIONS, t.LEARNING_CURVE, t.SUSPECT_LABELS),
    "frame_affect/annotated_frames": _named(
        a.ANNOTATED_FRAMES, a.AFFECT_VIDEOS, a.VIDEO_TASKS, a.FRAME_ANNOTATIONS
    ),
    "frame_affect/frame_features": _named(a.FRAME_FEATURES),
    "frame_affect/affect_heads": _named(
        a.AFFECT_HEADS, a.HEAD_CURVE, a.AU_THRESHOLDS, a.HEAD_VIDEOS
    ),
    "frame_affect/frame_predictions": _named(a.FRAME_PREDICTIONS, a.HEAD_OUTPUTS),
    "frame_affect/affect_scores": _named(a.AFFECT_SCORES),
    "frame_affect/expression_backbone": _named(a.BACKBONES, a.BACKBONE_CURVE),
}
