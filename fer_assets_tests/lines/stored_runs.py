"""A workspace with a small release and untrained checkpoints in it, for tests."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_assets.lines.tiktokfer.names import (
    DATASET_RELEASE,
    FACE_CROPS,
    POOLED_CHECKPOINT,
    TRAINED_CHECKPOINTS,
)
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets.media.image_codec import encode_jpeg
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output, rebuild
from fer_assets.storage.planning import WHOLE, Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.schemas.tiktokfer import FACE_CROPS as FACE_CROPS_TABLE
from fer_assets.storage.schemas.tiktokfer import FRAMES, LEARNING_CURVE, PREDICTIONS
from fer_assets.training.checkpoints import checkpoint_bytes, make_card
from fer_assets.training.networks import build_network
from fer_assets_tests.expressions.faces import NAMES, tiny_release
from fer_assets_tests.training.tiny import tiny_recipe

KEY = "grin-challenge"


def checkpoint(seed: int = 0, **more: object) -> tuple[bytes, bytes]:
    """(safetensors, card) of an untrained network; another one for each seed."""
    recipe = tiny_recipe(seed=seed)
    network = build_network(recipe, 3, Path("none"))
    return checkpoint_bytes(network, make_card(recipe, NAMES, network, **more))


def put_runs(workspace: Workspace, place: Place, names: list[str], **more: object) -> None:
    """Store a checkpoint per run name, as training does; a later call replaces them."""
    outputs = []
    for number, name in enumerate(names):
        tensors, card = checkpoint(number, run=name, **more)
        tables = {"predictions": PREDICTIONS.empty(), "learning_curve": LEARNING_CURVE.empty()}
        blobs = {f"{name}.safetensors": tensors, f"{name}.json": card}
        outputs.append(Output(name, tables, blobs=blobs))
    build = Build(place, ASSET_TABLES[place.asset], 1, json.dumps(more))
    rebuild(workspace.store, build, [Unit(name, {}) for name in names], lambda due: outputs)


def put_release(workspace: Workspace, n_people: int = 8) -> str:
    """Store the small release; its data version."""
    release = tiny_release(n_people=n_people)
    build = Build(Place(DATASET_RELEASE, KEY), ASSET_TABLES[DATASET_RELEASE], 1)
    output = Output(WHOLE, {"dataset_release": release})
    units = [Unit(WHOLE, {"people": str(n_people)})]
    rebuild(workspace.store, build, units, lambda due: [output])
    return workspace.data.manifest(DATASET_RELEASE, KEY).data_version


def put_crops(workspace: Workspace, images: NDArray[np.uint8]) -> None:
    """Store face crops, one video each; the first video has none."""
    outputs = [Output("0" * 16, {"face_crops": FACE_CROPS_TABLE.empty(), "frames": FRAMES.empty()})]
    for number, image in enumerate(images, start=1):
        video = f"{number:016x}"
        row = {
            "face_id": f"{video}/0/500-500",
            "video_id": video,
            "clip_id": f"{video}/sad/0",
            "prompt_id": "sad",
            "expression": "sad",
            "timestamp_ms": 0,
            "landmarks_px": [0.0] * 10,
            "rotation_deg": 0,
            "image": {"bytes": encode_jpeg(image), "path": "0.jpg"},
        }
        numbers = dict.fromkeys(("x0_px", "y0_px", "sharpness", "roll_deg", "yaw_ratio"), 0.0)
        sizes = dict.fromkeys(("x1_px", "y1_px", "face_px"), 9.0) | {"detection_score": 0.9}
        frame = FACE_CROPS_TABLE.frame([row | numbers | sizes])
        outputs.append(Output(video, {"face_crops": frame, "frames": FRAMES.empty()}))
    build = Build(Place(FACE_CROPS, KEY), ASSET_TABLES[FACE_CROPS], 1)
    units = [Unit(output.key, {}) for output in outputs]
    rebuild(workspace.store, build, units, lambda due: outputs)


def trained_workspace(root: Path) -> Workspace:
    """A release, the run ``split`` on it, and two folds and ``final`` over all challenges."""
    workspace = open_workspace(root)
    digest = put_release(workspace)
    about = {"release_digest": digest, "n_train": 40, "n_train_people": 5}
    put_runs(workspace, Place(TRAINED_CHECKPOINTS, KEY), ["split"], **about)
    put_runs(workspace, Place(POOLED_CHECKPOINT, None), ["fold-0", "fold-1", "final"])
    return workspace
