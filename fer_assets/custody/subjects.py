"""Whom an erasure is about: from what the operator names to every name of it in the dataset.

Belongs here: the family of a video, the faces of a person, their tasks, files and addresses. Does
not belong here: taking anything out (`erasure.py`). Nothing of it is stored but salted hashes.

- A video takes with it the videos that show the same film, as `raw_videos` matched them, and
  exact copies of its faces in other videos.
- An uploader takes all own videos, with their families.
- An identity or a person takes its faces and exact copies of them; a video in which nobody else
  was found goes whole. A video with others in it stays, without these faces.
- An identity or a person that is left without a face goes, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

import polars as pl

from fer_assets.custody.checkpoints import places
from fer_assets.errors import FerError
from fer_assets.labels.answers import worker_id
from fer_assets.lines.tiktokfer import names
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.digests import sha256_bytes
from fer_assets.storage.manifests import read_manifest
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.tombstones import areas_around, read_salt, salted_hash

SubjectName = Literal["video", "uploader", "identity", "face", "person", "worker"]
SUBJECTS: Final[tuple[SubjectName, ...]] = get_args(SubjectName)

_STEPS_OF_A_PERSON: Final = 3
"""Cells before and after a face of a person: half the time between two frames, and some."""


class SubjectError(FerError):
    """Nobody of that name is in the dataset."""


@dataclass(frozen=True)
class Asked:
    """What the operator named.

    Attributes:
        kind: what it is.
        name: its id; of an uploader or a worker the name, or the id in the tables.
        partition: the challenge of an identity.
    """

    kind: SubjectName
    name: str
    partition: str | None = None


@dataclass(frozen=True)
class Subject:
    """All names of a subject.

    Attributes:
        asked: what the operator named.
        names: kind of tombstone to names.
        partitions: challenges it is in.
        n_faces: faces that go.
        n_shared_videos: videos that show the subject beside others, and stay.
    """

    asked: Asked
    names: Mapping[str, frozenset[str]]
    partitions: tuple[str, ...]
    n_faces: int = 0
    n_shared_videos: int = 0

    def count(self, kind: str) -> int:
        """How many names of a kind."""
        return len(self.names.get(kind, frozenset()))


@dataclass
class _Known:
    """What the dataset says of everybody: narrow tables over all challenges."""

    uploads: pl.DataFrame
    pairs: pl.DataFrame
    downloads: pl.DataFrame
    faces: pl.DataFrame
    people: pl.DataFrame
    keys: Mapping[str, list[str]]
    videos: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)


def find_subject(
    workspace: Workspace, asked: Asked, *, takes_shared_videos: bool = False
) -> Subject:
    """Everything that belongs to a subject.

    Args:
        workspace: where the dataset is.
        asked: what the operator named.
        takes_shared_videos: videos that show others, too, go whole.

    Raises:
        SubjectError: nobody of that name is in the dataset. An uploader or a worker may be unknown
            still: whoever comes under that name later stays out.
    """
    if asked.kind == "worker":
        return _worker(workspace, asked)
    known = _read(workspace)
    _start(workspace, known, asked)
    known.gone |= _copies(known.faces, set(known.faces.filter(_is_gone(known))["face_id"]))
    own = known.faces.filter(_is_gone(known))
    if takes_shared_videos:
        known.videos |= _family(known.pairs, set(own["video_id"]))
    elif asked.kind in ("identity", "person"):
        known.videos |= _videos_of_nobody_else(known)
    gone = known.faces.filter(_is_gone(known))
    known.gone |= set(gone["face_id"])
    return _subject(workspace, asked, known, gone)


def _worker(workspace: Workspace, asked: Asked) -> Subject:
    salt = read_salt(workspace.store)
    ids = frozenset({asked.name, worker_id(asked.name, salt)})
    parts = workspace.data.partitions(names.CROWD_ANSWERS)
    return Subject(asked, {"worker": ids}, tuple(parts))


def _partitions(workspace: Workspace) -> dict[str, list[str]]:
    """Asset to its challenges; the store is listed once, which may take longer than reading."""
    found: dict[str, list[str]] = {}
    for place in places(workspace.store):
        if read_manifest(workspace.store, place) is not None:
            found.setdefault(place.asset, []).extend([place.partition] if place.partition else [])
    return found


def _read(workspace: Workspace) -> _Known:
    keys = _partitions(workspace)
    uploads = _over_all(
        workspace, keys, names.RAW_VIDEOS, "raw_videos",
        ["video_id", "path", "uploader_id", "duplicate_of"],
    )  # fmt: skip
    matches = _over_all(
        workspace, keys, names.RAW_VIDEOS, "video_matches", ["video_id", "other_id"]
    )
    repeats = uploads.select("video_id", other_id="duplicate_of").drop_nulls()
    return _Known(
        uploads=uploads,
        pairs=pl.concat([matches.select("video_id", "other_id"), repeats]).unique(),
        downloads=_over_all(
            workspace, keys, names.RAW_VIDEOS, "downloads", ["url_id", "video_id", "uploader_id"]
        ),
        faces=_faces(workspace, keys),
        keys=keys,
        people=workspace.data.table(names.PEOPLE)
        if names.PEOPLE in keys
        else ASSET_TABLES[names.PEOPLE]["people"].empty(),
    )


def _faces(workspace: Workspace, keys: Mapping[str, list[str]]) -> pl.DataFrame:
    """face_id, video_id, identity_id (null where nobody resolved it), duplicate_of, challenge."""
    crops = _over_all(workspace, keys, names.FACE_CROPS, "face_crops", ["face_id", "video_id"])
    clusters = _over_all(
        workspace, keys, names.IDENTITY_CLUSTERS, "identity_clusters",
        ["face_id", "video_id", "identity_id", "duplicate_of"],
    )  # fmt: skip
    rows = crops.join(clusters, on=["challenge", "face_id", "video_id"], how="full", coalesce=True)
    return rows.select("face_id", "video_id", "identity_id", "duplicate_of", "challenge")


def _over_all(
    workspace: Workspace,
    keys: Mapping[str, list[str]],
    asset: str,
    table: str,
    columns: list[str],
) -> pl.DataFrame:
    """A table of all challenges, with the column challenge."""
    data, schema = workspace.data, ASSET_TABLES[asset][table]
    empty = schema.empty().select(columns).with_columns(challenge=pl.lit(None, pl.String))
    frames = [
        data.table(asset, key, table, columns=columns).with_columns(challenge=pl.lit(key))
        for key in keys.get(asset, ())
    ]
    return pl.concat([empty.clear(), *frames])


def _start(workspace: Workspace, known: _Known, asked: Asked) -> None:
    """Put the first videos or faces into `known`."""
    name = asked.name
    if asked.kind == "video":
        is_it = (pl.col("video_id") == name) | (pl.col("path") == name)
        found = set(known.uploads.filter(is_it)["video_id"])
        _require(found, asked, "fer-assets trace lists the ids of a face")
        known.videos |= _family(known.pairs, found)
    elif asked.kind == "uploader":
        ids = sorted(_uploader(workspace, asked, known))
        for table in (known.uploads, known.downloads):
            videos = table.filter(pl.col("uploader_id").is_in(ids))["video_id"].drop_nulls()
            known.videos |= _family(known.pairs, set(videos))
    elif asked.kind == "face":
        own = known.faces.filter(pl.col("face_id") == name)
        _require(set(own["face_id"]), asked, "is it withdrawn already?")
        known.gone |= _copies(known.faces, {name})
    else:
        own = known.faces.filter(_is_of(known, asked))
        _require(set(own["face_id"]), asked, "the table identity_clusters or people has the ids")
        known.gone |= _copies(known.faces, set(own["face_id"]))


def _is_of(known: _Known, asked: Asked) -> pl.Expr:
    if asked.kind == "identity":
        here = pl.col("identity_id") == asked.name
        return here & (pl.col("challenge") == asked.partition) if asked.partition else here
    own = known.people.filter(pl.col("person_id") == asked.name)
    pairs = own.select("challenge", "identity_id").rows()
    return pl.any_horizontal(
        pl.lit(value=False),
        *[(pl.col("challenge") == key) & (pl.col("identity_id") == id_) for key, id_ in pairs],
    )


def _require(found: set[str], asked: Asked, remedy: str) -> None:
    if not found:
        raise SubjectError(
            f"{asked.kind} {asked.name}", expected="an id of the dataset", found="none such",
            remedy=f"{remedy[0].upper()}{remedy[1:]}.",
        )  # fmt: skip


def _family(pairs: pl.DataFrame, videos: set[str]) -> set[str]:
    """The videos and all that show the same film, over several steps."""
    found, new = set(videos), set(videos)
    while new:
        near = pairs.filter(pl.col("video_id").is_in(new) | pl.col("other_id").is_in(new))
        new = (set(near["video_id"]) | set(near["other_id"])) - found
        found |= new
    return found


def _copies(faces: pl.DataFrame, gone: set[str]) -> set[str]:
    """The faces and their exact copies in other videos."""
    pairs = faces.select(video_id="face_id", other_id="duplicate_of").drop_nulls()
    return _family(pairs, gone)


def _is_gone(known: _Known) -> pl.Expr:
    return pl.col("face_id").is_in(known.gone) | pl.col("video_id").is_in(known.videos)


def _videos_of_nobody_else(known: _Known) -> set[str]:
    """Videos all of whose faces go, with their copies, which have none of their own."""
    shown = known.faces.filter(_is_gone(known))["video_id"].unique()
    rest = set(known.faces.filter(~_is_gone(known))["video_id"])
    alone = set(shown) - rest
    return alone | (_family(known.pairs, alone) - rest)


def _subject(workspace: Workspace, asked: Asked, known: _Known, gone: pl.DataFrame) -> Subject:
    rest = known.faces.filter(~_is_gone(known))
    single = set(gone.filter(~pl.col("video_id").is_in(known.videos))["face_id"])
    identities = _without_faces(gone, rest)
    persons = _without_identities(known.people, identities)
    uploads = known.uploads.filter(pl.col("video_id").is_in(known.videos))
    steps = 1 if asked.kind == "face" else _STEPS_OF_A_PERSON
    parts = {*gone["challenge"], *uploads["challenge"]} - {None}
    found: dict[str, Iterable[str]] = {
        "video": known.videos,
        "face": single,
        "identity": {name for _, name in identities} | persons,
        "person": persons,
        "uploader": _uploader(workspace, asked, known),
        "task": _tasks(workspace, known, gone),
        "file": _files(known.uploads, known.videos),
        "address": _addresses(known, asked, workspace),
        "picture": _pictures(workspace, gone),
        **areas_around(single, set(rest["face_id"]), steps),
    }
    return Subject(
        asked=asked,
        names={kind: frozenset(some) for kind, some in found.items() if some},
        partitions=tuple(sorted(parts)),
        n_faces=gone["face_id"].n_unique(),
        n_shared_videos=len({face.split("/", 1)[0] for face in single}),
    )


def _without_faces(gone: pl.DataFrame, rest: pl.DataFrame) -> set[tuple[str, str]]:
    """Challenge and identity of those who are left without a face."""
    columns = ["challenge", "identity_id"]
    lost = set(gone.drop_nulls("identity_id").select(columns).unique().rows())
    return lost - set(rest.drop_nulls("identity_id").select(columns).unique().rows())


def _without_identities(people: pl.DataFrame, identities: set[tuple[str, str]]) -> set[str]:
    pairs = people.select("challenge", "identity_id", "person_id").rows()
    left = {person for *pair, person in pairs if tuple(pair) not in identities}
    return {person for *pair, person in pairs if tuple(pair) in identities} - left


def _uploader(workspace: Workspace, asked: Asked, known: _Known) -> set[str]:
    """The uploader's id in the tables, whether it was named so or in plain words."""
    if asked.kind != "uploader":
        return set()
    ids = {*known.uploads["uploader_id"], *known.downloads["uploader_id"]}
    hashed = salted_hash(read_salt(workspace.store), "uploader", asked.name)
    return {asked.name if asked.name in ids else hashed}


def _tasks(workspace: Workspace, known: _Known, gone: pl.DataFrame) -> set[str]:
    rows = _over_all(
        workspace, known.keys, names.LABELLING_TASKS, "labelling_tasks", ["task_id", "face_id"]
    )
    return set(rows.filter(pl.col("face_id").is_in(gone["face_id"].implode()))["task_id"])


def _files(uploads: pl.DataFrame, videos: set[str]) -> set[str]:
    """``challenge/path`` of each upload; the path alone where no other upload has it."""
    own = uploads.filter(pl.col("video_id").is_in(videos))
    others = set(uploads.filter(~pl.col("video_id").is_in(videos))["path"])
    return {
        *(f"{key}/{path}" for key, path in own.select("challenge", "path").rows()),
        *(path for path in own["path"] if path not in others),
    }


def _addresses(known: _Known, asked: Asked, workspace: Workspace) -> set[str]:
    is_own = pl.col("video_id").is_in(known.videos)
    if asked.kind == "uploader":
        is_own |= pl.col("uploader_id").is_in(sorted(_uploader(workspace, asked, known)))
    return set(known.downloads.filter(is_own)["url_id"])


def _pictures(workspace: Workspace, gone: pl.DataFrame) -> set[str]:
    """SHA-256 of each crop's bytes; the crops of one challenge at a time."""
    found: set[str] = set()
    for (key,), rows in gone.group_by("challenge"):
        crops = workspace.data.table(
            names.FACE_CROPS, str(key), "face_crops",
            columns=["face_id", "image"], units=set(rows["video_id"]),
        )  # fmt: skip
        own = crops.join(rows.select("face_id"), on="face_id", how="semi")
        found |= {sha256_bytes(image["bytes"]) for image in own["image"]}
    return found
