"""The smallest ONNX network with a batch: y = 2x + 1, and the mean of x per item."""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper


def tiny_network() -> bytes:
    """Input ``x`` (batch, 3); outputs ``y`` (batch, 3) and ``m`` (batch, 1)."""
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["x", "two"], ["doubled"]),
            helper.make_node("Add", ["doubled", "one"], ["y"]),
            helper.make_node("ReduceMean", ["x"], ["m"], axes=[1], keepdims=1),
        ],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3]),
            helper.make_tensor_value_info("m", TensorProto.FLOAT, ["batch", 1]),
        ],
        [
            helper.make_tensor("two", TensorProto.FLOAT, [], [2.0]),
            helper.make_tensor("one", TensorProto.FLOAT, [], [1.0]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data
