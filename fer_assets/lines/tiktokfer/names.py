"""The final names of the line's assets: its public interface.

Belongs here: names. Does not belong here: anything else.
"""

from typing import Final

RAW_VIDEOS: Final = "tiktokfer/raw_videos"
PROMPT_CLIPS: Final = "tiktokfer/prompt_clips"
FACE_CROPS: Final = "tiktokfer/face_crops"
FACE_EMBEDDINGS: Final = "tiktokfer/face_embeddings"
IDENTITY_CLUSTERS: Final = "tiktokfer/identity_clusters"
LABELLING_TASKS: Final = "tiktokfer/labelling_tasks"
CROWD_ANSWERS: Final = "tiktokfer/crowd_answers"
CROWD_LABELS: Final = "tiktokfer/crowd_labels"
DATASET_RELEASE: Final = "tiktokfer/dataset_release"
TRAINED_CHECKPOINTS: Final = "tiktokfer/trained_checkpoints"
BENCHMARK_SCORES: Final = "tiktokfer/benchmark_scores"
DETECTION_VALIDATION: Final = "tiktokfer/detection_validation"
IDENTITY_VALIDATION: Final = "tiktokfer/identity_validation"
REPRODUCTION_REPORT: Final = "tiktokfer/reproduction_report"
PEOPLE: Final = "tiktokfer/people"
POOLED_RELEASE: Final = "tiktokfer/pooled_release"
POOLED_CHECKPOINT: Final = "tiktokfer/pooled_checkpoint"
