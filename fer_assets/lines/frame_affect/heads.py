"""The step `affect_heads`: heads on the features of annotated frames.

Belongs here: wiring of `frame_affect.heads`; each run is a unit of its own, so that a killed
build goes on with the next run. Does not belong here: training, which runs there are
(`head_plan.py`), finding stored heads (`stored_heads.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import polars as pl

from fer_assets.compute.progress import show
from fer_assets.lines.frame_affect.features import unit_key
from fer_assets.lines.frame_affect.head_plan import HeadPlan
from fer_assets.lines.frame_affect.head_summary import CHECKS, heads_summary
from fer_assets.lines.frame_affect.names import AFFECT_HEADS, ANNOTATED_FRAMES, FRAME_FEATURES
from fer_assets.lines.frame_affect.stored_heads import StoredHead, published_run, stored_heads
from fer_assets.lines.step import Step
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output
from fer_assets.storage.planning import Build, Unit, plan
from fer_assets.storage.schemas.catalog import ASSET_TABLES

if TYPE_CHECKING:
    from fer_assets.frame_affect.heads.data import HeadData
    from fer_assets.frame_affect.heads.runs import HeldOut, RunResult
    from fer_assets.frame_affect.heads.specs import RunSpec

__all__ = ["AFFECT_HEADS_STEP", "StoredHead", "load_head_data", "published_run", "stored_heads"]

_FEATURE_COLUMNS: Final = ("frame", "embedding", "scores")


def load_head_data(
    workspace: Workspace, partition: str | None, task: str, backbone: str
) -> HeadData:
    """Features and annotations of a task's training and validation frames, in memory.

    Raises:
        NotMaterializedError: there are no annotated frames or no features.
        HeadDataError: features that no head can learn from.
    """
    from fer_assets.frame_affect.heads.data import gather_head_data

    videos = HeadPlan(workspace, partition).videos(task, backbone, ("train", "validation"))
    annotations = workspace.data.table(
        ANNOTATED_FRAMES, partition, "frame_annotations", units=list(videos)
    ).filter(pl.col("task") == task)

    def features(video: str) -> pl.DataFrame:
        return workspace.data.table(
            FRAME_FEATURES, partition, columns=_FEATURE_COLUMNS, units=[unit_key(video, backbone)]
        )

    return gather_head_data(task, annotations, videos, features)


def _waiting(workspace: Workspace, partition: str | None) -> str | None:
    sets = HeadPlan(workspace, partition).sets
    if any(own == "train" for videos in sets.values() for own in videos.values()):
        return None
    return "no frame of a training video with a face crop is annotated"


def _build(workspace: Workspace, partition: str | None) -> Build:
    from fer_assets.frame_affect import CODE_VERSION
    from fer_assets.frame_affect.heads.specs import HeadRecipe

    dev_share = HeadPlan(workspace, partition).settings.dev_share
    made_with = {"dev_share": dev_share, "recipe": HeadRecipe()}
    place = Place(AFFECT_HEADS, partition)
    return Build(place, ASSET_TABLES[AFFECT_HEADS], CODE_VERSION, made_with)


def _units(workspace: Workspace, partition: str | None) -> list[Unit]:
    there = HeadPlan(workspace, partition)
    return [there.unit(spec) for spec in there.runs()]


def _work(workspace: Workspace, partition: str | None, units: Sequence[Unit]) -> Iterator[Output]:
    """One task on one backbone after the other: only its features are in memory."""
    from fer_assets.frame_affect.heads.specs import PROTOCOLS

    due = {unit.key: unit for unit in units}
    groups: dict[tuple[str, str], list[RunSpec]] = {}
    for spec in HeadPlan(workspace, partition).runs():
        if spec.name in due:
            groups.setdefault((spec.backbone, spec.task), []).append(spec)
    curves: list[pl.DataFrame] = []
    for specs in groups.values():
        # A final run comes after the held-out one that it follows.
        specs.sort(key=lambda spec: PROTOCOLS.index(spec.protocol))
        yield from _train(workspace, partition, {spec: due[spec.name] for spec in specs}, curves)


def _train(
    workspace: Workspace,
    partition: str | None,
    due: Mapping[RunSpec, Unit],
    curves: list[pl.DataFrame],
) -> Iterator[Output]:
    """Runs of one task on one backbone; what has nothing to learn from is quarantined."""
    from fer_assets.compute.device import choose_device
    from fer_assets.frame_affect import CODE_VERSION
    from fer_assets.frame_affect.heads.runs import held_out, run_head
    from fer_assets.frame_affect.heads.specs import HeadRecipe, RunError

    first = next(iter(due))
    data = load_head_data(workspace, partition, first.task, first.backbone)
    device, settings = choose_device(), HeadPlan(workspace, partition).settings
    done: dict[RunSpec, HeldOut] = {}
    for spec, unit in due.items():
        about = {
            "backbone_sha256": _backbone_digest(workspace, partition, spec.backbone),
            "code_version": CODE_VERSION,
            "inputs": dict(unit.inputs),
        }
        before = spec.by("held-out")
        if spec.protocol == "final" and before not in done:
            done |= _kept(workspace, partition, before)
        try:
            result = run_head(
                data,
                spec,
                HeadRecipe(),
                dev_share=settings.dev_share,
                device=device,
                follows=done.get(before),
                about=about,
                watch=lambda curve: _show([*curves, curve]),
            )
        except RunError as error:
            yield Output(spec.name, {}, status="quarantined", reason=str(error))
            continue
        done[spec] = held_out(result.head)
        curves.append(result.tables["head_curve"])
        yield _output(result)


def _output(result: RunResult) -> Output:
    from fer_assets.frame_affect.heads.head import head_bytes

    name = result.spec.name
    tensors, card = head_bytes(result.head)
    return Output(name, result.tables, {f"{name}.safetensors": tensors, f"{name}.json": card})


def _kept(workspace: Workspace, partition: str | None, spec: RunSpec) -> dict[RunSpec, HeldOut]:
    """What a run that is finished and still holds had found; {} where it has no head."""
    from fer_assets.frame_affect.heads.head import load_head
    from fer_assets.frame_affect.heads.runs import held_out

    todo = plan(workspace.store, _build(workspace, partition), _units(workspace, partition))
    entry = todo.kept.get(spec.name)
    if entry is None or not entry.blobs:
        return {}
    tensors, card = (
        workspace.store.read(entry.blobs[f"{spec.name}{suffix}"].path)
        for suffix in (".safetensors", ".json")
    )
    return {spec: held_out(load_head(tensors, card))}


def _backbone_digest(workspace: Workspace, partition: str | None, backbone: str) -> str:
    """SHA-256 of the backbone whose features are stored."""
    units = workspace.data.manifest(FRAME_FEATURES, partition).units.items()
    own = (unit for key, unit in units if key.partition("-")[2] == backbone)
    digests = {unit.provenance.inputs.get("backbone", "") for unit in own}
    return digests.pop() if len(digests) == 1 else ""


def _show(curves: Sequence[pl.DataFrame]) -> None:
    """The learning curves so far, for who watches."""
    from fer_assets.figures.head_curves import head_curves_plot

    show("learning curves so far", lambda: head_curves_plot(pl.concat(curves)))


AFFECT_HEADS_STEP: Final = Step(
    asset=AFFECT_HEADS,
    description="Heads that tell expressions, valence and arousal, action units from the features "
    "of a frame, each held-out and by the paper's protocol.",
    deps=(ANNOTATED_FRAMES, FRAME_FEATURES),
    build=_build,
    units=_units,
    work=_work,
    summarise=heads_summary,
    waiting=_waiting,
    checks=CHECKS,
    is_gpu_bound=True,
)
