"""The final names of the line's assets: its public interface.

Belongs here: names. Does not belong here: anything else.
"""

from typing import Final

ANNOTATED_FRAMES: Final = "frame_affect/annotated_frames"
EXPRESSION_BACKBONE: Final = "frame_affect/expression_backbone"
FRAME_FEATURES: Final = "frame_affect/frame_features"
AFFECT_HEADS: Final = "frame_affect/affect_heads"
FRAME_PREDICTIONS: Final = "frame_affect/frame_predictions"
AFFECT_SCORES: Final = "frame_affect/affect_scores"
