"""Where features come from: one choice per device, the graph made once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from fer_assets.compute.device import DeviceError
from fer_assets.frame_affect.features.source import TorchSource, load_feature_source
from fer_assets.training.embedding_onnx import OnnxEmbedding
from fer_assets_tests.frame_affect.features.material import CLASSES, InMemory

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 40, 40, 3), dtype=np.uint8)


def test_on_the_cpu_it_is_onnx_and_the_same_each_time() -> None:
    stored = InMemory()
    source = load_feature_source(stored, "cpu")
    assert isinstance(source, OnnxEmbedding)
    assert source.runtime.startswith("ONNX Runtime")
    assert source.runtime.endswith("CPUExecutionProvider")
    again = load_feature_source(stored, "cpu")
    assert np.array_equal(source.features(IMAGES).embeddings, again.features(IMAGES).embeddings)


def test_both_runtimes_say_the_same() -> None:
    """What CUDA would run, on the CPU."""
    stored = InMemory()
    onnx_s, torch_s = load_feature_source(stored, "cpu"), TorchSource(stored.load("cpu"))
    for source in (onnx_s, torch_s):
        assert (source.name, source.image_px, source.classes) == ("tiny", 32, CLASSES)
    found, expected = onnx_s.features(IMAGES), torch_s.features(IMAGES)
    assert onnx_s.n_embedding == torch_s.n_embedding == found.embeddings.shape[1]
    scale = np.abs(expected.embeddings).max()
    np.testing.assert_allclose(found.embeddings, expected.embeddings, atol=1e-4 * scale)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)


def test_a_graph_is_kept_per_network(tmp_path: Path) -> None:
    stored, other = InMemory(), InMemory(seed=1)
    fresh = load_feature_source(stored, "cpu", tmp_path).features(IMAGES)
    kept = load_feature_source(stored, "cpu", tmp_path).features(IMAGES)
    assert stored.loads == ["cpu"]
    assert np.array_equal(fresh.embeddings, kept.embeddings)
    different = load_feature_source(other, "cpu", tmp_path).features(IMAGES)
    assert other.loads == ["cpu"]
    assert not np.array_equal(fresh.embeddings, different.embeddings)
    assert len(list(tmp_path.iterdir())) == 2  # and nothing half written


def test_the_same_tensors_under_another_name_are_another_graph(tmp_path: Path) -> None:
    load_feature_source(InMemory(), "cpu", tmp_path)
    assert load_feature_source(InMemory("other"), "cpu", tmp_path).name == "other"


def test_cuda_never_falls_back() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(DeviceError, match="cuda"):
        load_feature_source(InMemory(), "cuda")
