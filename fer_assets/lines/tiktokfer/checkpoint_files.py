"""Checkpoints written where others can use them: safetensors or ONNX, card and model card beside.

Belongs here: which files are written, whole or not at all. Does not belong here: the ONNX graph
(`training/onnx_export.py`), the model card's content (`expressions/model_card.py`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fer_assets.errors import FerError
from fer_assets.lines.tiktokfer.checkpoints import StoredCheckpoint, example_crops
from fer_assets.lines.tiktokfer.model_cards import model_card_of
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.store import LocalStore


class FileThereError(FerError):
    """A file of that name is there already."""


def export_checkpoint(
    workspace: Workspace,
    checkpoint: StoredCheckpoint,
    out: Path,
    *,
    as_onnx: bool = False,
    replace: bool = False,
) -> dict[str, Any]:
    """Write a checkpoint to `out`, its card as .json and its model card as .md beside it.

    A checkpoint is read and checked before anything is written.

    Args:
        workspace: where it is, and where crops to try an ONNX graph on are.
        checkpoint: from `find_checkpoint`.
        out: the .safetensors or .onnx file.
        as_onnx: ONNX instead of safetensors.
        replace: whether files that are there may be replaced.

    Returns:
        "files": the paths; for ONNX also "largest_difference" and "n_pictures", as
        `OnnxModel` has them.

    Raises:
        FileThereError: a file is there, and `replace` is not set.
        CheckpointError: the checkpoint can't be read.
        ExportError: ONNX can't say what the network does.
        StoreError: the disk is full; what was there before stays.
    """
    files = [out, out.with_suffix(".json"), out.with_suffix(".md")]
    there = [file for file in files if file.exists()]
    if there and not replace:
        raise FileThereError(
            str(there[0]),
            expected="no file of that name",
            found="one",
            remedy="Name another file, or give --force.",
        )
    classifier = checkpoint.load()
    if as_onnx:
        from fer_assets.training.onnx_export import to_onnx

        made = to_onnx(classifier, example_crops(workspace, checkpoint))
        data = made.data
        proof = {"largest_difference": made.largest_difference, "n_pictures": made.n_pictures}
    else:
        data, proof = checkpoint.tensors, {}
    card = json.dumps(dict(checkpoint.card), sort_keys=True, indent=2)
    page = model_card_of(workspace, checkpoint)
    store = LocalStore(out.parent)
    for file, content in zip(files, (data, card.encode(), page.encode()), strict=True):
        store.write(file.name, content)
    return {"files": [str(file) for file in files], **proof}
