"""Affect models by name: the published heads of a challenge with their backbone, for predictions.

Belongs here: which heads go together, whether they still fit the stored backbone, whether one is
stale. Does not belong here: asking them (`frame_affect/affect_model.py`), which run is published
(`stored_heads.py`), marking what is stale (`custody/`).

A name is a challenge's key, which stands for its published heads, or ``KEY/RUN`` for one head.
"""

from __future__ import annotations

import difflib
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fer_assets.challenges.vocabulary import AFFECT_TASKS
from fer_assets.errors import FerError
from fer_assets.lines.frame_affect.names import AFFECT_HEADS
from fer_assets.lines.tiktokfer.checkpoints import STALE_LIST, StaleCheckpointWarning
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.reader import NotMaterializedError

if TYPE_CHECKING:
    from fer_assets.compute.device import Device
    from fer_assets.frame_affect.affect_model import AffectModel
    from fer_assets.lines.frame_affect.backbone import StoredBackbone
    from fer_assets.lines.frame_affect.stored_heads import StoredHead

_TRAIN: Final = "Train them: `fer-assets materialize affect_heads --partition KEY`."


class AffectModelError(FerError):
    """There is no such affect model, or its parts no longer fit each other."""


@dataclass(frozen=True)
class FoundModel:
    """An affect model, ready to be asked, and what is to be recorded of it.

    Attributes:
        model: the model.
        made_with: JSON values: its name, the runs by task, digests, whether any part is stale.
    """

    model: AffectModel
    made_with: Mapping[str, Any]


def find_affect_model(workspace: Workspace, name: str | None, device: Device) -> FoundModel:
    """The affect model called `name`; one that is stale is given with a `StaleCheckpointWarning`.

    Args:
        workspace: where it is.
        name: ``KEY`` or ``KEY/RUN``; None for the only challenge that has heads.
        device: where its backbone is to run.

    Raises:
        AffectModelError: none is called so, the message lists those there are; or the backbone
            was trained anew since the heads learned from it.
        FerError: a stored file can't be read.
    """
    from fer_assets.frame_affect.affect_model import AffectModel
    from fer_assets.frame_affect.features.source import load_feature_source
    from fer_assets.lines.frame_affect.features import graphs_folder

    key, run = _chosen(workspace, name)
    heads = _heads_of(workspace, key, run)
    backbone = _backbone(workspace, key, heads)
    stale = _stale_since(workspace, key, heads, backbone)
    for what, erasure in stale.items():
        warnings.warn(
            f"{what} learned from what was withdrawn since (erasure {erasure}): train it anew",
            StaleCheckpointWarning,
            stacklevel=2,
        )
    source = load_feature_source(backbone, device, graphs_folder(workspace))
    label = f"{key}/{run}" if run else key
    loaded = {str(head.row["task"]): head.load() for head in heads}
    model = AffectModel(label, source, loaded, device)
    made_with = {
        "model": label,
        "heads": {str(head.row["task"]): head.run for head in heads},
        "heads_sha256": {str(head.row["task"]): head.sha256 for head in heads},
        "backbone": backbone.name,
        "backbone_sha256": backbone.sha256,
        "runtime": source.runtime,
        "is_stale": bool(stale),
    }
    return FoundModel(model, made_with)


def _chosen(workspace: Workspace, name: str | None) -> tuple[str, str]:
    """Challenge and run ("" for the published ones) that a name means."""
    keys = sorted(workspace.data.partitions(AFFECT_HEADS))
    if not keys:
        raise AffectModelError(
            "affect model" if name is None else f"affect model {name}",
            expected="a challenge of kind affect with trained heads",
            found="none",
            remedy=_TRAIN,
        )
    if name is None:
        if len(keys) > 1:
            raise AffectModelError(
                "affect model",
                expected="a name, since several challenges have heads",
                found="none given",
                remedy=f"Give --challenge with one of {', '.join(keys)}.",
            )
        return keys[0], ""
    key, _, run = name.strip("/").removeprefix(f"{AFFECT_HEADS.rsplit('/', 1)[1]}/").partition("/")
    if key not in keys:
        raise _none_such(f"affect model {name}", key, keys, "a challenge with heads: ")
    return key, run


def _heads_of(workspace: Workspace, key: str, run: str) -> list[StoredHead]:
    """The published heads of a challenge, in the order of tasks, or the one that is named."""
    from fer_assets.lines.frame_affect.stored_heads import published_run, stored_heads

    try:
        if run:
            known = {head.run: head for head in stored_heads(workspace, key)}
            if run not in known:
                raise _none_such(f"affect model {key}/{run}", run, list(known), "one of the runs ")
            return [known[run]]
        published = [published_run(workspace, key, task) for task in AFFECT_TASKS]
    except NotMaterializedError as error:
        raise AffectModelError(
            f"affect model {key}", expected="trained heads", found=str(error), remedy=_TRAIN
        ) from error
    heads = [head for head in published if head is not None]
    if not heads:
        known = {head.run: head for head in stored_heads(workspace, key)}
        raise AffectModelError(
            f"affect model {key}",
            expected="a head that is published",
            found=f"others only: {', '.join(known)}" if known else "no head",
            remedy=f"Name one: --challenge {key}/RUN." if known else _TRAIN,
        )
    return heads


def _backbone(workspace: Workspace, key: str, heads: Sequence[StoredHead]) -> StoredBackbone:
    """The backbone that all of these heads learned from, as it was then."""
    from fer_assets.lines.frame_affect.backbone import stored_backbone

    backbone = stored_backbone(workspace, str(heads[0].row["backbone"]))
    for head in heads:
        learned_from = head.card.get("backbone_sha256") or backbone.sha256
        if learned_from != backbone.sha256:
            raise AffectModelError(
                f"affect model {key}: head {head.run}",
                expected=f"backbone {backbone.name} as it is now, {backbone.sha256[:12]}",
                found=f"it learned from an earlier one, {learned_from[:12]}",
                remedy="Bring both up to date: `fer-assets materialize frame_features "
                f"affect_heads --partition {key}`.",
            )
    return backbone


def _stale_since(
    workspace: Workspace, key: str, heads: Sequence[StoredHead], backbone: StoredBackbone
) -> dict[str, str]:
    """What learned from somebody withdrawn since, to the erasure that took them."""
    if not workspace.store.exists(STALE_LIST):
        return {}
    listed = {
        row["checkpoint"]: str(row["erasure"])
        for row in json.loads(workspace.store.read(STALE_LIST))
    }
    digests = {f"head {key}/{head.run}": head.sha256 for head in heads}
    digests[f"backbone {backbone.name}"] = backbone.sha256
    return {what: listed[sha256] for what, sha256 in digests.items() if sha256 in listed}


def _none_such(thing: str, asked: str, names: Sequence[str], what: str) -> AffectModelError:
    near = difflib.get_close_matches(asked, names, n=1)
    return AffectModelError(
        thing,
        expected=f"{what}{', '.join(names)}",
        found="none such",
        remedy=f"Did you mean {near[0]}?" if near else "",
    )
