"""The expressions of the papers, under the names the papers use.

Belongs here: names only. Maps from other benchmarks' labels live with their readers.
"""

from __future__ import annotations

from typing import Final

EKMAN: Final = ("angry", "disgust", "sad", "surprise", "smiling")
"""The five Ekman expressions among the prompts (Surabhi et al., section 4)."""

BEYOND_EKMAN: Final = (
    "clenched-teeth",
    "clown-face",
    "cringe",
    "cry",
    "disappointed",
    "eye-roll",
    "kiss",
    "nauseated-face",
    "thinking-face",
    "winking-face",
)
"""The ten other prompts of the paper."""

TIKTOKFER_PROMPTS: Final = tuple(sorted(EKMAN + BEYOND_EKMAN))
"""All 15 prompts of the paper."""

AFFECT_EXPRESSIONS: Final = (
    "neutral",
    "anger",
    "disgust",
    "fear",
    "happiness",
    "sadness",
    "surprise",
    "other",
)
"""The eight expressions of Aff-Wild2, in the order of its class numbers (ABAW3)."""

AFFECTNET_EXPRESSIONS: Final = (
    "neutral",
    "happiness",
    "sadness",
    "surprise",
    "fear",
    "disgust",
    "anger",
    "contempt",
)
"""The eight expressions of AffectNet, in the order of its class numbers."""

AFFECT_ACTION_UNITS: Final = (
    "AU01", "AU02", "AU04", "AU06", "AU07", "AU10", "AU12", "AU15", "AU23", "AU24", "AU25", "AU26",
)  # fmt: skip
"""The twelve action units of Aff-Wild2, in the order of its columns (ABAW3)."""

AFFECT_TASKS: Final = ("EXPR", "VA", "AU", "MTL")
"""The tasks of the ABAW3 competition: expression, valence-arousal, action units, all of them."""
