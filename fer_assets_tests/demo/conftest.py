from __future__ import annotations

import importlib.util

import pytest


@pytest.fixture(autouse=True, scope="session")
def _synthetic_people() -> None:
    if importlib.util.find_spec("openpeople") is None:
        pytest.skip("openpeople is not installed: pip install fer-assets[demo]")
