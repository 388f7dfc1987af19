"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
TEST_DATA = Path(os.environ.get("FER_TEST_DATA") or REPOSITORY.parent / "shared" / "data")
OWN_PLACES = ("FER_ROOT", "FER_STATE", "FER_CHALLENGES", "FER_BENCHMARKS", "DAGSTER_HOME")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the places of whoever runs it."""
    for variable in OWN_PLACES:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real test material; tests are skipped where it is absent."""
    if not TEST_DATA.is_dir():
        pytest.skip(f"no test material at {TEST_DATA}; set FER_TEST_DATA")
    return TEST_DATA


@pytest.fixture(scope="session")
def weights_folder() -> Path:
    """Folder of weights with the face networks in it: FER_WEIGHTS, else fer_data/weights.

    Backbones are larger: a test that wants one calls `ensure` itself. The embedder that only a
    user can bring is there where the test material has it.
    """
    from fer_assets.weights.fetching import ensure, pull_local

    folder = Path(os.environ.get("FER_WEIGHTS") or REPOSITORY / "fer_data" / "weights")
    for name in ("retinaface-mnet025", "sface-128"):
        ensure(name, folder)
    arcface = TEST_DATA / "models" / "arcface_mobilefacenet_128d.onnx"
    if arcface.is_file():
        pull_local("arcface-mobilefacenet-128", arcface, folder)
    return folder
