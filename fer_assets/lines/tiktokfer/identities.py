"""Steps from embeddings to people: `identity_clusters`, `identity_validation`, `people`.

Belongs here: wiring of `identities`. Does not belong here: its work.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from fer_assets.lines.inputs import (
    challenge,
    file_input,
    median,
    one_unit,
    whole,
)
from fer_assets.lines.step import Check, Step, Summary
from fer_assets.lines.tiktokfer.faces import embedder_name
from fer_assets.lines.tiktokfer.names import (
    FACE_CROPS,
    FACE_EMBEDDINGS,
    IDENTITY_CLUSTERS,
    IDENTITY_VALIDATION,
    RAW_VIDEOS,
)
from fer_assets.lines.tiktokfer.truth import IDENTITY_TRUTH_FILE, identity_truth
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import BuildReport, Output
from fer_assets.storage.manifests import read_manifest
from fer_assets.storage.planning import WHOLE, Build, Unit
from fer_assets.storage.registries import read_registry, write_registry
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.schemas.tiktokfer import CORRECTION_ANCHORS, IDENTITY_REGISTRY
from fer_assets.storage.schemas.tiktokfer import IDENTITY_CLUSTERS as IDENTITY_CLUSTERS_SCHEMA

if TYPE_CHECKING:
    from fer_assets.identities.anchors import Anchored
    from fer_assets.identities.settings import Thresholds

CORRECTIONS_FILE = "identity_corrections.csv"
REGISTRY = "tiktokfer/identity_registry"
ANCHORS = "tiktokfer/correction_anchors"
SHEET = "people.jpg"
_PEOPLE_SHOWN = 40
_FACES_SHOWN = 12


def _given_thresholds(workspace: Workspace, partition: str | None) -> dict[str, float]:
    """Thresholds that the challenge's file sets; they win over chosen ones."""
    found: Mapping[str, object] = challenge(workspace, partition).settings.get("identities", {})
    steps = ("within_video", "across_videos", "duplicate")
    return {step: float(str(found[step])) for step in steps if step in found}


def _clusters_build(workspace: Workspace, partition: str | None) -> Build:
    from fer_assets.identities import CODE_VERSION
    from fer_assets.identities.settings import ResolutionSettings
    from fer_assets.identities.thresholds import ChoiceSettings

    settings = [
        ResolutionSettings(),
        ChoiceSettings(),
        embedder_name(workspace, partition),
        _given_thresholds(workspace, partition),
    ]
    return Build(
        Place(IDENTITY_CLUSTERS, partition), ASSET_TABLES[IDENTITY_CLUSTERS], CODE_VERSION, settings
    )


def _clusters_units(workspace: Workspace, partition: str | None) -> list[Unit]:
    truth = challenge(workspace, partition).file(IDENTITY_TRUTH_FILE)
    inputs = whole(workspace, partition, (FACE_EMBEDDINGS,))
    corrections = challenge(workspace, partition).file(CORRECTIONS_FILE)
    files = {IDENTITY_TRUTH_FILE: file_input(truth), CORRECTIONS_FILE: file_input(corrections)}
    return one_unit({**inputs, **files})


def _corrections(
    workspace: Workspace,
    partition: str | None,
    registry: pl.DataFrame,
    faces: Collection[str],
) -> tuple[Anchored, ...]:
    """The challenge's corrections with the faces they are about, which are kept as state."""
    from fer_assets.identities.anchors import anchor_corrections
    from fer_assets.identities.correction_file import read_corrections

    store = workspace.store
    stored = read_registry(store, ANCHORS, partition, CORRECTION_ANCHORS)
    is_known = read_manifest(store, Place(IDENTITY_CLUSTERS, partition)) is not None
    known = (
        workspace.data.table(IDENTITY_CLUSTERS, partition, "identity_clusters")
        if is_known
        else IDENTITY_CLUSTERS_SCHEMA.empty()
    )
    written = read_corrections(challenge(workspace, partition).file(CORRECTIONS_FILE))
    anchored, kept = anchor_corrections(written, stored, known, registry, faces)
    if written or stored.height:
        write_registry(store, ANCHORS, partition, CORRECTION_ANCHORS, kept)
    return anchored


def _clusters_work(
    workspace: Workspace, partition: str | None, units: Sequence[Unit]
) -> Iterator[Output]:
    from dataclasses import replace

    from fer_assets.identities.corrections import not_faces
    from fer_assets.identities.resolution import resolve
    from fer_assets.identities.settings import ResolutionSettings
    from fer_assets.identities.thresholds import (
        ChoiceSettings,
        choose_thresholds,
        default_thresholds,
    )

    del units
    embeddings = workspace.data.table(FACE_EMBEDDINGS, partition)
    before = read_registry(workspace.store, REGISTRY, partition, IDENTITY_REGISTRY)
    corrections = _corrections(workspace, partition, before, embeddings["face_id"].to_list())
    faces = embeddings.filter(~pl.col("face_id").is_in(sorted(not_faces(corrections))))
    default = default_thresholds(embedder_name(workspace, partition))
    choice = choose_thresholds(
        faces, identity_truth(workspace, partition), default, ChoiceSettings()
    )
    thresholds: Thresholds = replace(choice.thresholds, **_given_thresholds(workspace, partition))
    found = resolve(embeddings, thresholds, before, ResolutionSettings(), corrections)
    write_registry(workspace.store, REGISTRY, partition, IDENTITY_REGISTRY, found.registry)
    yield Output(
        WHOLE,
        {
            "identity_clusters": found.clusters,
            "identities": found.identities,
            "threshold_curve": _curve(choice.curve, thresholds),
            "identity_corrections": found.corrections,
        },
        blobs={SHEET: _contact_sheet(workspace, partition, found.clusters)},
        reason=choice.reason,
    )


def _curve(curve: pl.DataFrame, thresholds: Thresholds) -> pl.DataFrame:
    """The tried thresholds, and for each step the one that is used, as rows of fold 0."""
    used = pl.DataFrame(
        [
            {"step": step, "threshold": getattr(thresholds, step)}
            for step in ("within_video", "across_videos", "duplicate")
        ]
    )
    tried = curve.select(
        "step",
        pl.col("threshold").cast(pl.Float64),
        pl.col("fold").cast(pl.Int32),
        pl.col("ari").cast(pl.Float64),
        pl.lit(value=False).alias("is_chosen"),
    )
    chosen = used.with_columns(
        pl.lit(-1, pl.Int32).alias("fold"),
        pl.lit(None, pl.Float64).alias("ari"),
        pl.lit(value=True).alias("is_chosen"),
    )
    return pl.concat([tried, chosen])


def _contact_sheet(workspace: Workspace, partition: str | None, clusters: pl.DataFrame) -> bytes:
    """Crops by person, for a file under the root; it never enters Dagster's metadata."""
    from fer_assets.figures.sheets import contact_sheet
    from fer_assets.media.image_codec import decode_image

    order = (
        clusters.group_by("identity_id").len().sort("len", "identity_id", descending=[True, False])
    )
    shown: dict[str, pl.DataFrame] = {}
    for identity_id, n_faces in order.head(_PEOPLE_SHOWN).iter_rows():
        own = clusters.filter(pl.col("identity_id") == identity_id).sort("face_id")
        spread = own.gather_every(max(1, own.height // _FACES_SHOWN)).head(_FACES_SHOWN)
        shown[f"{identity_id}: {n_faces} faces"] = spread.select("face_id", "video_id")
    faces = workspace.data.table(
        FACE_CROPS,
        partition,
        columns=["face_id", "image"],
        units={video_id for some in shown.values() for video_id in some["video_id"]},
    )
    groups = []
    for title, some in shown.items():
        images = some.join(faces, on="face_id", maintain_order="left")["image"]
        groups.append((title, [decode_image(image["bytes"]) for image in images]))
    return contact_sheet(groups)


def _clusters_summary(workspace: Workspace, partition: str | None, report: BuildReport) -> Summary:
    from fer_assets.figures.identity import cluster_sizes_plot, threshold_curve_plot
    from fer_assets.identities.cohesion import giant_cluster_alarm
    from fer_assets.identities.settings import ResolutionSettings

    data = workspace.data
    people = data.table(IDENTITY_CLUSTERS, partition, "identities")
    clusters = data.table(IDENTITY_CLUSTERS, partition, "identity_clusters")
    curve = data.table(IDENTITY_CLUSTERS, partition, "threshold_curve")
    chosen = dict(curve.filter("is_chosen").select("step", "threshold").iter_rows())
    alarm = giant_cluster_alarm(people, ResolutionSettings())
    corrections = data.table(IDENTITY_CLUSTERS, partition, "identity_corrections")
    idle = corrections.filter(pl.col("status").is_in(["unknown", "refused", "overruled"])).height
    tried = curve.filter(~pl.col("is_chosen"))
    pictures = {"faces per person": cluster_sizes_plot(people["n_faces"].to_numpy())}
    if tried.height:
        pictures["thresholds tried"] = threshold_curve_plot(tried, chosen)
    return Summary(
        figures={
            "people": people.height,
            "faces": clusters.height,
            "exact copies": int(clusters["is_duplicate"].sum()),
            "corrections": corrections.height,
            "median cohesion": round(median(people, "cohesion"), 4),
            "thresholds from": report.manifest.units[WHOLE].reason or "cross-validation",
            **{f"threshold {step}": round(value, 4) for step, value in chosen.items()},
        },
        pictures=pictures,
        files={"contact sheet": data.blobs(IDENTITY_CLUSTERS, partition)[SHEET]},
        checks=[
            Check("no_giant_cluster", alarm is None, alarm or "no cluster is suspiciously large"),
            Check(
                "corrections_hold",
                not idle,
                f"{idle} of {corrections.height} corrections are without effect: see the table "
                "identity_corrections",
            ),
        ],
    )


IDENTITY_CLUSTERS_STEP = Step(
    asset=IDENTITY_CLUSTERS,
    description="Who is who: Chinese whispers within a video, then across videos, then exact "
    "copies marked. Ids survive new videos.",
    deps=(FACE_EMBEDDINGS, FACE_CROPS),
    build=_clusters_build,
    units=_clusters_units,
    work=_clusters_work,
    summarise=_clusters_summary,
    checks=("no_giant_cluster", "corrections_hold"),
)


def _validation_build(workspace: Workspace, partition: str | None) -> Build:
    from fer_assets.identities import CODE_VERSION

    del workspace
    place = Place(IDENTITY_VALIDATION, partition)
    return Build(place, ASSET_TABLES[IDENTITY_VALIDATION], CODE_VERSION)


def _validation_units(workspace: Workspace, partition: str | None) -> list[Unit]:
    truth = challenge(workspace, partition).file(IDENTITY_TRUTH_FILE)
    inputs = whole(workspace, partition, (IDENTITY_CLUSTERS, RAW_VIDEOS))
    return one_unit({**inputs, IDENTITY_TRUTH_FILE: file_input(truth)})


def _validation_work(
    workspace: Workspace, partition: str | None, units: Sequence[Unit]
) -> Iterator[Output]:
    from fer_assets.identities.validation import PAPER_RAND_INDEX, validate_identities

    del units
    clusters = workspace.data.table(IDENTITY_CLUSTERS, partition, "identity_clusters")
    known = partition is not None and partition in PAPER_RAND_INDEX
    counts = validate_identities(
        clusters, identity_truth(workspace, partition), paper=str(partition) if known else "total"
    )
    yield Output(WHOLE, {"validation_counts": counts})


def _validation_summary(
    workspace: Workspace, partition: str | None, report: BuildReport
) -> Summary:
    del report
    return Summary(tables={"Table 2": workspace.data.table(IDENTITY_VALIDATION, partition)})


IDENTITY_VALIDATION_STEP = Step(
    asset=IDENTITY_VALIDATION,
    description="Identities against identity_truth.csv of the challenge: the paper's Table 2.",
    deps=(IDENTITY_CLUSTERS, RAW_VIDEOS),
    build=_validation_build,
    units=_validation_units,
    work=_validation_work,
    summarise=_validation_summary,
)
