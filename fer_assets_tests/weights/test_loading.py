from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from fer_assets.compute.sessions import open_session
from fer_assets.compute.torch_setup import import_torch
from fer_assets.weights.fetching import ensure, path, verify
from fer_assets.weights.loading import load_into, load_onnx, load_state_dict
from fer_assets.weights.registry import WEIGHTS, find_weight, packaged_backbones
from fer_assets.weights.weight import AlteredWeightError, MissingWeightError, WeightError

EMBEDDERS = ("sface-128", "arcface-mobilefacenet-128")


def _file(name: str, folder: Path) -> Path:
    try:
        return verify(name, folder)
    except MissingWeightError as error:
        pytest.skip(str(error))


def _images(name: str, n: int) -> NDArray[np.float32]:
    """Smooth random colour fields, prepared as the network asks."""
    rng = np.random.default_rng(3)
    coarse = rng.uniform(0, 255, (n, 3, 14, 14))
    pixels = coarse.repeat(8, axis=2).repeat(8, axis=3)
    spec = find_weight(name).input
    mean, std = (np.reshape(values, (1, 3, 1, 1)) for values in (spec.mean, spec.std))
    return ((pixels - mean) / std).astype(np.float32)


def _reference(file: Path) -> ort.InferenceSession:
    """The shipped graph, with no change but the inputs that ONNX Runtime refuses taken out."""
    model = onnx.load(file)
    first = model.graph.input[0]
    del model.graph.input[:]
    model.graph.input.append(first)
    return open_session(model.SerializeToString(), "cpu")


def _run(session: ort.InferenceSession, images: NDArray[np.float32]) -> NDArray[np.float32]:
    output: NDArray[np.float32] = session.run(None, {session.get_inputs()[0].name: images})[0]
    return output


@pytest.mark.parametrize("name", EMBEDDERS)
def test_repaired_graph_equals_the_shipped_one(name: str, weights_folder: Path) -> None:
    file = _file(name, weights_folder)
    images = _images(name, 5)
    repaired = open_session(load_onnx(name, weights_folder), "cpu")
    together = _run(repaired, images)
    reference = _reference(file)
    alone = np.concatenate([_run(reference, images[i : i + 1]) for i in range(5)])
    assert together.shape == (5, 128)
    cosine = (together * alone).sum(1) / np.linalg.norm(together, axis=1)
    assert (cosine / np.linalg.norm(alone, axis=1)).min() >= 0.99999
    np.testing.assert_allclose(together, alone, atol=1e-4 * np.abs(alone).max())
    assert np.corrcoef(together)[0, 1] < 0.999  # images are told apart


@pytest.mark.parametrize("name", EMBEDDERS)
def test_repaired_graph_is_valid_and_has_one_free_batch_axis(
    name: str, weights_folder: Path
) -> None:
    _file(name, weights_folder)
    model = onnx.load_from_string(load_onnx(name, weights_folder))
    onnx.checker.check_model(model, full_check=True)
    assert len(model.graph.input) == 1
    for value in (*model.graph.input, *model.graph.output):
        assert value.type.tensor_type.shape.dim[0].dim_param == "batch"
    assert "DequantizeLinear" not in {node.op_type for node in model.graph.node}
    assert load_onnx(name, weights_folder) == model.SerializeToString()


def test_folded_weights_equal_those_of_onnx_own_evaluator(weights_folder: Path) -> None:
    from onnx.reference import ReferenceEvaluator

    shipped = onnx.load(verify("sface-128", weights_folder))
    folded = onnx.load_from_string(load_onnx("sface-128", weights_folder))
    ours = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in folded.graph.initializer}
    name = "conv_14_dw_conv2d_weight_reshaped"
    chain = [n for n in shipped.graph.node if n.output[0].startswith("conv_14_dw_conv2d_weight_")]
    used = {source for node in chain for source in node.input}
    part = onnx.helper.make_model(
        onnx.helper.make_graph(
            sorted(chain, key=lambda node: node.op_type),
            "chain",
            [],
            [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)],
            [tensor for tensor in shipped.graph.initializer if tensor.name in used],
        ),
        opset_imports=list(shipped.opset_import),
    )
    (theirs,) = ReferenceEvaluator(part).run(None, {})
    np.testing.assert_array_equal(ours[name], theirs)


def test_graph_that_needs_no_repair_is_returned_as_it_is(weights_folder: Path) -> None:
    data = load_onnx("retinaface-mnet025", weights_folder)
    assert data == path("retinaface-mnet025", weights_folder).read_bytes()
    session = open_session(data, "cpu")
    outputs = session.run(None, {"input": np.zeros((2, 3, 64, 96), np.float32)})
    anchors = 2 * (8 * 12 + 4 * 6 + 2 * 3)
    assert [output.shape for output in outputs] == [
        (2, anchors, 4),
        (2, anchors, 2),
        (2, anchors, 10),
    ]


def test_altered_graph_is_not_loaded(weights_folder: Path, tmp_path: Path) -> None:
    file = path("sface-128", tmp_path)
    file.parent.mkdir()
    file.write_bytes(path("sface-128", weights_folder).read_bytes()[:-1])
    with pytest.raises(AlteredWeightError):
        load_onnx("sface-128", tmp_path)


def test_wrong_kind_of_file_is_named(weights_folder: Path) -> None:
    with pytest.raises(WeightError, match="expected an ONNX graph"):
        load_onnx("mobilenetv2-imagenet", weights_folder)
    with pytest.raises(WeightError, match="expected torch weights"):
        load_state_dict("sface-128", weights_folder)


def _timm(name: str, **settings: Any) -> Any:
    import_torch()
    import timm

    return timm.create_model(WEIGHTS[name].architecture, **settings).eval()


@pytest.mark.parametrize("name", packaged_backbones())
def test_backbone_fills_timm_network_tensor_by_tensor(name: str, weights_folder: Path) -> None:
    ensure(name, weights_folder)
    model = _timm(name)
    load_into(model, name, weights_folder)
    tensors = load_state_dict(name, weights_folder)
    for (entry, ours), (source, theirs) in zip(
        model.state_dict().items(), tensors.items(), strict=True
    ):
        assert entry.rpartition(".")[2] == source.rpartition(".")[2]
        assert ours.equal(theirs)


def test_mobilenet_equals_torchvision(weights_folder: Path) -> None:
    torch = import_torch()
    from torchvision.models import mobilenet_v2

    name = "mobilenetv2-imagenet"
    ensure(name, weights_folder)
    ours, theirs = _timm(name), mobilenet_v2(weights=None).eval()
    load_into(ours, name, weights_folder)
    theirs.load_state_dict(load_state_dict(name, weights_folder), strict=True)
    images = torch.from_numpy(_images(name, 2))
    with torch.inference_mode():
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-4, atol=1e-4)


def test_first_misfit_is_named_and_the_network_left_alone(weights_folder: Path) -> None:
    name = "mobilenetv2-imagenet"
    ensure(name, weights_folder)
    model = _timm(name, num_classes=15)
    before = {entry: tensor.clone() for entry, tensor in model.state_dict().items()}
    with pytest.raises(WeightError, match=r"classifier\.weight of shape \(15, 1280\)"):
        load_into(model, name, weights_folder)
    assert all(tensor.equal(before[entry]) for entry, tensor in model.state_dict().items())
    with pytest.raises(WeightError, match="expected 312 tensors; found 314"):
        load_into(_timm(name, num_classes=0), name, weights_folder)


def test_safetensors_are_matched_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hashlib

    from safetensors.torch import save

    from fer_assets.weights.fetching import pull_local

    torch = import_torch()
    name = "efficientnet-b0-imagenet"
    source, target = torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)
    data = save({"weight": source.weight.data, "bias": source.bias.data})
    file = tmp_path / "mine.safetensors"
    file.write_bytes(data)
    pull_local(name, file, tmp_path, sha256=hashlib.sha256(data).hexdigest())
    load_into(target, name, tmp_path)
    assert target.weight.equal(source.weight)
    assert target.bias.equal(source.bias)
    with pytest.raises(WeightError, match=r"expected a tensor 0\.weight; found none of that name"):
        load_into(torch.nn.Sequential(torch.nn.Linear(3, 3)), name, tmp_path)
