"""Mending ONNX graphs that ONNX Runtime refuses, or that take one image at a time.

Belongs here: rewrites that leave every output as it was. Does not belong here: which file needs
which rewrite (`registry.py`), running anything.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

BATCH_AXIS = "batch"


def fold_quantised_weights(model: onnx.ModelProto) -> None:
    """Turn dequantised weights into float32 initialisers, in place.

    Block-quantised files keep each weight as int8 blocks that `DequantizeLinear` and a `Reshape`
    turn back at every run, and list weights among the graph's inputs, which ONNX Runtime refuses.
    Here each such chain of constants becomes one initialiser: the same numbers, computed once.
    """
    graph = model.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    kept: list[onnx.NodeProto] = []
    for node in graph.node:
        if all(name in constants for name in node.input) and node.op_type in _FOLDED:
            constants[node.output[0]] = _FOLDED[node.op_type](node, constants)
        else:
            kept.append(node)
    used = {name for node in kept for name in node.input}
    weights = [
        numpy_helper.from_array(np.ascontiguousarray(constants[name]), name)
        for name in sorted(used & constants.keys())
    ]
    produced = {name for node in kept for name in node.output}
    inputs = [value for value in graph.input if value.name in used - constants.keys() - produced]
    for field, values in ((graph.node, kept), (graph.initializer, weights), (graph.input, inputs)):
        _replace(field, values)
    del graph.value_info[:]


def make_batch_dynamic(model: onnx.ModelProto) -> None:
    """Free the first axis of inputs and outputs of a graph exported for one image, in place.

    A `Reshape` whose constant target begins with that one image takes its batch from its input
    instead (0: keep the axis). Shapes noted in between are dropped; they are inferred anew.
    """
    graph = model.graph
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = BATCH_AXIS
    del graph.value_info[:]
    targets = {node.input[1] for node in graph.node if node.op_type == "Reshape"}
    for tensor in graph.initializer:
        if tensor.name in targets:
            tensor.CopyFrom(_batch_kept(tensor, tensor.name))
    for node in graph.node:
        if node.op_type == "Constant" and node.output[0] in targets:
            for attribute in node.attribute:
                if attribute.name == "value":
                    attribute.t.CopyFrom(_batch_kept(attribute.t, attribute.t.name))


def _batch_kept(shape: onnx.TensorProto, name: str) -> onnx.TensorProto:
    target = numpy_helper.to_array(shape).copy()
    if target.size and target[0] == 1:
        target[0] = 0
    return numpy_helper.from_array(target, name)


def _dequantise(node: onnx.NodeProto, constants: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    """``(x - zero_point) * scale``, with scale and zero point per block, axis or tensor."""
    quantised, scale = constants[node.input[0]], constants[node.input[1]]
    zero_point = constants[node.input[2]] if len(node.input) > 2 else np.zeros_like(scale)
    settings = {attribute.name: attribute.i for attribute in node.attribute}
    axis = settings.get("axis", 1) % max(1, quantised.ndim)
    block = settings.get("block_size", 0)
    centred = quantised.astype(np.float32)
    return (centred - _spread(zero_point, quantised, axis, block)) * _spread(
        scale, quantised, axis, block
    )


def _spread(values: NDArray[Any], like: NDArray[Any], axis: int, block: int) -> NDArray[np.float32]:
    """Bring scales or zero points to the shape of what they scale."""
    values = values.astype(np.float32)
    if block:
        spread = np.repeat(values, block, axis=axis)
        return spread[(slice(None),) * axis + (slice(like.shape[axis]),)]
    if values.ndim == 1 and like.ndim:
        return values.reshape([-1 if i == axis else 1 for i in range(like.ndim)])
    return values


def _reshape(node: onnx.NodeProto, constants: dict[str, NDArray[Any]]) -> NDArray[Any]:
    data, target = constants[node.input[0]], constants[node.input[1]]
    sizes = [data.shape[i] if size == 0 else int(size) for i, size in enumerate(target)]
    return data.reshape(sizes)


_FOLDED = {"DequantizeLinear": _dequantise, "Reshape": _reshape}


def _replace(field: Any, values: list[Any]) -> None:
    del field[:]
    field.extend(values)
