"""A workspace with an untrained backbone and heads of it in a challenge, for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from fer_assets.challenges.vocabulary import AFFECT_EXPRESSIONS
from fer_assets.frame_affect.heads.head import OUTPUTS, Features, Head, head_bytes
from fer_assets.frame_affect.heads.specs import RunSpec
from fer_assets.lines.frame_affect.names import AFFECT_HEADS, EXPRESSION_BACKBONE, FRAME_FEATURES
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output, rebuild
from fer_assets.storage.planning import Build, Unit
from fer_assets.storage.schemas import frame_affect as tables
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.training.embedding import embedding_bytes, load_embedding_network
from fer_assets.training.networks import build_network
from fer_assets_tests.training.tiny import tiny_recipe

KEY = "moods"
BACKBONE = "affect-tiny"
VIDEO = "0123456789abcdef"
SPECS = (
    RunSpec("EXPR", BACKBONE, "embeddings", "hidden", "held-out"),
    RunSpec("EXPR", BACKBONE, "embeddings", "linear", "held-out"),
    RunSpec("VA", BACKBONE, "scores", "linear", "held-out"),
    RunSpec("AU", BACKBONE, "embeddings", "hidden", "held-out"),
    RunSpec("MTL", BACKBONE, "both", "linear", "held-out"),
)
"""The published heads of all tasks, and one more."""


def backbone_files(seed: int = 0) -> tuple[bytes, bytes]:
    """(safetensors, card) of an untrained backbone with the eight expressions."""
    recipe = tiny_recipe(seed=seed)
    network = build_network(recipe, len(AFFECT_EXPRESSIONS), Path("none"))
    return embedding_bytes(BACKBONE, network, recipe, AFFECT_EXPRESSIONS)


def made_up_head(spec: RunSpec, n_embedding: int, n_classes: int, card: Mapping[str, str]) -> Head:
    """A head whose weights are drawn; large ones, so that faces differ."""
    rng = np.random.default_rng(len(spec.name))
    lengths = {"embeddings": n_embedding, "scores": n_classes, "both": n_embedding + n_classes}
    features: Features = spec.features
    sizes = [lengths[features], *([16] if spec.head == "hidden" else []), len(OUTPUTS[spec.task])]
    layers = tuple(
        (rng.normal(size=(after, before)).astype(np.float32), np.zeros(after, np.float32))
        for before, after in pairwise(sizes)
    )
    thresholds = np.linspace(0.1, 0.9, 12) if spec.task in ("AU", "MTL") else None
    return Head(spec.task, features, layers, thresholds, dict(card))


def put_challenge(workspace: Workspace, key: str = KEY) -> None:
    folder = workspace.catalog.folder / key
    for name in ("annotations", "cropped_aligned"):
        (folder / name).mkdir(parents=True)
    (folder / "challenge.toml").write_text(
        f'name = "Moods"\nkind = "affect"\n\n[settings.affect]\nbackbones = ["{BACKBONE}"]\n'
    )


def put_backbone(workspace: Workspace, seed: int = 0) -> str:
    """Store a backbone; its SHA-256."""
    tensors, card = backbone_files(seed)
    blobs = {f"{BACKBONE}.safetensors": tensors, f"{BACKBONE}.json": card}
    empty = {"backbones": tables.BACKBONES.empty(), "backbone_curve": tables.BACKBONE_CURVE.empty()}
    build = Build(Place(EXPRESSION_BACKBONE), ASSET_TABLES[EXPRESSION_BACKBONE], 1)
    output = Output(BACKBONE, empty, blobs=blobs)
    rebuild(workspace.store, build, [Unit(BACKBONE, {"seed": str(seed)})], lambda due: [output])
    return str(load_embedding_network(tensors, card).card["sha256"])


def put_features(workspace: Workspace, key: str = KEY) -> None:
    """Features of one frame: what tells that the backbone has scores."""
    row = {
        "backbone": BACKBONE,
        "video_id": VIDEO,
        "frame": 1,
        "embedding": [0.0] * 4,
        "scores": [0.125] * 8,
    }
    build = Build(Place(FRAME_FEATURES, key), ASSET_TABLES[FRAME_FEATURES], 1)
    unit = f"{VIDEO}-{BACKBONE}"
    output = Output(unit, {"frame_features": tables.FRAME_FEATURES.frame([row])})
    rebuild(workspace.store, build, [Unit(unit, {})], lambda due: [output])


def put_heads(workspace: Workspace, specs: Sequence[RunSpec] = SPECS, key: str = KEY) -> None:
    """Store heads that learned from the backbone of seed 0."""
    network = load_embedding_network(*backbone_files())
    outputs = []
    for spec in specs:
        card = {"backbone_sha256": str(network.card["sha256"])}
        head = made_up_head(spec, network.n_embedding, len(network.classes), card)
        tensors, written = head_bytes(head)
        row = {
            "run": spec.name,
            "task": spec.task,
            "backbone": spec.backbone,
            "features": spec.features,
            "head": spec.head,
            "protocol": spec.protocol,
            "seed": spec.seed,
            "n_inputs": head.n_inputs,
            "n_train": 1,
            "n_dev": 1,
            "best_epoch": 0,
            "dev_score": None,
        }
        parts = {
            "affect_heads": tables.AFFECT_HEADS.frame([row]),
            "head_curve": tables.HEAD_CURVE.empty(),
            "au_thresholds": tables.AU_THRESHOLDS.empty(),
            "head_videos": tables.HEAD_VIDEOS.empty(),
        }
        blobs = {f"{spec.name}.safetensors": tensors, f"{spec.name}.json": written}
        outputs.append(Output(spec.name, parts, blobs=blobs))
    build = Build(Place(AFFECT_HEADS, key), ASSET_TABLES[AFFECT_HEADS], 1)
    units = [Unit(spec.name, {}) for spec in specs]
    rebuild(workspace.store, build, units, lambda due: outputs)


def affect_workspace(root: Path) -> Workspace:
    """One challenge with a backbone and all published heads."""
    workspace = open_workspace(root)
    put_challenge(workspace)
    put_backbone(workspace)
    put_features(workspace)
    put_heads(workspace)
    return workspace
