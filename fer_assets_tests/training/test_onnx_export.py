"""ONNX: the file says what the classifier says, or there is none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from fer_assets.training import onnx_export
from fer_assets.training.checkpoints import (
    Classifier,
    checkpoint_bytes,
    load_checkpoint,
    make_card,
)
from fer_assets.training.networks import build_network
from fer_assets.training.onnx_export import to_onnx
from fer_assets.training.onnx_pooling import pooling_matrix
from fer_assets.training.onnx_tracing import ExportError
from fer_assets.training.samples import shrink
from fer_assets_tests.training.tiny import bars, tiny_recipe

CLASSES = ("angry", "sad", "smiling")


def trained(**changes: object) -> Classifier:
    """A network whose batch statistics and weights are no longer what they started as."""
    recipe = tiny_recipe(classes=CLASSES, **changes)
    network = build_network(recipe, 3, Path("none"))
    images, targets = bars(8, 0, recipe.image_px)
    batch = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    optimiser = torch.optim.SGD(network.parameters(), 0.1)
    loss = nn.functional.cross_entropy(network.train()(batch), torch.from_numpy(targets))
    loss.backward()
    optimiser.step()
    card = make_card(recipe, CLASSES, network, release_digest="abc", run="final")
    return load_checkpoint(*checkpoint_bytes(network, card))


@pytest.mark.parametrize(
    ("backbone", "image_px", "flips"),
    [
        ("test_efficientnet", 32, True),
        ("test_resnet", 40, False),
        ("test_vit", 64, True),  # not the 160 px of its own weights
        ("mobilenetv3_small_050", 48, True),
    ],
)
def test_the_graph_says_what_the_classifier_says(backbone: str, image_px: int, flips: bool) -> None:
    classifier = trained(backbone=backbone, image_px=image_px, view=0.8, flip_average=flips)
    images, _ = bars(11, 1, 90)
    made = to_onnx(classifier, images)
    assert made.largest_difference < 1e-4
    assert made.n_pictures == 9 + 11
    # a session of its own, as whoever gets the file would make it, with another number of pictures
    session = onnxruntime.InferenceSession(made.data, providers=["CPUExecutionProvider"])
    seen = np.stack([shrink(image, image_px, 0.8) for image in images[:5]])
    probs = session.run(["probs"], {"images": seen.transpose(0, 3, 1, 2)})[0]
    np.testing.assert_allclose(probs, classifier.predict(images)[:5], atol=1e-4)
    np.testing.assert_allclose(probs.sum(1), 1, atol=1e-5)


def test_the_file_says_how_it_is_used() -> None:
    classifier = trained()
    model = onnx.load_from_string(to_onnx(classifier).data)
    onnx.checker.check_model(model)
    facts = {prop.key: prop.value for prop in model.metadata_props}
    assert json.loads(facts["classes"]) == list(CLASSES)
    assert json.loads(facts["card"]) == classifier.card
    assert facts["image_px"] == "32"
    assert json.loads(facts["mean"]) == [127.5, 127.5, 127.5]
    assert facts["release_digest"] == "abc"
    assert facts["recipe"] == "tiny"
    (taken,) = model.graph.input
    shape = taken.type.tensor_type.shape.dim
    assert shape[0].dim_param
    assert [dim.dim_value for dim in shape[1:]] == [3, 32, 32]
    assert taken.type.tensor_type.elem_type == onnx.TensorProto.UINT8


def test_a_graph_that_says_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = trained()
    honest = onnx_export._graph_bytes

    def forged(asked: Classifier) -> bytes:
        state = {k: v.clone() for k, v in asked.network.state_dict().items()}
        with torch.no_grad():
            asked.network.body.classifier.bias += torch.tensor([0.01, 0.0, 0.0])
        data = honest(asked)
        asked.network.load_state_dict(state)
        return data

    assert to_onnx(classifier).largest_difference < 1e-4
    monkeypatch.setattr(onnx_export, "_graph_bytes", forged)
    with pytest.raises(ExportError, match=r"within 0\.0001"):
        to_onnx(classifier)


class Pooled(nn.Module):
    """Pools the picture onto a grid as VGG does below 224 px, then up again."""

    def __init__(self, body: nn.Module, grid: tuple[int, int]) -> None:
        super().__init__()
        self.body, self.grid = body, grid

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        pooled = nn.functional.adaptive_avg_pool2d(images, self.grid)
        return self.body(nn.functional.interpolate(pooled, size=images.shape[-1]))


@pytest.mark.parametrize("grid", [(37, 41), (7, 5), (8, 16), (1, 1), (32, 32)])
def test_pooling_that_does_not_divide_the_picture(grid: tuple[int, int]) -> None:
    classifier = trained()
    classifier.network.body = Pooled(classifier.network.body, grid)
    assert to_onnx(classifier, bars(4, 1)[0]).largest_difference < 1e-4


@pytest.mark.parametrize(("n", "cells"), [(2, 7), (7, 7), (10, 4), (3, 1), (1, 5), (112, 37)])
def test_the_pooling_matrix_is_torch_s(n: int, cells: int) -> None:
    row = torch.rand(1, n, generator=torch.Generator().manual_seed(0))
    expected = nn.functional.adaptive_avg_pool1d(row, cells)
    torch.testing.assert_close(row @ pooling_matrix(n, cells).T, expected)


class Unsayable(nn.Module):
    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        grown = nn.functional.interpolate(images, size=40, mode="bicubic", antialias=True)
        return self.body(grown)


def test_what_onnx_can_t_say_is_a_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    classifier = trained()
    classifier.network.body = Unsayable(classifier.network.body)
    with pytest.raises(ExportError, match="operations that ONNX has"):
        to_onnx(classifier)
    assert capfd.readouterr().out == ""


def test_torch_s_generator_stays_as_it_was() -> None:
    classifier = trained()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    to_onnx(classifier)
    assert torch.equal(torch.rand(3), expected)
