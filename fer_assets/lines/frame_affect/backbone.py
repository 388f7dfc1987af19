"""Step `expression_backbone`: networks that see faces, taught people and expressions; by name.

Belongs here: wiring of `frame_affect/backbone/training.py`, one unit per backbone. Does not belong
here: training, settings and pictures (`backbone_sources.py`), finding a stored one
(`stored_backbones.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from fer_assets.compute.progress import show
from fer_assets.lines.frame_affect.backbone_sources import (
    KINDS,
    backbone_specs,
    phase_reader,
    source_inputs,
    waiting,
)
from fer_assets.lines.frame_affect.names import EXPRESSION_BACKBONE
from fer_assets.lines.frame_affect.stored_backbones import (
    SUFFIX,
    StoredBackbone,
    backbone_names,
    stored_backbone,
)
from fer_assets.lines.step import Check, Step, Summary
from fer_assets.lines.tiktokfer.names import POOLED_RELEASE
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.digests import sha256_json
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import BuildReport, Output
from fer_assets.storage.planning import Build, Unit
from fer_assets.storage.running import RunningUnit, running_unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES

if TYPE_CHECKING:
    from fer_assets.frame_affect.backbone.specs import BackboneSpec

__all__ = [
    "EXPRESSION_BACKBONE_STEP",
    "StoredBackbone",
    "backbone_names",
    "stored_backbone",
]

_SUMMARY_COLUMNS: Final = {
    "backbone": "backbone",
    "architecture": "architecture",
    "weights": "started from",
    "licence": "their licence",
    "n_embedding": "embedding",
    "n_identities": "people",
    "identity_accuracy": "people told apart",
    "n_expression_images": "pictures of expressions",
    "expression_accuracy": "expressions told apart",
    "paper_accuracy": "the paper's, on AffectNet",
}
"""Columns of the table for people, and their headings."""


def _build(workspace: Workspace, partition: str | None) -> Build:
    """Version; what is a backbone's own is in its unit's inputs."""
    from fer_assets.frame_affect import CODE_VERSION

    del workspace, partition
    place = Place(EXPRESSION_BACKBONE)
    return Build(place, ASSET_TABLES[EXPRESSION_BACKBONE], CODE_VERSION)


def _units(workspace: Workspace, partition: str | None) -> list[Unit]:
    """One unit per backbone."""
    del partition
    specs = backbone_specs(workspace)
    return [_unit(workspace, spec, reads=False) for _, spec in sorted(specs.items())]


def _unit(workspace: Workspace, spec: BackboneSpec, *, reads: bool) -> Unit:
    """A backbone follows from its recipes, its start weights and its pictures' content."""
    from fer_assets.frame_affect.backbone.specs import plain_spec
    from fer_assets.training.starts import start_digests

    inputs = {"recipes": sha256_json(plain_spec(spec))}
    inputs |= start_digests(spec.identity, workspace.weights)
    return Unit(spec.name, inputs | source_inputs(workspace, spec, reads=reads))


def _prepare(workspace: Workspace, partition: str | None) -> None:
    """Read the pictures that are new or changed, for the digests."""
    del partition
    for spec in backbone_specs(workspace).values():
        _unit(workspace, spec, reads=True)


def _work(workspace: Workspace, partition: str | None, units: Sequence[Unit]) -> Iterator[Output]:
    from fer_assets.compute.device import choose_device
    from fer_assets.frame_affect.backbone.training import (
        BackboneData,
        BackboneHooks,
        kept_names,
        train_backbone,
    )

    build, specs = _build(workspace, partition), backbone_specs(workspace)
    # What comes from packages first: a hub that can't be reached keeps nobody waiting.
    for unit in sorted(units, key=lambda unit: _needs_hub(specs[unit.key])):
        spec = specs[unit.key]
        kept = {name: _kept(workspace, build, unit, name) for name in kept_names()}
        trained = train_backbone(
            spec,
            BackboneData(*(phase_reader(workspace, spec, kind) for kind in KINDS)),
            workspace.weights,
            device=choose_device(),
            hooks=BackboneHooks(kept.get, _show),
            inputs=dict(unit.inputs),
            code_version=build.code_version,
        )
        yield Output(
            spec.name,
            {"backbones": trained.row, "backbone_curve": trained.curve},
            blobs={f"{spec.name}{SUFFIX}": trained.tensors, f"{spec.name}.json": trained.card},
        )
        for state in kept.values():
            state.forget()


def _needs_hub(spec: BackboneSpec) -> bool:
    from fer_assets.training.starts import TIMM

    return spec.weights.split("/")[0] == TIMM


def _kept(workspace: Workspace, build: Build, unit: Unit, name: str) -> RunningUnit:
    """Where one phase of a unit is kept."""
    return running_unit(workspace.store, build, replace(unit, key=f"{unit.key}.{name}"))


def _show(curve: pl.DataFrame) -> None:
    """The learning curve so far, for who watches."""
    from fer_assets.figures.backbone_curve import backbone_curve_plot

    if not curve.is_empty():
        name = curve["backbone"][0]
        show(f"learning curve so far, {name}", lambda: backbone_curve_plot(curve))


def _summarise(workspace: Workspace, partition: str | None, report: BuildReport) -> Summary:
    """Accuracies beside the paper's, licences, what must be known of each backbone."""
    from fer_assets.figures.backbone_curve import backbone_curve_plot

    del partition, report
    rows = workspace.data.table(EXPRESSION_BACKBONE, None, "backbones")
    curve = workspace.data.table(EXPRESSION_BACKBONE, None, "backbone_curve")
    cards = {
        name: stored_backbone(workspace, name).card for name in sorted(rows["backbone"].to_list())
    }
    notes = pl.DataFrame(
        [(name, note) for name, card in cards.items() for note in card["notes"]],
        schema={"backbone": pl.String, "note": pl.String},
        orient="row",
    )
    shown = rows.select(pl.col(name).alias(title) for name, title in _SUMMARY_COLUMNS.items())
    forbidden = [name for name, card in cards.items() if not _is_commercial_ok(card)]
    untaught = rows.filter(pl.col("classes").list.len() == 0)
    curves = {
        f"learning curve, {name}": backbone_curve_plot(part)
        for (name,), part in sorted(curve.partition_by("backbone", as_dict=True).items())
    }
    tables = {
        "each backbone": shown,
        "to be known of them": notes,
        "pictures left out": _left_out(cards),
    }
    blobs = workspace.data.blobs(EXPRESSION_BACKBONE)
    return Summary(
        figures={"backbones": rows.height, "without scores": untaught.height},
        pictures=curves,
        tables={title: table for title, table in tables.items() if not table.is_empty()},
        files={name: path for name, path in blobs.items() if name.endswith(SUFFIX)},
        checks=[
            Check(
                "may_be_used_commercially",
                not forbidden,
                "start weights or AffectNet forbid commercial use, or it is not known: "
                f"{', '.join(forbidden) or 'of none'}",
            )
        ],
    )


def _is_commercial_ok(card: Mapping[str, Any]) -> bool:
    """Whether start weights and data allow commercial use, as far as is known of them."""
    from fer_assets.public_data.affectnet import RESEARCH_ONLY

    return card["weights"]["is_commercial_ok"] is True and RESEARCH_ONLY not in card["notes"]


def _left_out(cards: Mapping[str, Mapping[str, Any]]) -> pl.DataFrame:
    """Pictures that were not used, by reason."""
    rows = [
        (name, phase, reason, count)
        for name, card in cards.items()
        for phase, reasons in sorted(card["left_out"].items())
        if phase != "head"  # which sees the same pictures as "all"
        for reason, count in sorted(reasons.items())
    ]
    kinds = {"backbone": pl.String, "phase": pl.String, "reason": pl.String, "pictures": pl.Int64}
    return pl.DataFrame(rows, schema=kinds, orient="row")


EXPRESSION_BACKBONE_STEP = Step(
    asset=EXPRESSION_BACKBONE,
    description="Networks that see faces: people first, then expressions; by name.",
    # Read where settings.toml asks for it.
    deps=(POOLED_RELEASE,),
    build=_build,
    units=_units,
    work=_work,
    summarise=_summarise,
    waiting=lambda workspace, partition: waiting(workspace),
    prepare=_prepare,
    checks=("may_be_used_commercially",),
    is_partitioned=False,
    is_gpu_bound=True,
)
