"""The import rules of ARCHITECTURE.md, held against the sources."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fer_assets_tests.architecture.imports import imported, modules, room

BASE = {"errors", "fer_assets"}
LEAVES = {
    "challenges": set(),
    "compute": set(),
    "figures": {"media"},
    "media": set(),
    "metrics": set(),
    "public_data": {"challenges", "compute"},
    "storage": {"challenges", "compute"},
    "training": {"compute", "media", "metrics", "weights"},
    "weights": {"compute"},
    "web": set(),
}
STAGES = {
    "benchmarks", "expressions", "faces", "frame_affect", "identities", "labels", "prompts",
    "release", "sources",
}  # fmt: skip
COMPOSERS = {"custody": {"lines"}, "demo": set(), "inference": set(), "lines": set()}
DAGSTER = {"defs", "definitions"}
DOOR = {"cli", "commands"}
HEAVY = (
    "torch", "timm", "onnxruntime", "librosa", "scipy", "numba", "cv2", "sklearn", "matplotlib",
)  # fmt: skip


def _own(tree) -> set[str]:
    return {room(name) for name in imported(tree) if name.split(".")[0] == "fer_assets"}


def _allowed(own: str) -> set[str]:
    everything = BASE | set(LEAVES) | STAGES | set(COMPOSERS) | DAGSTER | DOOR
    if own in BASE:
        return BASE | {"storage"}  # fer_assets.open
    if own in LEAVES:
        return BASE | LEAVES[own] | {own}
    if own in STAGES:
        return BASE | set(LEAVES) | {own}
    if own in COMPOSERS:
        return BASE | set(LEAVES) | STAGES | COMPOSERS[own] | {own}
    if own in DAGSTER:
        return everything - DOOR
    return everything


@pytest.mark.parametrize(
    ("name", "tree"), list(modules()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_rooms_import_only_what_they_may(name, tree):
    own = room(name)
    known = BASE | set(LEAVES) | STAGES | set(COMPOSERS) | DAGSTER | DOOR
    assert own in known, f"{own} is no room that ARCHITECTURE.md names"
    assert not _own(tree) - _allowed(own), f"{name} reaches into another room"


@pytest.mark.parametrize(
    ("name", "tree"), list(modules()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_only_defs_import_dagster(name, tree):
    uses = {module.split(".")[0] for module in imported(tree)}
    has_dagster = any(module.startswith("dagster") for module in uses)
    assert not has_dagster or room(name) in DAGSTER


def test_a_forbidden_import_is_noticed():
    import ast

    tree = ast.parse("def f():\n    from fer_assets.faces.detector import load_detector\n")
    assert _own(tree) - _allowed("prompts") == {"faces"}


def test_definitions_import_nothing_heavy():
    code = (
        "import sys, fer_assets.definitions\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"
