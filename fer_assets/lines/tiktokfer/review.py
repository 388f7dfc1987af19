"""The curator's review of a challenge: which tables feed it and where its files are.

Belongs here: reading for `identities/review`, and putting its parts together. Does not belong
here: what is doubtful and what a decision does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

import polars as pl

from fer_assets.lines.inputs import challenge, file_input
from fer_assets.lines.tiktokfer.identities import ANCHORS, CORRECTIONS_FILE
from fer_assets.lines.tiktokfer.names import (
    CROWD_ANSWERS,
    CROWD_LABELS,
    FACE_CROPS,
    FACE_EMBEDDINGS,
    IDENTITY_CLUSTERS,
    POOLED_CHECKPOINT,
)
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.digests import sha256_json
from fer_assets.storage.layout import Place
from fer_assets.storage.manifests import Manifest, read_manifest
from fer_assets.storage.parts import read_parts
from fer_assets.storage.planning import WHOLE
from fer_assets.storage.registries import read_registry
from fer_assets.storage.schemas.tiktokfer import CORRECTION_ANCHORS
from fer_assets.storage.schemas.tiktokfer import FACE_CROPS as FACE_CROPS_SCHEMA
from fer_assets.storage.tombstones import read_tombstones

if TYPE_CHECKING:
    from fer_assets.identities.correction_file import Correction
    from fer_assets.identities.review.app import ReviewPage
    from fer_assets.identities.review.desk import FaceList, Material, ReviewDesk
    from fer_assets.identities.review.published import Published
    from fer_assets.identities.review.queue import Hint
    from fer_assets.identities.review.settled import Settled

_LISTED: Final = 120
_SURE_SHARE: Final = 0.6
_QUESTIONS: Final = {"skin_tone": "skin tone", "age_group": "age group", "gender": "gender"}
_CAUSES: Final = {
    "low agreement": (
        "Labels with low agreement",
        "The workers' answers hardly agree on these labels.",
    ),
    "classifier": (
        "Labels that the classifier doubts",
        "A classifier that never saw these people expects another label (confident learning).",
    ),
}


def review_command(partition: str) -> str:
    """What carries the corrections of a challenge out."""
    return f"fer-assets materialize identity_clusters --partition {partition}"


def open_desk(workspace: Workspace, partition: str) -> ReviewDesk:
    """The curator's desk of a challenge.

    Raises:
        ChallengeError: there is no such challenge.
        CorrectionError: its corrections file can't be used.
    """
    from fer_assets.identities.review.corrections_text import CorrectionsText
    from fer_assets.identities.review.desk import ReviewDesk
    from fer_assets.identities.review.memory import Memory

    folder = workspace.state / "review"
    path = workspace.catalog.folder / challenge(workspace, partition).key / CORRECTIONS_FILE
    return ReviewDesk(
        load=lambda: review_material(workspace, partition),
        version=lambda: material_version(workspace, partition),
        corrections=CorrectionsText(path, folder / f"{partition}.lock"),
        memory=Memory(folder / f"{partition}.json"),
        waiting=lambda corrections: _waiting(workspace, partition, corrections),
    )


def open_page(
    workspace: Workspace, partition: str, announce: Callable[[str], None], cookie: str
) -> ReviewPage:
    """The review page of a challenge; see `open_desk` for what it raises.

    Args:
        workspace: where everything is.
        partition: the challenge.
        announce: is told the token of a link that opens the page.
        cookie: name of its cookie.
    """
    from fer_assets.identities.review.access import Access
    from fer_assets.identities.review.app import ReviewPage
    from fer_assets.identities.review.pictures import Pictures

    return ReviewPage(
        name=challenge(workspace, partition).name,
        command=review_command(partition),
        desk=open_desk(workspace, partition),
        pictures=Pictures(
            _crops(workspace, partition), lambda: material_version(workspace, partition)
        ),
        access=Access(announce),
        cookie=cookie,
    )


def material_version(workspace: Workspace, partition: str) -> str:
    """Changes when the clustering, what the crowd says, or a tombstone does."""
    places = [Place(asset, partition) for asset in (IDENTITY_CLUSTERS, CROWD_LABELS, CROWD_ANSWERS)]
    manifests = [read_manifest(workspace.store, p) for p in (*places, Place(POOLED_CHECKPOINT))]
    versions = [found.data_version if found else None for found in manifests]
    return sha256_json([versions, read_tombstones(workspace.store).digest])


def review_material(workspace: Workspace, partition: str) -> Material:
    """Queue and lists of what is published now.

    Raises:
        NotMaterializedError: identities were never resolved.
    """
    from fer_assets.identities.review.desk import Material
    from fer_assets.identities.review.published import published
    from fer_assets.identities.review.queue import review_queue

    version = material_version(workspace, partition)
    data = workspace.data
    clusters = data.table(IDENTITY_CLUSTERS, partition, "identity_clusters")
    curve = data.table(IDENTITY_CLUSTERS, partition, "threshold_curve")
    is_used = pl.col("is_chosen") & (pl.col("step") == "across_videos")
    known = published(clusters, data.table(FACE_EMBEDDINGS, partition))
    items = review_queue(
        known,
        float(curve.filter(is_used)["threshold"][0]),
        hints=_hints(workspace, partition),
        settled=_settled(workspace, partition),
    )
    return Material(version, tuple(items), tuple(_lists(workspace, partition, known)))


def _waiting(workspace: Workspace, partition: str, corrections: Sequence[Correction]) -> int:
    """Lines that came or went since identity_clusters was materialised."""
    manifest = read_manifest(workspace.store, Place(IDENTITY_CLUSTERS, partition))
    seen = manifest.units[WHOLE].provenance.inputs.get(CORRECTIONS_FILE) if manifest else None
    if seen == file_input(challenge(workspace, partition).file(CORRECTIONS_FILE)):
        return 0
    anchors = read_registry(workspace.store, ANCHORS, partition, CORRECTION_ANCHORS)
    known = set(anchors["correction_id"])
    return len(known ^ {correction.key for correction in corrections})


def _table(
    workspace: Workspace, asset: str, partition: str | None, table: str
) -> pl.DataFrame | None:
    """A table of an asset that may never have been built."""
    if read_manifest(workspace.store, Place(asset, partition)) is None:
        return None
    return workspace.data.table(asset, partition, table)


def _settled(workspace: Workspace, partition: str) -> Iterator[Settled]:
    """Merges and splits that were carried out, with the faces they are anchored to."""
    from fer_assets.identities.correction_file import read_corrections
    from fer_assets.identities.review.settled import Settled

    anchors = read_registry(workspace.store, ANCHORS, partition, CORRECTION_ANCHORS)
    sides: dict[tuple[str, str], set[str]] = {}
    for key, role, face_id in anchors.select("correction_id", "role", "face_id").iter_rows():
        sides.setdefault((key, role), set()).add(face_id)
    for correction in read_corrections(challenge(workspace, partition).file(CORRECTIONS_FILE)):
        found = [frozenset(sides.get((correction.key, role), ())) for role in ("id", "other")]
        if correction.action != "not-a-face" and all(found):
            yield Settled(correction.action, found[0], found[1])


def _hints(workspace: Workspace, partition: str) -> Iterator[Hint]:
    """What the crowd's answers say about who is who and what is a face."""
    from fer_assets.identities.review.queue import Hint

    labels = _table(workspace, CROWD_LABELS, partition, "crowd_labels")
    if labels is not None:
        for face_id in labels.filter(~pl.col("is_face"))["face_id"]:
            yield Hint((face_id,), 0.9, "The crowd sees no face here.")
    apart = _table(workspace, CROWD_LABELS, partition, "demographic_disagreements")
    if apart is not None:
        sure = apart.filter((pl.col("share") >= _SURE_SHARE) & (pl.col("n_answers") > 1))
        groups = sure.group_by("identity_id", "question", maintain_order=True)
        for (_, question), rows in groups:
            doubt = 0.3 + 0.3 * float(rows.select(pl.col("share").max()).item())
            what = _QUESTIONS[str(question)]
            reason = f"Workers see another {what} here than in the person's other pictures."
            yield Hint(tuple(rows["face_id"]), doubt, reason)
    flags = _table(workspace, CROWD_ANSWERS, partition, "answer_flags")
    if flags is not None:
        reported = flags.filter(pl.col("kind") == "flag").group_by("face_id").len().sort("face_id")
        for face_id, count in reported.iter_rows():
            who = "A worker" if count == 1 else f"{count} workers"
            yield Hint((face_id,), min(0.4 + 0.1 * count, 0.9), f"{who} reported this picture.")


def _lists(workspace: Workspace, partition: str, known: Published) -> Iterator[FaceList]:
    """Lists to read, the worst first."""
    suspects = [
        _table(workspace, CROWD_LABELS, partition, "suspect_labels"),
        _table(workspace, POOLED_CHECKPOINT, None, "suspect_labels"),
    ]
    found = [frame for frame in suspects if frame is not None]
    for cause, (title, explanation) in _CAUSES.items():
        rows = [
            (
                face_id,
                (
                    f"labelled {label}" if label else "no label",
                    *_perhaps(suggestion),
                    f"score {score:.2f}",
                ),
            )
            for frame in found
            for face_id, label, suggestion, score in frame.filter(pl.col("cause") == cause)
            .sort("score", "face_id")
            .select("face_id", "label", "suggestion", "score")
            .iter_rows()
        ]
        if found:
            yield _face_list(known, title, explanation, rows)
    apart = _table(workspace, CROWD_LABELS, partition, "demographic_disagreements")
    if apart is not None:
        yield _face_list(
            known,
            "Demographics that disagree within a person",
            "These pictures look different to workers than the person's others.",
            [
                (row["face_id"], (
                    f"{_QUESTIONS[row['question']]}: {row['of_image']}",
                    f"the person: {row['of_person'] or 'undecided'}",
                    f"{row['share']:.0%} of {row['n_answers']} answers",
                ))
                for row in apart.sort("share", "face_id", descending=[True, False]).to_dicts()
            ],
        )  # fmt: skip
    flags = _table(workspace, CROWD_ANSWERS, partition, "answer_flags")
    if flags is not None:
        yield _face_list(
            known,
            "Passed over or reported",
            "What workers said instead of, or beside, an answer.",
            [
                (row["face_id"], tuple(
                    filter(None, (
                        "reported" if row["kind"] == "flag" else "passed over",
                        row["reason"], row["comment"],
                    ))
                ))
                for row in flags.sort("kind", "face_id", "worker_id").to_dicts()
            ],
        )  # fmt: skip


def _perhaps(suggestion: str | None) -> tuple[str, ...]:
    return (f"perhaps {suggestion}",) if suggestion else ()


def _face_list(
    known: Published, title: str, explanation: str, rows: Sequence[tuple[str, tuple[str, ...]]]
) -> FaceList:
    from fer_assets.identities.review.desk import FaceList, ListedFace
    from fer_assets.identities.review.strips import shown_face

    here = [(known.place[face_id], words) for face_id, words in rows if face_id in known.place]
    listed = tuple(ListedFace(shown_face(known, at), words) for at, words in here[:_LISTED])
    return FaceList(title, explanation, listed, len(here))


def _crops(workspace: Workspace, partition: str) -> Callable[[str], dict[str, bytes]]:
    """Reads the crops of one video; a manifest of thousands of videos is parsed once a version."""
    kept: list[Manifest] = []

    def read(video_id: str) -> dict[str, bytes]:
        try:
            return part(video_id)
        except FileNotFoundError:
            kept.clear()  # face_crops was rebuilt meanwhile
            return part(video_id)

    def part(video_id: str) -> dict[str, bytes]:
        if not kept:
            kept.append(workspace.data.manifest(FACE_CROPS, partition))
        unit = kept[0].units.get(video_id)
        entry = unit.tables.get("face_crops") if unit else None
        if entry is None or not entry.rows:
            return {}
        columns = list(dict.fromkeys(("face_id", "image", *FACE_CROPS_SCHEMA.subjects)))
        frame = read_parts(workspace.store, [entry], columns)
        frame = read_tombstones(workspace.store).filter(frame, FACE_CROPS_SCHEMA)
        images = frame.select("face_id", pl.col("image").struct.field("bytes")).iter_rows()
        return dict(images)

    return read
