"""Verified files of weights, as what a runtime takes.

Belongs here: reading ONNX graphs and state dicts, nothing else ever (no pickled code). Does not
belong here: building networks (`training/`), opening sessions (`compute/sessions.py`).
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from fer_assets.weights.fetching import verify
from fer_assets.weights.registry import find_weight
from fer_assets.weights.weight import WeightError

if TYPE_CHECKING:
    import torch


def load_onnx(name: str, folder: Path) -> bytes:
    """Return the ONNX graph of `name`, verified, then repaired where the registry says so.

    The repaired graph's outputs equal the unrepaired one's; its batch axis is free. The digest
    to record for it is the file's (`Weight.sha256`).

    Raises:
        WeightError: the file is missing, altered or not pinned, or is no ONNX graph.
    """
    weight = find_weight(name)
    if not weight.file_name.endswith(".onnx"):
        raise WeightError(f"weights {name}", expected="an ONNX graph", found=weight.file_name)
    data = verify(name, folder).read_bytes()
    if weight.onnx_repair == "none":
        return data
    import onnx

    from fer_assets.weights.onnx_repair import fold_quantised_weights, make_batch_dynamic

    model = onnx.load_from_string(data)
    if weight.onnx_repair == "fold quantised weights":
        fold_quantised_weights(model)
    make_batch_dynamic(model)
    repaired: bytes = model.SerializeToString()
    return repaired


def load_state_dict(name: str, folder: Path) -> OrderedDict[str, torch.Tensor]:
    """Return the tensors of `name` on the CPU, in the file's order.

    Raises:
        WeightError: the file is missing, altered or not pinned, or holds no tensors.
    """
    weight = find_weight(name)
    if weight.architecture is None:
        raise WeightError(f"weights {name}", expected="torch weights", found=weight.file_name)
    file = verify(name, folder)
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        return OrderedDict(load_file(file))
    import torch

    return OrderedDict(torch.load(file, map_location="cpu", weights_only=True))


def load_into(model: torch.nn.Module, name: str, folder: Path) -> None:
    """Fill `model` with the tensors of `name`, every one of them, matched by place.

    Upstream files name their layers in their own way but list them in the order of timm's network
    of the same architecture, so the i-th tensor belongs to the i-th entry of the model.
    Safetensors files keep no order and carry timm's own names: those are matched by name.

    Args:
        model: a network of `Weight.architecture` with its original classifier.
        name: the registry's name.
        folder: the folder of weights.

    Raises:
        WeightError: the tensors don't fit; the message names the first that doesn't, and the
            model is left as it was.
    """
    tensors = load_state_dict(name, folder)
    entries = model.state_dict()
    is_by_name = find_weight(name).file_name.endswith(".safetensors")
    matched = OrderedDict(zip(entries, tensors.values(), strict=False))
    if is_by_name:
        matched = OrderedDict((entry, tensors[entry]) for entry in entries if entry in tensors)
    sources = list(entries if is_by_name else tensors)
    for source, (entry, wanted) in zip(sources, entries.items(), strict=False):
        if entry not in matched:
            raise _misfit(name, f"a tensor {entry}", "none of that name")
        if matched[entry].shape != wanted.shape:
            found = f"{source} of shape {tuple(matched[entry].shape)}"
            raise _misfit(name, f"{entry} of shape {tuple(wanted.shape)}", found)
    if len(entries) != len(tensors):
        raise _misfit(name, f"{len(entries)} tensors", str(len(tensors)))
    model.load_state_dict(matched, strict=True)


def _misfit(name: str, expected: str, found: str) -> WeightError:
    return WeightError(
        f"weights {name}, for this network",
        expected=expected,
        found=found,
        remedy=f"They belong to timm's {find_weight(name).architecture}, with all its classes.",
    )
