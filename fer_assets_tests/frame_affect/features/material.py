"""Small backbones and crops for tests of frame features."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from fer_assets.media.image_codec import encode_jpeg
from fer_assets.training.embedding import (
    EmbeddingNetwork,
    embedding_bytes,
    load_embedding_network,
)
from fer_assets.training.networks import build_network
from fer_assets_tests.training.tiny import tiny_recipe

CLASSES = ("angry", "sad", "smiling")


def backbone_bytes(
    name: str, seed: int = 0, classes: tuple[str, ...] = CLASSES
) -> tuple[bytes, bytes]:
    """(safetensors, card) of an untrained backbone; another one for each seed."""
    recipe = tiny_recipe(seed=seed)
    return embedding_bytes(name, build_network(recipe, 3, Path("none")), recipe, classes)


@dataclass(frozen=True)
class InMemory:
    """A stored backbone that is stored nowhere; it counts how often it was loaded."""

    name: str = "tiny"
    seed: int = 0

    @cached_property
    def files(self) -> tuple[bytes, bytes]:
        return backbone_bytes(self.name, self.seed)

    @cached_property
    def loads(self) -> list[str]:
        return []

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.files[0]).hexdigest()

    @property
    def card(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(self.files[1])
        return found

    def load(self, device: str) -> EmbeddingNetwork:
        self.loads.append(device)
        return load_embedding_network(*self.files, device)


def jpeg(seed: int, side: int) -> bytes:
    """A picture like no other, soft enough to survive JPEG."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (-(-side // 8), -(-side // 8), 3), dtype=np.uint8)
    return encode_jpeg(coarse.repeat(8, 0).repeat(8, 1)[:side, :side])
