"""Trained checkpoints by name, for the commands and for notebooks.

Belongs here: which names there are, which run stands for an asset, whether a checkpoint is stale.
Does not belong here: reading tensors (`training/checkpoints.py`), marking what is stale
(`custody/`).

A name is ``pooled`` or a challenge's key, either with ``/RUN``, or a path to a ``.safetensors``
file with its ``.json`` beside it. Without a run the serving one is meant.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fer_assets.errors import FerError
from fer_assets.lines.tiktokfer.names import FACE_CROPS, POOLED_CHECKPOINT, TRAINED_CHECKPOINTS
from fer_assets.lines.tiktokfer.scores import SERVING_RUNS
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.manifests import UnitEntry, read_manifest
from fer_assets.storage.reader import NotMaterializedError
from fer_assets.storage.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fer_assets.training.checkpoints import Classifier

POOLED: Final = "pooled"
"""Stands for the checkpoint over all challenges."""

SUFFIX: Final = ".safetensors"

STALE_LIST: Final = "custody/stale_checkpoints.json"
"""Where `custody/` lists the checkpoints that learned from somebody withdrawn since."""


class CheckpointNotFoundError(FerError):
    """There is no checkpoint of that name."""


class StaleCheckpointWarning(UserWarning):
    """The checkpoint learned from somebody who was withdrawn since."""


@dataclass(frozen=True)
class StoredCheckpoint:
    """A checkpoint that is there; card and tensors are read when they are asked for.

    Attributes:
        name: its full name, e.g. ``pooled/final``; the path of a file.
        asset: the asset that holds it; None for a file.
        partition: the challenge; None over all of them and for a file.
        run: name of the training run, e.g. ``fold-0``; "" for a file.
        is_serving: whether it stands for its asset where no run is named.
        stale_since: the erasure that took somebody it learned from; None where there is none.
    """

    name: str
    asset: str | None
    partition: str | None
    run: str
    is_serving: bool
    stale_since: str | None
    _read: Callable[[str], bytes] = field(repr=False, compare=False)

    @cached_property
    def card(self) -> Mapping[str, Any]:
        """What it says about itself.

        Raises:
            CheckpointNotFoundError: it was replaced since it was found.
            CheckpointError: it is no card.
        """
        from fer_assets.training.cards import read_card

        return read_card(self._bytes(".json"))

    @property
    def tensors(self) -> bytes:
        """The safetensors, read anew each time.

        Raises:
            CheckpointNotFoundError: it was replaced since it was found.
        """
        return self._bytes(SUFFIX)

    def _bytes(self, suffix: str) -> bytes:
        try:
            return self._read(suffix)
        except FileNotFoundError as error:
            raise CheckpointNotFoundError(
                f"checkpoint {self.name}",
                expected="the file that was there a moment ago",
                found="none: it was trained anew or withdrawn meanwhile",
                remedy="Ask again.",
            ) from error

    def load(self, device: str = "cpu") -> Classifier:
        """The classifier, ready to be asked.

        Raises:
            CheckpointError: it can't be read.
        """
        from fer_assets.training.checkpoints import load_checkpoint

        return load_checkpoint(self.tensors, self.card, device)


def stored_checkpoints(workspace: Workspace) -> list[StoredCheckpoint]:
    """All checkpoints of the workspace: the pooled one first, then by challenge and run."""
    data = workspace.data
    places = [Place(POOLED_CHECKPOINT, None)]
    places += [Place(TRAINED_CHECKPOINTS, key) for key in data.partitions(TRAINED_CHECKPOINTS)]
    stale = _stale(workspace.store)
    return [one for place in places for one in _of_place(workspace.store, place, stale)]


def find_checkpoint(workspace: Workspace, name: str | None = None) -> StoredCheckpoint:
    """The checkpoint called `name`; one that is stale is given with a `StaleCheckpointWarning`.

    Args:
        workspace: where it is.
        name: ``pooled``, ``pooled/RUN``, ``KEY``, ``KEY/RUN``, the same with the asset in front as
            `trace` writes it (``trained_checkpoints/KEY/RUN``), or a path to a ``.safetensors``
            file. None for the pooled one, or the only challenge's where there is no pooled one.

    Raises:
        CheckpointNotFoundError: none is called so; the message lists those there are.
        CheckpointError: its card can't be read.
    """
    if name is not None and name.endswith(SUFFIX):
        found = _of_file(Path(name).expanduser(), _stale(workspace.store))
    else:
        found = _named(stored_checkpoints(workspace), name)
    if found.stale_since:
        warnings.warn(
            f"checkpoint {found.name} learned from faces that were withdrawn since (erasure "
            f"{found.stale_since}): train it anew",
            StaleCheckpointWarning,
            stacklevel=2,
        )
    return found


def _named(known: list[StoredCheckpoint], name: str | None) -> StoredCheckpoint:
    serving = {one.name.split("/")[0]: one for one in known if one.is_serving}
    if name is None:
        name = POOLED if POOLED in serving or len(serving) != 1 else next(iter(serving))
    plain = name.strip("/")
    for asset, short in ((POOLED_CHECKPOINT, POOLED), (TRAINED_CHECKPOINTS, "")):
        first = asset.rsplit("/", 1)[1]
        if plain.split("/")[0] == first:
            plain = f"{short}{plain.removeprefix(first)}".strip("/")
    runs = {one.name: one for one in known}
    found = runs.get(plain) or serving.get(plain)
    if found is None:
        raise _none_such(name, [*serving, *runs])
    return found


def _none_such(name: str, names: list[str]) -> CheckpointNotFoundError:
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"Did you mean {near[0]}?" if near else "`fer-assets checkpoint list` shows them."
    if not names:
        hint = "Train one: `fer-assets materialize trained_checkpoints --partition KEY`."
    return CheckpointNotFoundError(
        f"checkpoint {name}",
        expected=f"one of {', '.join(names)}, or a path to a {SUFFIX} file"
        if names
        else "a trained checkpoint",
        found="none such" if names else "none",
        remedy=hint,
    )


def _of_place(store: Store, place: Place, stale: Mapping[str, str]) -> Iterator[StoredCheckpoint]:
    manifest = read_manifest(store, place)
    units = dict(manifest.units) if manifest else {}
    runs = {name: unit for name, unit in units.items() if f"{name}{SUFFIX}" in unit.blobs}
    if not runs:
        return
    serving = next((name for name in SERVING_RUNS if name in runs), min(runs))
    for name, unit in sorted(runs.items()):
        yield _of_unit(store, place, name, unit, stale, is_serving=name == serving)


def _of_unit(
    store: Store,
    place: Place,
    run: str,
    unit: UnitEntry,
    stale: Mapping[str, str],
    *,
    is_serving: bool,
) -> StoredCheckpoint:
    files = {suffix: unit.blobs[f"{run}{suffix}"] for suffix in (SUFFIX, ".json")}
    return StoredCheckpoint(
        name=f"{place.partition or POOLED}/{run}",
        asset=place.asset,
        partition=place.partition,
        run=run,
        is_serving=is_serving,
        stale_since=stale.get(files[SUFFIX].content),
        _read=lambda suffix: store.read(files[suffix].path),
    )


def _of_file(path: Path, stale: Mapping[str, str]) -> StoredCheckpoint:
    for file, what in (
        (path, "a checkpoint file"),
        (path.with_suffix(".json"), "the card beside the checkpoint"),
    ):
        if not file.is_file():
            raise CheckpointNotFoundError(
                f"checkpoint {path}",
                expected=f"{what}, {file}",
                found="none",
                remedy="`fer-assets checkpoint export NAME FILE` writes both.",
            )
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return StoredCheckpoint(
        name=str(path),
        asset=None,
        partition=None,
        run="",
        is_serving=False,
        stale_since=stale.get(sha256),
        _read=lambda suffix: path.with_suffix(suffix).read_bytes(),
    )


def _stale(store: Store) -> dict[str, str]:
    """SHA-256 of each checkpoint on the list of stale ones, to the erasure that put it there."""
    if not store.exists(STALE_LIST):
        return {}
    return {row["checkpoint"]: row["erasure"] for row in json.loads(store.read(STALE_LIST))}


def example_crops(
    workspace: Workspace, checkpoint: StoredCheckpoint, at_most: int = 64
) -> NDArray[np.uint8] | None:
    """Some real crops (n, h, w, 3) uint8 to try a copy of the checkpoint on; None without any.

    They come from the checkpoint's challenge, or from the first that there is.
    """
    import numpy as np

    from fer_assets.media.image_codec import decode_image

    data = workspace.data
    keys = [checkpoint.partition] if checkpoint.partition else data.partitions(FACE_CROPS)
    for key in keys:
        try:
            units = sorted(data.manifest(FACE_CROPS, key).units)
        except NotMaterializedError:
            continue
        for unit in units:
            crops = data.table(FACE_CROPS, key, columns=["image"], units=[unit]).head(at_most)
            if crops.height:
                return np.stack([decode_image(image["bytes"]) for image in crops["image"]])
    return None
