"""The tables of the frame_affect line: every column, its dtype, unit, range, meaning and subject.

Belongs here: bringing the schemas of the modules together. Does not belong here: code.
"""

from fer_assets.storage.schemas.frame_affect.frames import (
    AFFECT_VIDEOS,
    ANNOTATED_FRAMES,
    FRAME_ANNOTATIONS,
    FRAME_FEATURES,
    VIDEO_TASKS,
)
from fer_assets.storage.schemas.frame_affect.models import (
    AFFECT_HEADS,
    AU_THRESHOLDS,
    BACKBONE_CURVE,
    BACKBONES,
    HEAD_CURVE,
    HEAD_VIDEOS,
)
from fer_assets.storage.schemas.frame_affect.scores import (
    AFFECT_SCORES,
    FRAME_PREDICTIONS,
    HEAD_OUTPUTS,
)

__all__ = [
    "AFFECT_HEADS",
    "AFFECT_SCORES",
    "AFFECT_VIDEOS",
    "ANNOTATED_FRAMES",
    "AU_THRESHOLDS",
    "BACKBONES",
    "BACKBONE_CURVE",
    "FRAME_ANNOTATIONS",
    "FRAME_FEATURES",
    "FRAME_PREDICTIONS",
    "HEAD_CURVE",
    "HEAD_OUTPUTS",
    "HEAD_VIDEOS",
    "VIDEO_TASKS",
]
