"""What the simulated crowd is told about the demo's faces.

Belongs here: the truth in the words of the questionnaire. Does not belong here: drawing answers
(`labels/simulation.py`).
"""

from __future__ import annotations

from typing import Final

import polars as pl

from fer_assets.demo.people import NEUTRAL
from fer_assets.demo.truth import IN_BETWEEN

_GENDERS: Final = {"female": "woman", "male": "man"}
_EXPRESSIONS: Final = {NEUTRAL: "none", IN_BETWEEN: "other"}
_AGE_GROUPS: Final = ((12, "child"), (19, "teen"), (35, "young-adult"), (59, "adult"))


def crowd_truth(faces_truth: pl.DataFrame) -> pl.DataFrame:
    """face_id, is_face, expression, skin_tone, age_group, gender as `simulate_answers` takes them.

    A person's age group is that of the middle of the stated range. A face at rest shows no
    expression ("none"), one in motion another ("other").

    Args:
        faces_truth: what `faces_truth_for` says.
    """
    ages = {
        text: _age_group(text) for text in faces_truth["age_group"].drop_nulls().unique().to_list()
    }
    return faces_truth.select(
        "face_id",
        "is_face",
        pl.col("expression").replace(_EXPRESSIONS),
        "skin_tone",
        pl.col("age_group").replace(ages),
        pl.col("gender").replace(_GENDERS),
    )


def _age_group(years: str) -> str:
    """The questionnaire's group of ``"35-45"``."""
    low, high = (int(part) for part in years.split("-"))
    middle = (low + high) / 2
    return next((name for last, name in _AGE_GROUPS if middle <= last), "senior")
