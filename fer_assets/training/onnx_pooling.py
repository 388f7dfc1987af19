"""Pooling onto a grid that does not divide the picture, as ONNX operations.

Belongs here: this one operation, which torch's exporter refuses and VGG needs for pictures below
224 px. Does not belong here: the export (`onnx_export.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch
from torch import Tensor

_OPERATION: Final = "aten::adaptive_avg_pool2d"


@contextmanager
def exact_pooling(opset: int) -> Iterator[None]:
    """Let torch's exporter write `adaptive_avg_pool2d` of any size while the block lasts."""
    exporter: Any = torch.onnx
    exporter.register_custom_op_symbolic(_OPERATION, _symbolic, opset)
    try:
        yield
    finally:
        exporter.unregister_custom_op_symbolic(_OPERATION, opset)


def _symbolic(g: Any, images: Any, output_size: Any) -> Any:
    """The mean of each cell, by one product along each axis."""
    height, width = output_size.node().t("value").tolist()
    if (height, width) == (1, 1):
        return g.op("GlobalAveragePool", images)
    rows, columns = images.type().varyingSizes()[2:]
    down = g.op("Constant", value_t=pooling_matrix(rows, height))
    across = g.op("Constant", value_t=pooling_matrix(columns, width).T.contiguous())
    return g.op("MatMul", g.op("MatMul", down, images), across)


def pooling_matrix(n: int, cells: int) -> Tensor:
    """(cells, n) float32: row i averages torch's i-th cell, floor(i n / cells) to ceil((i+1) n /
    cells)."""
    matrix = torch.zeros(cells, n)
    for cell in range(cells):
        first, end = cell * n // cells, -(-(cell + 1) * n // cells)
        matrix[cell, first:end] = 1 / (end - first)
    return matrix
