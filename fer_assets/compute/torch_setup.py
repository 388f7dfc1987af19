"""torch, ready to use: its threads, its device, and torchvision beside it.

Belongs here: what must happen once before torch, torchvision or timm are used. Does not belong
here: networks and training (`training/`). Nothing happens at import; call `import_torch`.
"""

from __future__ import annotations

import importlib.util
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

from fer_assets.compute.device import Device, DeviceError
from fer_assets.compute.threads import cpu_threads

# torchvision's Python part describes these two operators at import and fails when its compiled
# part, which defines them, can't be loaded.
_OPERATOR_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)

# Definitions made through a Library vanish with it.
_libraries: list[Any] = []


def import_torch() -> Any:
    """Import torch, make torchvision importable, set torch's threads; return the module.

    PyPI's torchvision is built against the CUDA torch and can't be imported beside a CPU build:
    the schemas of its missing operators are then defined first, which is all that timm's models
    and transforms need (calling `torchvision.ops.nms` itself still raises). Where the compiled
    part loads nothing is touched. May be called any number of times; call it before timm or
    torchvision is imported.
    """
    import torch

    torch.set_num_threads(cpu_threads())
    if not _libraries and not _has_operators(torch) and not _loads_natively(torch):
        library: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        for schema in _OPERATOR_SCHEMAS:
            library.define(schema)
        _libraries.append(library)
    return torch


def torch_device(device: Device) -> Any:
    """Return the `torch.device` of a chosen device.

    Raises:
        DeviceError: CUDA was chosen and this torch has none (a CPU build, or no driver).
    """
    torch = import_torch()
    if device == "cuda" and not torch.cuda.is_available():
        raise DeviceError(
            "torch on cuda",
            expected="a torch build that reaches the GPU",
            found=f"torch {torch.__version__}, which does not",
            remedy="Install the CUDA build of torch, or set FER_DEVICE=cpu.",
        )
    return torch.device(device)


def _has_operators(torch: Any) -> bool:
    return hasattr(torch.ops.torchvision, "nms")


def _loads_natively(torch: Any) -> bool:
    """Load torchvision's compiled operators, as its own import would; False when they don't load.

    True also where torchvision is not installed: there is nothing to mend.
    """
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return True
    folder = Path(spec.origin).parent
    for suffix in EXTENSION_SUFFIXES:
        extension = folder / f"_C{suffix}"
        if extension.exists():
            try:
                torch.ops.load_library(str(extension))
            except OSError:
                return False
            return _has_operators(torch)
    return False
