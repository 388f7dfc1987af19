"""ONNX of embedding networks: the same features as torch, or no file."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from fer_assets.training import embedding_onnx
from fer_assets.training.embedding import (
    EmbeddingNetwork,
    embedding_bytes,
    load_embedding_network,
)
from fer_assets.training.embedding_onnx import embedding_to_onnx, open_embedding
from fer_assets.training.networks import build_network
from fer_assets.training.onnx_tracing import ExportError
from fer_assets_tests.training.tiny import bars, tiny_recipe

CLASSES = ("angry", "sad", "smiling")


def network(classes: tuple[str, ...] = CLASSES, **changes: object) -> EmbeddingNetwork:
    """One whose batch statistics are no longer what they started as."""
    recipe = tiny_recipe(**changes)
    built = build_network(recipe, 3, Path("none"))
    images, targets = bars(8, 0, recipe.image_px)
    batch = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    optimiser = torch.optim.SGD(built.parameters(), 0.1)
    nn.functional.cross_entropy(built.train()(batch), torch.from_numpy(targets)).backward()
    optimiser.step()
    return load_embedding_network(*embedding_bytes("tiny", built, recipe, classes))


@pytest.mark.parametrize(
    ("backbone", "image_px", "classes"),
    [
        ("test_efficientnet", 32, CLASSES),
        ("test_efficientnet", 48, ()),
        ("test_resnet", 40, CLASSES),
        ("test_vit", 64, CLASSES),  # not the 160 px of its own weights
        ("mobilenetv3_small_050", 48, CLASSES),  # a layer between pooling and embedding
        ("mobilenetv1_100", 40, ()),
        ("convnext_atto", 64, CLASSES),
    ],
)
def test_the_graph_says_what_torch_says(
    backbone: str, image_px: int, classes: tuple[str, ...]
) -> None:
    torch_s = network(classes, backbone=backbone, image_px=image_px)
    images, _ = bars(7, 1, 90)
    made = embedding_to_onnx(torch_s, images)
    assert made.largest_difference < 1e-4
    assert made.n_pictures == 9 + 7
    onnx_s = open_embedding(made.data)
    assert (onnx_s.name, onnx_s.classes, onnx_s.image_px, onnx_s.n_embedding) == (
        "tiny",
        classes,
        image_px,
        torch_s.n_embedding,
    )
    found, expected = onnx_s.features(images), torch_s.features(images)
    scale = np.abs(expected.embeddings).max()
    np.testing.assert_allclose(found.embeddings, expected.embeddings, atol=1e-4 * scale)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
    assert found.scores.shape == (7, len(classes))


def test_a_picture_s_features_depend_on_nothing_beside_it() -> None:
    source = open_embedding(embedding_to_onnx(network()).data)
    images, _ = bars(24, 2, 32)  # of the network's size: nothing is resized
    whole = source.features(images)
    for order in (np.arange(24)[::-1], np.array([5]), np.array([3, 3, 9])):
        some = source.features(images[order])
        assert np.array_equal(some.embeddings, whole.embeddings[order])
        assert np.array_equal(some.scores, whole.scores[order])
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(source.features, np.split(images, 8)))
    assert np.array_equal(np.concatenate([part.embeddings for part in parts]), whole.embeddings)


def test_no_picture_and_what_is_no_picture() -> None:
    source = open_embedding(embedding_to_onnx(network()).data)
    empty = source.features(np.empty((0, 20, 20, 3), np.uint8))
    assert empty.embeddings.shape == (0, source.n_embedding)
    assert empty.scores.shape == (0, 3)
    for wrong in (np.zeros((2, 9, 9, 3), np.float32), np.zeros((9, 9, 3), np.uint8)):
        with pytest.raises(ValueError, match="uint8"):
            source.features(wrong)  # type: ignore[arg-type]


def test_the_file_says_how_it_is_used() -> None:
    torch_s = network()
    data = embedding_to_onnx(torch_s).data
    model = onnx.load_from_string(data)
    onnx.checker.check_model(model)
    facts = {prop.key: prop.value for prop in model.metadata_props}
    assert json.loads(facts["classes"]) == list(CLASSES)
    assert json.loads(facts["card"]) == torch_s.card
    assert [output.name for output in model.graph.output] == ["embedding", "scores"]
    # as whoever gets the file would run it
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    images, _ = bars(3, 4, 32)
    embedding, scores = session.run(None, {"images": images.transpose(0, 3, 1, 2)})
    expected = torch_s.features(images)
    np.testing.assert_allclose(embedding, expected.embeddings, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(scores, expected.scores, atol=1e-5)


def test_a_network_without_classes_has_one_output() -> None:
    model = onnx.load_from_string(embedding_to_onnx(network(())).data)
    assert [output.name for output in model.graph.output] == ["embedding"]


@pytest.mark.parametrize("what", ["embedding", "scores"])
def test_a_graph_that_says_something_else_is_refused(
    monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    torch_s = network()
    honest = embedding_onnx.traced

    def forged(module: nn.Module, *rest: object) -> bytes:
        body = torch_s.network.body
        last = body.conv_head if what == "embedding" else body.classifier
        before = {name: value.clone() for name, value in body.state_dict().items()}
        with torch.no_grad():
            last.weight.mul_(1.01 if what == "embedding" else 1.5)
        data = honest(module, *rest)
        body.load_state_dict(before)
        return data

    monkeypatch.setattr(embedding_onnx, "traced", forged)
    with pytest.raises(ExportError, match=r"within 0\.0001"):
        embedding_to_onnx(torch_s)
