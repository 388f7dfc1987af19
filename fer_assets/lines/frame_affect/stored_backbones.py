"""Stored expression backbones by name.

Belongs here: which there are, loading one. Does not belong here: making them (`backbone.py`), what
else a frame's features may come from (`frame_affect/features/source.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from fer_assets.lines.frame_affect.names import EXPRESSION_BACKBONE
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.reader import NotMaterializedError

if TYPE_CHECKING:
    from fer_assets.training.embedding import EmbeddingNetwork

SUFFIX: Final = ".safetensors"


@dataclass(frozen=True)
class StoredBackbone:
    """A backbone that is there; card and tensors are read when they are asked for.

    Attributes:
        name: of the backbone.
        sha256: of its tensors.
    """

    name: str
    sha256: str
    _read: Callable[[str], bytes] = field(repr=False, compare=False)

    @cached_property
    def card(self) -> Mapping[str, Any]:
        """What it says about itself.

        Raises:
            CheckpointError: it is no card.
        """
        from fer_assets.training.cards import read_card

        return read_card(self._read(".json"))

    def load(self, device: str = "cpu") -> EmbeddingNetwork:
        """The network, ready to be asked.

        Raises:
            CheckpointError: it can't be read.
        """
        from fer_assets.training.embedding import load_embedding_network

        return load_embedding_network(self._read(SUFFIX), self.card, device)


def backbone_names(workspace: Workspace) -> list[str]:
    """The names of the stored backbones, sorted.

    Raises:
        NotMaterializedError: `expression_backbone` was never built.
    """
    return sorted(workspace.data.manifest(EXPRESSION_BACKBONE).units)


def stored_backbone(workspace: Workspace, name: str) -> StoredBackbone:
    """The stored backbone called `name`; "timm/ARCH" finds "timm-ARCH".

    Raises:
        NotMaterializedError: `expression_backbone` was never built, or has no such backbone yet;
            the message names those it has.
    """
    units = workspace.data.manifest(EXPRESSION_BACKBONE).units
    unit = units.get(name) or units.get(name.replace("/", "-"))
    if unit is None:
        raise NotMaterializedError(
            f"backbone {name}",
            expected=f"one of {', '.join(sorted(units))}",
            found="none such",
            remedy="Name it in a challenge's settings.affect.backbones or in settings.toml, "
            "then: `fer-assets materialize expression_backbone`.",
        )
    key = next(blob.removesuffix(SUFFIX) for blob in unit.blobs if blob.endswith(SUFFIX))
    files = {suffix: unit.blobs[f"{key}{suffix}"].path for suffix in (SUFFIX, ".json")}
    sha256 = unit.blobs[f"{key}{SUFFIX}"].content
    return StoredBackbone(key, sha256, lambda suffix: workspace.store.read(files[suffix]))
