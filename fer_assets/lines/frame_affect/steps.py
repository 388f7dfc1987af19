"""The frame_affect line: its steps in the order data flows.

Belongs here: the order. Does not belong here: any step.
"""

from __future__ import annotations

from typing import Final

from fer_assets.lines.catalog import Line
from fer_assets.lines.frame_affect.backbone import EXPRESSION_BACKBONE_STEP
from fer_assets.lines.frame_affect.features import FRAME_FEATURES_STEP
from fer_assets.lines.frame_affect.frames import ANNOTATED_FRAMES_STEP
from fer_assets.lines.frame_affect.heads import AFFECT_HEADS_STEP
from fer_assets.lines.frame_affect.names import AFFECT_HEADS
from fer_assets.lines.frame_affect.predictions import FRAME_PREDICTIONS_STEP
from fer_assets.lines.frame_affect.scores import AFFECT_SCORES_STEP

FRAME_AFFECT: Final = Line(
    name="frame_affect",
    kind="affect",
    steps=(
        ANNOTATED_FRAMES_STEP,
        FRAME_FEATURES_STEP,
        AFFECT_HEADS_STEP,
        FRAME_PREDICTIONS_STEP,
        AFFECT_SCORES_STEP,
        EXPRESSION_BACKBONE_STEP,
    ),
    first_label_asset=None,
    first_training_asset=AFFECT_HEADS,
)
