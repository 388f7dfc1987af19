"""A changed stage must have a decided code version."""

from __future__ import annotations

import pytest

from fer_assets_tests.architecture.code_versions import STAGES, current, recorded

HOW = (
    "the sources of {stage} changed: raise CODE_VERSION in its __init__.py if its results change, "
    "then run python -m fer_assets_tests.architecture.code_versions"
)


@pytest.mark.parametrize("stage", STAGES)
def test_somebody_decided_on_the_code_version(stage):
    assert recorded().get(stage) == current()[stage], HOW.format(stage=stage)
