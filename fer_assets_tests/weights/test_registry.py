from __future__ import annotations

import re

import pytest

from fer_assets.weights.registry import WEIGHTS, find_weight, packaged_backbones
from fer_assets.weights.weight import HttpsUrl, LocalFile, TimmHub, WeightError, WheelMember


@pytest.mark.parametrize("name", WEIGHTS)
def test_entry_is_complete(name: str) -> None:
    weight = WEIGHTS[name]
    assert weight.name == name
    assert weight.licence and weight.citation and weight.outputs and weight.restrictions
    assert min(weight.input.std) > 0
    if isinstance(weight.source, WheelMember | LocalFile):
        assert re.fullmatch("[0-9a-f]{64}", weight.sha256 or "")
        assert weight.size_bytes
    else:
        assert isinstance(weight.source, HttpsUrl | TimmHub)
        assert weight.sha256 is None
    assert (weight.task == "backbone") == (weight.architecture is not None)
    if name.startswith("insightface"):
        assert not weight.is_commercial_ok


def test_thresholds_rise_from_step_to_step() -> None:
    known = [weight.thresholds for weight in WEIGHTS.values() if weight.thresholds]
    assert len(known) == 2
    for thresholds in known:
        assert 0 < thresholds.within_video < thresholds.across_videos < thresholds.duplicate < 1


def test_what_can_be_had_without_a_hub_is_free_to_use() -> None:
    assert packaged_backbones() == (
        "efficientnet-lite0-imagenet",
        "efficientnet-lite1-imagenet",
        "efficientnet-lite2-imagenet",
        "mobilenetv2-imagenet",
    )
    assert all(w.is_commercial_ok for w in WEIGHTS.values() if w.is_packaged)


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(WeightError, match="sface-128"):
        find_weight("sface")


def test_registry_can_not_be_changed() -> None:
    with pytest.raises(TypeError):
        WEIGHTS["sface-128"] = WEIGHTS["retinaface-mnet025"]  # type: ignore[index]
