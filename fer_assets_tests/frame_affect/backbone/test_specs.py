"""Backbones by name: presets, settings that change them, settings that can't be."""

from __future__ import annotations

from typing import Any

import pytest

from fer_assets.errors import FerError
from fer_assets.frame_affect.backbone.specs import (
    PAPER_FIGURES,
    PRESETS,
    find_spec,
    plain_spec,
)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_train_as_the_paper_says(name: str) -> None:
    spec = find_spec(name)
    assert (spec.identity.optimiser, spec.identity.sam_base) == ("sam", "adam")
    assert spec.identity.max_epochs == 8
    assert (spec.head.learning_rate, spec.head.max_epochs) == (1e-3, 3)
    assert (spec.all.learning_rate, spec.all.max_epochs) == (1e-4, 5)
    for phase in (spec.head, spec.all):
        assert (phase.class_weights, phase.schedule) == ("balanced", "constant")
    assert {one.image_px for one in (spec.identity, spec.head, spec.all)} == {spec.image_px}


def test_the_papers_networks_have_its_sizes_and_figures() -> None:
    sizes = {
        name: find_spec(name).image_px for name in ("affect-mobilenet", "affect-b0", "affect-b2")
    }
    assert sizes == {"affect-mobilenet": 224, "affect-b0": 224, "affect-b2": 300}
    figures = [PAPER_FIGURES[find_spec(name).architecture].expression for name in sizes]
    assert figures == [0.6071, 0.6132, 0.6303]


def test_any_timm_network_by_name_and_by_settings() -> None:
    by_name = find_spec("timm/resnet18.a1_in1k")
    assert (by_name.name, by_name.architecture) == ("timm-resnet18.a1_in1k", "resnet18")
    assert by_name.weights == "timm/a1_in1k"
    described = find_spec("mine", {"architecture": "timm/vgg11", "image_px": 64})
    assert (described.architecture, described.weights) == ("vgg11", "timm")
    other = find_spec("affect-lite0", {"architecture": "resnet18"})
    assert other.weights == "timm"  # not those of another architecture


def test_phases_are_overridden_field_by_field() -> None:
    spec = find_spec(
        "affect-lite0",
        {"identity": {"max_epochs": 2}, "all": {"augmentation": {"flip": False}}},
    )
    assert (spec.identity.max_epochs, spec.identity.optimiser) == (2, "sam")
    assert not spec.all.augmentation.flip
    assert spec.all.augmentation.brightness == spec.head.augmentation.brightness


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("affect-b9", {}, "affect-b0"),
        ("Affect B0", {"architecture": "resnet18"}, "lower-case"),
        ("a/b", {"architecture": "resnet18"}, "lower-case"),
        ("affect-b0", {"architekture": "resnet18"}, "architekture"),
        ("affect-b0", {"image_px": "large"}, "whole number"),
        ("affect-b0", {"image_px": 0}, "above 0"),
        ("affect-b0", {"identities": ["/data"]}, "a text"),
        ("affect-b0", {"head": 3}, "table"),
        ("affect-b0", {"head": {"image_px": 64}}, "all three share it"),
        ("affect-b0", {"head": {"frozen": ["bn1"]}}, "without use"),
        ("affect-b0", {"head": {"rate": 1.0}}, "rate"),
        ("affect-b0", {"head": {"max_epochs": "many"}}, "whole number"),
    ],
)
def test_what_can_t_be_is_refused(name: str, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(FerError, match=words):
        find_spec(name, settings)


def test_without_data_the_phases_decide_nothing() -> None:
    quick = {"all": {"max_epochs": 1}}
    plain = plain_spec(find_spec("affect-lite0"))
    assert plain == plain_spec(find_spec("affect-lite0", quick))
    moved = [
        plain_spec(find_spec("affect-lite0", {"expressions": path, **quick}))
        for path in ("/here", "/there")
    ]
    assert moved[0] == moved[1] != plain
