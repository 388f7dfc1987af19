"""Tracing the other way: from a checkpoint or a score to the faces behind it, and from a video, an
identity, a person or an uploader to all that is there of it.

Belongs here: which faces something is about, and one summary of any set of faces. Does not belong
here: the chain of a single face (`trace.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from fer_assets.custody.checkpoints import (
    Run,
    learned_faces,
    runs,
    stale_checkpoints,
)
from fer_assets.custody.holdings import LEARNS_FROM, LISTS_VIDEOS
from fer_assets.custody.reading import Rows
from fer_assets.custody.trace import (
    OWN_VALIDATION,
    Record,
    Trace,
    TraceError,
    how_scores_rest,
    learned_record,
)
from fer_assets.custody.trace_frames import annotated_videos, video_sections
from fer_assets.custody.trace_heads import head_sections, score_sections
from fer_assets.lines.tiktokfer import names
from fer_assets.lines.tiktokfer.scores import SERVING_RUNS
from fer_assets.lines.workspace import Workspace
from fer_assets.release.versions import keys, stored_rows, versions
from fer_assets.storage.layout import UNPARTITIONED, Place
from fer_assets.storage.tombstones import read_salt, salted_hash

_FACE_COLUMNS = ["face_id", "video_id"]


def trace_checkpoint(workspace: Workspace, name: str) -> Trace:
    """What a checkpoint learned from.

    Args:
        workspace: where it is.
        name: ``ASSET/PARTITION/RUN``, e.g. ``trained_checkpoints/face-challenge/fold-0``; over all
            challenges ``pooled_checkpoint/final``. The line's name does for the asset's, too.

    Raises:
        TraceError: no such checkpoint, or the release it learned from is gone.
    """
    rows = Rows(workspace)
    known = {_run_name(run): run for run in _runs(rows)}
    found = next((run for key, run in known.items() if name in _ways_to_say(key)), None)
    if found is None:
        raise TraceError(
            f"checkpoint {name}", expected=f"one of {', '.join(known) or 'none'}", found="none such"
        )
    stale = {(s.place, s.run): s.erasure for s in stale_checkpoints(workspace.store)}
    stale_since = stale.get((found.place, found.name))
    if found.place.asset in LISTS_VIDEOS:
        return Trace(name, head_sections(rows, found, stale_since))
    learned = learned_faces(workspace.store, found)
    if learned is None:
        raise TraceError(
            f"checkpoint {name}",
            expected=f"the release {found.release[:12]} it learned from",
            found="another one",
            remedy="Train it anew: `fer-assets materialize`.",
        )
    head: Record = {
        "asset": found.place.asset,
        "partition": found.place.partition,
        "run": found.name,
        "checkpoint": found.checkpoint,
        "release": found.release,
        "target": found.target,
        "stale_since": stale_since,
    }
    return Trace(name, {"checkpoint": [head], **_of_faces(rows, learned, has_runs=False)})


def trace_score(workspace: Workspace, name: str) -> Trace:
    """What a figure rests on.

    Args:
        workspace: where it is.
        name: ``PARTITION/BENCHMARK/PROTOCOL/METRIC``, as in the table benchmark_scores, or
            ``PARTITION/RUN/SMOOTHING/METRIC`` of affect_scores.

    Raises:
        TraceError: no such figure, or it could not be computed.
    """
    rows = Rows(workspace)
    if framed := score_sections(rows, name):
        return Trace(name, framed)
    key, benchmark, protocol, metric = [*name.split("/", 3), "", "", ""][:4]
    place = Place(names.BENCHMARK_SCORES, key)
    table = rows.where(place, "benchmark_scores", "benchmark", [benchmark])
    own = table.filter((pl.col("protocol") == protocol) & (pl.col("metric") == metric))
    if own.is_empty() or own["status"][0] != "scored":
        raise TraceError(
            f"score {name}",
            expected="PARTITION/BENCHMARK/PROTOCOL/METRIC of benchmark_scores, or "
            "PARTITION/RUN/SMOOTHING/METRIC of affect_scores",
            found="skipped" if own.height else "none such",
        )
    checkpoints = Place(names.TRAINED_CHECKPOINTS, key)
    found = list(runs(workspace.store, [checkpoints]))
    sections: dict[str, list[Record]] = {"score": own.to_dicts()}
    if benchmark == OWN_VALIDATION:
        scored = rows.all(checkpoints, "predictions", ["face_id"])["face_id"]
        sections["scored faces"] = _per_video(rows, set(scored))
    else:
        serving = next(n for n in SERVING_RUNS if any(run.name == n for run in found))
        found = [run for run in found if run.name.split("-seed-")[0] == serving]
    learned = [learned_faces(workspace.store, run) for run in found]
    sections["checkpoints"] = [
        {"run": run.name, "checkpoint": run.checkpoint, "release": run.release,
         "faces": None if faces is None else len(faces)}
        for run, faces in zip(found, learned, strict=True)
    ]  # fmt: skip
    everybody = set[str]().union(*(faces for faces in learned if faces))
    return Trace(name, {**sections, **_of_faces(rows, everybody, has_runs=False)})


def trace_video(workspace: Workspace, name: str) -> Trace:
    """All that is there of a video in every line, by its id or path.

    Raises:
        TraceError: no such video, or it was withdrawn.
    """
    rows = Rows(workspace)
    found = _uploads(rows, "video_id", [name]) or _uploads(rows, "path", [name])
    framed = annotated_videos(rows, "video_id", [name]) or annotated_videos(rows, "path", [name])
    if not found and not framed:
        raise TraceError(f"video {name}", expected="an id or a path", found="none such")
    videos = sorted({str(row["video_id"]) for row in [*found, *framed]})
    return Trace(name, _all_of(rows, found, videos))


def _all_of(rows: Rows, found: list[Record], videos: list[str]) -> dict[str, list[Record]]:
    """Sections about some videos; of a line that has none of them there are none."""
    sections = video_sections(rows, videos)
    if found or not sections:
        copies = [row for row in _uploads(rows, "duplicate_of", videos) if row not in found]
        sections = {"uploads": found + copies, **_of_videos(rows, videos), **sections}
    return sections


def trace_uploader(workspace: Workspace, name: str) -> Trace:
    """All that is there of an uploader, by name or by the hash in the tables.

    Raises:
        TraceError: nobody of that name uploaded anything.
    """
    rows = Rows(workspace)
    hashed = salted_hash(read_salt(workspace.store), "uploader", name)
    found = _uploads(rows, "uploader_id", [name, hashed])
    framed = annotated_videos(rows, "uploader_id", [name, hashed])
    if not found and not framed:
        raise TraceError(f"uploader {name}", expected="a name or its hash", found="none such")
    videos = sorted({str(row["video_id"]) for row in [*found, *framed]})
    return Trace(hashed, _all_of(rows, found, videos))


def trace_identity(workspace: Workspace, name: str, partition: str | None = None) -> Trace:
    """All that is there of a person of a challenge; of any challenge without `partition`.

    Raises:
        TraceError: no such identity, or it was withdrawn.
    """
    rows = Rows(workspace)
    faces: set[str] = set()
    for place in rows.places(names.IDENTITY_CLUSTERS):
        if partition in (None, place.partition):
            own = rows.where(place, "identity_clusters", "identity_id", [name], ["face_id"])
            faces |= set(own["face_id"])
    if not faces:
        raise TraceError(f"identity {name}", expected="an identity", found="none such")
    return Trace(name, _of_faces(rows, faces))


def trace_person(workspace: Workspace, name: str) -> Trace:
    """All that is there of a person over all challenges.

    Raises:
        TraceError: no such person, or one that was withdrawn.
    """
    rows = Rows(workspace)
    people = rows.where(Place(names.PEOPLE), "people", "person_id", [name])
    if people.is_empty():
        raise TraceError(f"person {name}", expected="a person_id of people", found="none such")
    faces: set[str] = set()
    for key, identity in people.select("challenge", "identity_id").iter_rows():
        place = Place(names.IDENTITY_CLUSTERS, key)
        own = rows.where(place, "identity_clusters", "identity_id", [identity], ["face_id"])
        faces |= set(own["face_id"])
    return Trace(name, {"identities": people.to_dicts(), **_of_faces(rows, faces)})


def _runs(rows: Rows) -> Iterator[Run]:
    for asset in (*LEARNS_FROM, *LISTS_VIDEOS):
        yield from runs(rows.workspace.store, rows.places(asset))


def _run_name(run: Run) -> str:
    parts = [run.place.asset, run.place.partition, run.name]
    return "/".join(part for part in parts if part and part != UNPARTITIONED)


def _ways_to_say(name: str) -> set[str]:
    """LINE/ASSET/PARTITION/RUN, without the line, and without the asset."""
    line, asset, *rest = name.split("/")
    return {name, "/".join([asset, *rest]), "/".join([line, *rest])}


def _uploads(rows: Rows, column: str, values: list[str]) -> list[Record]:
    columns = ["video_id", "path", "uploader_id", "status", "reason", "duration_s", "duplicate_of"]
    found = []
    for place in rows.places(names.RAW_VIDEOS):
        own = rows.where(place, "raw_videos", column, values, columns)
        found += [{"challenge": place.partition, **row} for row in own.to_dicts()]
    return found


def _of_videos(rows: Rows, videos: list[str]) -> dict[str, list[Record]]:
    clips: list[Record] = []
    faces: set[str] = set()
    for place in rows.places(names.PROMPT_CLIPS):
        own = rows.where(place, "prompt_clips", "video_id", videos, videos=videos)
        clips += own.select("clip_id", "expression", "start_s", "end_s", "score").to_dicts()
    for place in rows.places(names.FACE_CROPS):
        own = rows.where(place, "face_crops", "video_id", videos, _FACE_COLUMNS, videos)
        faces |= set(own["face_id"])
    return {"prompt clips": clips, **_of_faces(rows, faces)}


def _of_faces(rows: Rows, faces: set[str], *, has_runs: bool = True) -> dict[str, list[Record]]:
    """What there is of a set of faces: by video, by person, answers, labels, what rests on them."""
    sections = {
        "videos": _per_video(rows, faces),
        "people": _per_person(rows, faces),
        "labels": _labels(rows, faces),
        "published": _published(rows, faces),
    }
    if has_runs:
        stale = {(s.place, s.run) for s in stale_checkpoints(rows.workspace.store)}
        own = (run for run in _runs(rows) if run.place.asset in LEARNS_FROM)
        learned = [r for run in own for r in learned_record(rows, run, faces, stale)]
        sections["checkpoints"] = learned
        sections["scores"] = _scores(rows, learned)
    return sections


def _per_video(rows: Rows, faces: set[str]) -> list[Record]:
    ids = pl.Series("face_id", sorted(faces), dtype=pl.String).to_frame()
    pieces = pl.col("face_id").str.split("/")
    seen = ids.with_columns(
        video_id=pieces.list.get(0),
        at_s=pieces.list.get(1, null_on_oob=True).cast(pl.Int64, strict=False) / 1000,
    )
    found = seen.group_by("video_id").agg(
        faces=pl.len(), first_s=pl.col("at_s").min(), last_s=pl.col("at_s").max()
    )
    videos = sorted(found["video_id"])
    uploads = [row for row in _uploads(rows, "video_id", videos) if row["status"] == "accepted"]
    known = pl.DataFrame(
        [{k: row[k] for k in ("challenge", "video_id", "path", "uploader_id")} for row in uploads],
        schema=dict.fromkeys(("challenge", "video_id", "path", "uploader_id"), pl.String),
    )
    return found.join(known, on="video_id", how="left").sort("challenge", "path").to_dicts()


def _per_person(rows: Rows, faces: set[str]) -> list[Record]:
    found = []
    people = rows.all(Place(names.PEOPLE), "people", ["challenge", "identity_id", "person_id"])
    for place in rows.places(names.IDENTITY_CLUSTERS):
        own = rows.where(place, "identity_clusters", "face_id", faces)
        counts = own.group_by("identity_id").agg(
            faces=pl.len(),
            tracks=pl.col("track_id").n_unique(),
            cohesion=pl.col("cohesion").mean().round(4),
        )
        splits = rows.where(
            Place(names.DATASET_RELEASE, place.partition), "dataset_release", "face_id", faces,
            ["identity_id", "split"],
        )  # fmt: skip
        here = people.filter(pl.col("challenge") == place.partition).drop("challenge")
        joined = counts.join(splits.unique(), on="identity_id", how="left").join(
            here, on="identity_id", how="left"
        )
        found += [
            {"challenge": place.partition, **row} for row in joined.sort("identity_id").to_dicts()
        ]
    return found


def _labels(rows: Rows, faces: set[str]) -> list[Record]:
    found = []
    for place in rows.places(names.CROWD_LABELS):
        answers = rows.where(
            Place(names.CROWD_ANSWERS, place.partition), "crowd_answers", "face_id", faces,
            ["face_id", "worker_id"],
        )  # fmt: skip
        labels = rows.where(place, "crowd_labels", "face_id", faces, ["face_id", "label"])
        if labels.is_empty():
            continue
        by_label = dict(labels.drop_nulls().group_by("label").len().sort("label").iter_rows())
        found.append(
            {
                "challenge": place.partition,
                "answers": answers.height,
                "workers": answers["worker_id"].n_unique(),
                "labelled": labels["label"].count(),
                **{f"label {label}": n for label, n in by_label.items()},
            }
        )
    return found


def _published(rows: Rows, faces: set[str]) -> list[Record]:
    store, found = rows.workspace.store, []
    for key in keys(store):
        for version in versions(store, key):
            n = stored_rows(store, version)["face_id"].is_in(sorted(faces)).sum()
            if n:
                found.append({"release": key, "version": version.name, "faces": n,
                              "published_on": version.published_on})  # fmt: skip
    return found


def _scores(rows: Rows, learned: list[Record]) -> list[Record]:
    found = []
    for place in rows.places(names.BENCHMARK_SCORES):
        rests = how_scores_rest(rows, place, learned)
        for row in rows.all(place, "benchmark_scores").to_dicts():
            why = rests(row)
            if why and row["status"] == "scored" and "/" not in row["metric"]:
                kept = {name: row[name] for name in ("benchmark", "protocol", "metric", "value")}
                found.append({"challenge": place.partition, **kept, "rests": why})
    return found
