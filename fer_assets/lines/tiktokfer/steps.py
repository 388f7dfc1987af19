"""The tiktokfer line: its steps in the order data flows.

Belongs here: the order. Does not belong here: any step.
"""

from __future__ import annotations

from typing import Final

from fer_assets.lines.catalog import Line
from fer_assets.lines.tiktokfer.answers import CROWD_ANSWERS_STEP
from fer_assets.lines.tiktokfer.faces import (
    DETECTION_VALIDATION_STEP,
    FACE_CROPS_STEP,
    FACE_EMBEDDINGS_STEP,
)
from fer_assets.lines.tiktokfer.identities import (
    IDENTITY_CLUSTERS_STEP,
    IDENTITY_VALIDATION_STEP,
)
from fer_assets.lines.tiktokfer.labels import CROWD_LABELS_STEP
from fer_assets.lines.tiktokfer.names import CROWD_ANSWERS, TRAINED_CHECKPOINTS
from fer_assets.lines.tiktokfer.people import PEOPLE_STEP
from fer_assets.lines.tiktokfer.prompts import PROMPT_CLIPS_STEP
from fer_assets.lines.tiktokfer.release import DATASET_RELEASE_STEP, POOLED_RELEASE_STEP
from fer_assets.lines.tiktokfer.report import REPRODUCTION_REPORT_STEP
from fer_assets.lines.tiktokfer.scores import BENCHMARK_SCORES_STEP
from fer_assets.lines.tiktokfer.tasks import LABELLING_TASKS_STEP
from fer_assets.lines.tiktokfer.training import (
    POOLED_CHECKPOINT_STEP,
    TRAINED_CHECKPOINTS_STEP,
)
from fer_assets.lines.tiktokfer.videos import RAW_VIDEOS_STEP

TIKTOKFER: Final = Line(
    name="tiktokfer",
    kind="prompted",
    steps=(
        RAW_VIDEOS_STEP,
        PROMPT_CLIPS_STEP,
        FACE_CROPS_STEP,
        FACE_EMBEDDINGS_STEP,
        IDENTITY_CLUSTERS_STEP,
        DETECTION_VALIDATION_STEP,
        IDENTITY_VALIDATION_STEP,
        LABELLING_TASKS_STEP,
        CROWD_ANSWERS_STEP,
        CROWD_LABELS_STEP,
        DATASET_RELEASE_STEP,
        TRAINED_CHECKPOINTS_STEP,
        BENCHMARK_SCORES_STEP,
        REPRODUCTION_REPORT_STEP,
        PEOPLE_STEP,
        POOLED_RELEASE_STEP,
        POOLED_CHECKPOINT_STEP,
    ),
    first_label_asset=CROWD_ANSWERS,
    first_training_asset=TRAINED_CHECKPOINTS,
)
