"""Training an expression backbone: people first, then expressions in two phases.

Belongs here: the order of the phases, what each starts from and leaves. Does not belong here: one
phase's loop (`training/loop.py`), pictures (`data.py`), the checkpoint
(`checkpoint.py`).

A phase that is finished is kept until the backbone is: a run that was killed goes on in the phase
it was in, and pictures of finished phases are not read again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from fer_assets.errors import FerError
from fer_assets.frame_affect.backbone.checkpoint import TrainedBackbone, checkpoint, curve_rows
from fer_assets.frame_affect.backbone.data import PhaseData
from fer_assets.frame_affect.backbone.phase_results import PhaseResult, phase_bytes, read_phase
from fer_assets.frame_affect.backbone.specs import PHASES, BackboneSpec, Phase
from fer_assets.training.curve import Epoch
from fer_assets.training.loop import fit
from fer_assets.training.networks import PictureNetwork, build_network
from fer_assets.training.run_state import StateKeeper


@dataclass(frozen=True)
class BackboneData:
    """What a backbone learns from, read when its phase comes; None where nothing is configured.

    Attributes:
        identities: people.
        expressions: expressions.
    """

    identities: Callable[[], PhaseData] | None = None
    expressions: Callable[[], PhaseData] | None = None


@dataclass(frozen=True)
class BackboneHooks:
    """Who is told of a run while it goes on.

    Attributes:
        keeper: name to where something of the run is kept, so that it can go on after a crash.
        watch: called with the BACKBONE_CURVE so far, after each epoch.
    """

    keeper: Callable[[str], StateKeeper | None] = lambda name: None
    watch: Callable[[pl.DataFrame], None] = lambda curve: None


def kept_names() -> tuple[str, ...]:
    """The names that a hook's keeper is asked for."""
    return tuple(name for phase in PHASES for name in (phase, _done(phase)))


def train_backbone(
    spec: BackboneSpec,
    data: BackboneData,
    weights_folder: Path,
    *,
    device: str = "cpu",
    hooks: BackboneHooks | None = None,
    **more: Any,
) -> TrainedBackbone:
    """Carry out the phases that there is data for; with none the start weights are the backbone.

    Args:
        spec: which backbone, and how.
        data: what it learns from.
        weights_folder: where weights are, or are fetched to.
        device: "cpu" (two runs give the same bits) or "cuda".
        hooks: who is told meanwhile; None for nobody.
        more: JSON values to add to the card.

    Raises:
        RecipeError: the start weights can't be had, or a phase can't be carried out.
        BackboneError: there is too little to learn from.
        DivergedError: a loss is no finite number any more.
    """
    training = _Training(spec, data, weights_folder, device, hooks or BackboneHooks())
    network = training.run()
    return checkpoint(spec, network, training.results, device, more)


@dataclass
class _Training:
    """One backbone's training: where it stands."""

    spec: BackboneSpec
    data: BackboneData
    weights_folder: Path
    device: str
    hooks: BackboneHooks
    results: list[PhaseResult] = field(default_factory=list)
    loaded: dict[str, PhaseData] = field(default_factory=dict)

    def run(self) -> PictureNetwork:
        """All phases; what they gave is in `results`."""
        # The last layer of the weights themselves is never used: each phase makes its own.
        network = build_network(self.spec.identity, 0, self.weights_folder)
        network.to(device=self.device)
        if self.data.identities is not None:
            self._phase(network, "identity", self.data.identities)
        if self.data.expressions is not None:
            self._phase(network, "head", self.data.expressions)
            self._phase(network, "all", self.data.expressions)
        return network

    def _phase(self, network: PictureNetwork, phase: Phase, read: Callable[[], PhaseData]) -> None:
        """One phase, or what is kept of it: `network` ends as it left it."""
        keeper = self.hooks.keeper(_done(phase))
        if (result := _kept(keeper)) is not None:
            network.replace_head(len(result.classes), seed=0)
            network.load_state_dict(dict(result.tensors))
        else:
            result = self._trained(network, phase, self._read(phase, read))
            if keeper is not None:
                result = _saved(keeper, result)
        # Its weights are the network's, which go on to change.
        self.results.append(dataclasses.replace(result, tensors={}))
        self.hooks.watch(self._curve())

    def _read(self, phase: Phase, read: Callable[[], PhaseData]) -> PhaseData:
        """The phase's pictures; both phases on expressions share theirs."""
        key = "identity" if phase == "identity" else "expressions"
        if key not in self.loaded:
            self.loaded.clear()
            self.loaded[key] = read()
        return self.loaded[key]

    def _trained(self, network: PictureNetwork, phase: Phase, data: PhaseData) -> PhaseResult:
        recipe = self.spec.recipe(phase)
        if phase != "all":
            network.replace_head(len(data.classes), recipe.seed)
        network.train_only_head(phase == "head")
        fitted = fit(
            network,
            data.train,
            data.val,
            recipe,
            device=self.device,
            label=f"training {recipe.name}",
            keeper=self.hooks.keeper(phase),
            watch=lambda rows: self.hooks.watch(self._curve(phase, rows)),
            best_by="val_accuracy",
        )
        network.train_only_head(False)
        if phase == "identity":
            network.replace_head(0, seed=0)
        accuracy = fitted.curve[fitted.best_epoch].val_accuracy
        assert accuracy is not None  # there is always something held out
        return PhaseResult(
            phase,
            fitted.curve,
            accuracy,
            len(data.classes),
            data.n_images,
            () if phase == "identity" else data.classes,
            data.left_out,
            (*data.notes, *fitted.notes),
            dict(network.state_dict()),
        )

    def _curve(self, phase: Phase | None = None, rows: Sequence[Epoch] = ()) -> pl.DataFrame:
        parts = [(result.phase, result.curve) for result in self.results]
        if phase is not None:
            parts.append((phase, tuple(rows)))
        return curve_rows(self.spec.name, parts)


def _done(phase: str) -> str:
    return f"{phase}-done"


def _kept(keeper: StateKeeper | None) -> PhaseResult | None:
    """What a finished phase left; None where there is nothing, or nothing that can be read."""
    if keeper is None:
        return None
    try:
        data = keeper.load()
        return None if data is None else read_phase(data)
    except (OSError, FerError):
        return None  # it is trained again


def _saved(keeper: StateKeeper, result: PhaseResult) -> PhaseResult:
    """Keep a finished phase; where that fails, what is lost is time after a crash."""
    try:
        keeper.save(phase_bytes(result))
    except (OSError, FerError) as error:
        note = f"the phase {result.phase} could not be kept: {error}"
        return dataclasses.replace(result, notes=(*result.notes, note))
    return result
