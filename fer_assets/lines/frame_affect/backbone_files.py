"""An expression backbone written where others can use it: ONNX, its card beside.

Belongs here: which files are written, whole or not at all. Does not belong here: the graph
(`training/embedding_onnx.py`), stored backbones (`backbone.py`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fer_assets.errors import FerError
from fer_assets.lines.frame_affect.stored_backbones import stored_backbone
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.store import LocalStore


def export_backbone(
    workspace: Workspace, name: str, out: Path, *, replace: bool = False
) -> dict[str, Any]:
    """Write a stored backbone to the ONNX file `out`, its card as .json beside it.

    Args:
        workspace: where it is stored.
        name: of the backbone.
        out: the .onnx file.
        replace: whether files that are there may be replaced.

    Returns:
        "backbone", "files", "licence" of its start weights, "largest_difference" from torch and
        "n_pictures" tried, as `EmbeddingGraph` has them.

    Raises:
        NotMaterializedError: no backbone was ever built.
        FerError: there is none of that name, a file is there, or ONNX can't say what the network
            does.
    """
    files = [out, out.with_suffix(".json")]
    there = [file for file in files if file.exists()]
    if there and not replace:
        raise FerError(
            str(there[0]),
            expected="no file of that name",
            found="one",
            remedy="Name another file, or give --force.",
        )
    from fer_assets.training.embedding_onnx import embedding_to_onnx

    stored = stored_backbone(workspace, name)
    made = embedding_to_onnx(stored.load())
    store = LocalStore(out.parent)
    store.write(out.name, made.data)
    store.write(files[1].name, json.dumps(dict(stored.card), sort_keys=True, indent=2).encode())
    return {
        "backbone": stored.name,
        "files": [str(file) for file in files],
        "licence": str((stored.card.get("weights") or {}).get("licence", "")),
        "largest_difference": made.largest_difference,
        "n_pictures": made.n_pictures,
    }
