"""A torch module written as an ONNX graph by torch's tracing exporter, and pictures to try it on.

Belongs here: what every export of this project shares. Does not belong here: which module, and the
comparison that decides whether its graph is kept (`onnx_export.py`, `embedding_onnx.py`).
"""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fer_assets.errors import FerError
from fer_assets.training.onnx_pooling import exact_pooling

INPUT: Final = "images"

_OPSET: Final = 17
_MADE_UP: Final = 9


class ExportError(FerError):
    """A network that can't be written as ONNX, or whose graph says something else."""


def traced(module: nn.Module, image_px: int, outputs: Sequence[str], name: str) -> bytes:
    """The ONNX graph of a module that takes (n, 3, image_px, image_px) uint8 pictures, n free.

    Torch's own generator is left as it was, and nothing is printed.

    Args:
        module: on the CPU; put in evaluation mode here.
        image_px: side of the pictures.
        outputs: names of what it returns, the first axis of each being n.
        name: what the error calls it.

    Raises:
        ExportError: ONNX can't say what the module does.
    """
    example = torch.zeros((2, 3, image_px, image_px), dtype=torch.uint8)
    buffer: Any = io.BytesIO()  # taken by this exporter, though its type says paths only
    # The tracing exporter: the other one needs onnxscript. It warns of each traced constant; what
    # matters is compared afterwards.
    with (
        warnings.catch_warnings(),
        _silent_stdout(),
        exact_pooling(_OPSET),
        torch.random.fork_rng(devices=[]),
    ):
        warnings.simplefilter("ignore")
        try:
            torch.onnx.export(
                module.eval(),
                (example,),
                buffer,
                dynamo=False,
                input_names=[INPUT],
                output_names=list(outputs),
                dynamic_axes={each: {0: "n"} for each in (INPUT, *outputs)},
                opset_version=_OPSET,
            )
        except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
            raise ExportError(
                f"ONNX graph of {name}, {image_px} px",
                expected="operations that ONNX has",
                found=str(error).splitlines()[0][:300],
                remedy="Nothing was written. Use the safetensors file, or train another backbone "
                "or at the size of its own weights.",
            ) from error
    result: bytes = buffer.getvalue()
    return result


@contextmanager
def _silent_stdout() -> Iterator[None]:
    """Before the exporter fails, its C++ part prints the whole graph: a thousand lines or more."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def made_up_pictures(side: int) -> NDArray[np.uint8]:
    """(9, side, side, 3) uint8: noise from coarse to fine, black, white and a slope."""
    rng = np.random.default_rng(0)
    pictures = np.empty((_MADE_UP, side, side, 3), np.uint8)
    for number, picture in enumerate(pictures):
        grain = min(2**number, side)
        cells = -(-side // grain)
        noise = rng.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
        picture[:] = noise.repeat(grain, 0).repeat(grain, 1)[:side, :side]
    pictures[-3:-1] = np.array([0, 255], np.uint8)[:, None, None, None]
    pictures[-1] = np.linspace(0, 255, side).astype(np.uint8)[None, :, None]
    return pictures
