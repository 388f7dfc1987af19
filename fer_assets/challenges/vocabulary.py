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
