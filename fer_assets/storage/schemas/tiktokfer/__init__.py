"""The tables of the tiktokfer line: every column, its dtype, unit, range, meaning and subject.

Belongs here: bringing the schemas of the modules together. Does not belong here: code.
"""

from fer_assets.storage.schemas.tiktokfer.columns import (
    CLIP_ID,
    EXPRESSION,
    FACE_ID,
    IDENTITY_ID,
    IMAGE,
    IS_SIMULATED,
    LANDMARKS_DTYPE,
    PERSON_ID,
    PROMPT_ID,
    SOFT_LABEL_DTYPE,
    SPLIT,
    VIDEO_ID,
    WORKER_ID,
)
from fer_assets.storage.schemas.tiktokfer.footage import (
    FACE_CROPS,
    FACE_EMBEDDINGS,
    FRAMES,
    PROMPT_CLIPS,
    RAW_VIDEOS,
)
from fer_assets.storage.schemas.tiktokfer.labels import (
    AGREEMENT,
    CROWD_ANSWERS,
    CROWD_LABELS,
    DATASET_RELEASE,
    DEMOGRAPHICS,
    LABELLING_TASKS,
    POOLED_RELEASE,
    WORKERS,
)
from fer_assets.storage.schemas.tiktokfer.people import (
    IDENTITIES,
    IDENTITY_CLUSTERS,
    IDENTITY_REGISTRY,
    PEOPLE,
    PERSON_REGISTRY,
    SPLIT_REGISTRY,
    THRESHOLD_CURVE,
)
from fer_assets.storage.schemas.tiktokfer.scores import (
    BENCHMARK_SCORES,
    CONFUSIONS,
    LEARNING_CURVE,
    PREDICTIONS,
    VALIDATION_COUNTS,
)

__all__ = [
    "AGREEMENT",
    "BENCHMARK_SCORES",
    "CLIP_ID",
    "CONFUSIONS",
    "CROWD_ANSWERS",
    "CROWD_LABELS",
    "DATASET_RELEASE",
    "DEMOGRAPHICS",
    "EXPRESSION",
    "FACE_CROPS",
    "FACE_EMBEDDINGS",
    "FACE_ID",
    "FRAMES",
    "IDENTITIES",
    "IDENTITY_CLUSTERS",
    "IDENTITY_ID",
    "IDENTITY_REGISTRY",
    "IMAGE",
    "IS_SIMULATED",
    "LABELLING_TASKS",
    "LANDMARKS_DTYPE",
    "LEARNING_CURVE",
    "PEOPLE",
    "PERSON_ID",
    "PERSON_REGISTRY",
    "POOLED_RELEASE",
    "PREDICTIONS",
    "PROMPT_CLIPS",
    "PROMPT_ID",
    "RAW_VIDEOS",
    "SOFT_LABEL_DTYPE",
    "SPLIT",
    "SPLIT_REGISTRY",
    "THRESHOLD_CURVE",
    "VALIDATION_COUNTS",
    "VIDEO_ID",
    "WORKERS",
    "WORKER_ID",
]
