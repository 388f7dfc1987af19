"""A small affect challenge in the official layout, built by the line's own steps.

Crops are noise and the backbone is a tiny random one: what matters is who is in which table.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS
from fer_assets.lines.catalog import find_steps
from fer_assets.lines.step import run_step
from fer_assets.lines.workspace import SETTINGS_FILE, Workspace, open_workspace

KEY = "moods"
BACKBONE = "tiny"
N_FRAMES = 10
MISSING = 4
"""A frame in which no face was found, so that it is filled."""

SETS = {
    "7-30-one": "train", "clip-two": "train", "clip-three": "train",
    "clip-four": "validation", "clip-five": "validation", "clip-six": "test",
}  # fmt: skip
UPLOADERS = {"7-30-one": "ann", "clip-two": "ann", "clip-three": "ben", "clip-four": "cem"}

_HEADER = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other"
_FOLDERS = {"train": "Train_Set", "validation": "Validation_Set"}
_CHALLENGE = """name = "Moods"
kind = "affect"
[settings.affect]
tasks = ["EXPR", "MTL"]
backbones = ["tiny"]
features = ["embeddings"]
heads = ["linear"]
"""
_SETTINGS = b"""[frame_affect.backbones.tiny]
architecture = "test_efficientnet"
weights = "random"
image_px = 32
"""


def draw(root: Path, videos: Sequence[str] = tuple(SETS)) -> Workspace:
    """The challenge's files below a new root."""
    workspace = open_workspace(root)
    workspace.store.write(SETTINGS_FILE, _SETTINGS)
    folder = root / "challenges" / KEY
    for number, name in enumerate(videos):
        draw_crops(folder / "cropped_aligned" / name, seed=number)
    _annotate(folder, videos)
    listed = [f"{name},{UPLOADERS[name]}" for name in videos if name in UPLOADERS]
    (folder / "uploads.csv").write_text("\n".join(["file,uploader", *listed]) + "\n")
    (folder / "challenge.toml").write_text(_CHALLENGE)
    return workspace


def draw_crops(folder: Path, seed: int) -> None:
    """Numbered crops of noise."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    for number in range(1, N_FRAMES + 1):
        if number != MISSING:
            picture = rng.integers(0, 256, (24, 24, 3), np.uint8)
            cv2.imwrite(str(folder / f"{number:05d}.jpg"), picture)


def _annotate(folder: Path, videos: Sequence[str]) -> None:
    place = folder / "annotations"
    lists: dict[str, list[str]] = {"train": [], "validation": []}
    asked = []
    for at, name in enumerate(videos):
        own = SETS[name]
        if own == "test":
            asked.append(name)
            continue
        classes = [(at + number) % 8 for number in range(N_FRAMES)]
        file = place / "EXPR_Classification_Challenge" / _FOLDERS[own] / f"{name}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join([_HEADER, *map(str, classes)]) + "\n")
        for number, label in enumerate(classes, start=1):
            units = ",".join(str((number + unit) % 2) for unit in range(len(AFFECT_ACTION_UNITS)))
            affect = f"{np.sin(at + number):.3f},{np.cos(at + number):.3f}"
            lists[own].append(f"{name}/{number:05d}.jpg,{affect},{label},{units}")
    of_lists = place / "MTL_Challenge"
    of_lists.mkdir(parents=True, exist_ok=True)
    for own, rows in lists.items():
        text = "\n".join(["image,valence,arousal,expression,aus", *rows]) + "\n"
        (of_lists / f"{own}_set.txt").write_text(text)
    (place / "EXPR_test_set.txt").write_text("\n".join(asked) + "\n")


def build(workspace: Workspace) -> None:
    """Every step of the line, as the jobs would run them; the backbone first."""
    steps = {step.asset: step for step in find_steps(["frame_affect"])}
    backbone = steps.pop("frame_affect/expression_backbone")
    run_step(backbone, workspace, None)
    for step in steps.values():
        run_step(step, workspace, KEY)
