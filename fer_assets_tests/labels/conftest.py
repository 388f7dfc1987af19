"""A small challenge: faces, their truth, and tasks."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from fer_assets.labels.questionnaire import Questionnaire, load_questionnaire
from fer_assets.labels.tasks import TaskSettings, make_tasks


@pytest.fixture(scope="session")
def questionnaire() -> Questionnaire:
    return load_questionnaire()


@pytest.fixture(scope="session")
def truth(questionnaire: Questionnaire) -> pl.DataFrame:
    """400 faces of 20 people in 40 videos; every 20th is no face, every 25th an exact copy."""
    rng = np.random.default_rng(7)
    n = 400
    people = np.arange(n) // 20
    names = questionnaire.expressions
    return pl.DataFrame(
        {
            "face_id": [f"video{i // 10:02d}/{500 * (i % 10)}/500-400" for i in range(n)],
            "video_id": [f"video{i // 10:02d}" for i in range(n)],
            "identity_id": [f"person{p:02d}" for p in people],
            "is_duplicate": [i % 25 == 24 for i in range(n)],
            "expression": [names[k] for k in rng.integers(0, len(names), n)],
            "is_face": [i % 20 != 19 for i in range(n)],
            "skin_tone": [("I", "III", "V", "VI")[p % 4] for p in people],
            "age_group": [("teen", "young-adult")[p % 2] for p in people],
            "gender": [("woman", "man")[p // 2 % 2] for p in people],
        }
    )


@pytest.fixture(scope="session")
def faces(truth: pl.DataFrame) -> pl.DataFrame:
    return truth.select("face_id", "video_id", "identity_id", "is_duplicate", "expression")


@pytest.fixture(scope="session")
def gold(truth: pl.DataFrame) -> pl.DataFrame:
    return truth.filter("is_face").head(200)[::5].select("face_id", "expression")


@pytest.fixture(scope="session")
def tasks(faces: pl.DataFrame, gold: pl.DataFrame, questionnaire: Questionnaire) -> pl.DataFrame:
    return make_tasks(faces, questionnaire, TaskSettings(gold_share=0.1), gold=gold)
