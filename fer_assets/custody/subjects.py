"""Whom an erasure is about: from what the operator names to every name of it in the dataset.

Belongs here: the family of a video, the faces of a person, their tasks, files and addresses. Does
not belong here: taking anything out (`erasure.py`). Nothing of it is stored but salted hashes.

- A video takes with it the videos that show the same film, as `raw_videos` matched them, and
  exact copies of its faces in other videos.
- An uploader takes all own videos, with their families.
- An identity or a person takes its faces and exact copies of them; a video in which nobody else
  was found goes whole. A video with others in it stays, without these faces.
- An identity or a person that is left without a face goes, too.
- A line that resolves no identities is reached by the video: its crops of a video in which the
  person was found go, since nobody knows whose they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

import polars as pl

from fer_assets.challenges.spec import ChallengeError
from fer_assets.custody.holdings import FRAME_AFFECT, TIKTOKFER
from fer_assets.custody.known import Known, over_all, read_known
from fer_assets.custody.sweep import files_below
from fer_assets.errors import FerError
from fer_assets.labels.answers import worker_id
from fer_assets.lines.tiktokfer import names
from fer_assets.lines.workspace import Workspace
from fer_assets.sources.uploads import VIDEO_SUFFIXES
from fer_assets.storage.digests import sha256_bytes, sha256_file
from fer_assets.storage.tombstones import (
    areas_around,
    frame_tombstones,
    read_salt,
    salted_hash,
)

SubjectName = Literal["video", "uploader", "identity", "face", "person", "worker"]
SUBJECTS: Final[tuple[SubjectName, ...]] = get_args(SubjectName)

_SIDES: Final = ("_left", "_right")

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
    known = read_known(workspace)
    _start(workspace, known, asked)
    known.gone |= _copies(known.faces, set(known.faces.filter(known.is_gone)["face_id"]))
    own = known.faces.filter(known.is_gone)
    if takes_shared_videos:
        known.videos |= _family(known.pairs, set(own["video_id"]))
    elif asked.kind in ("identity", "person"):
        known.gone |= _unresolved(known, set(own["video_id"]))
        known.videos |= _videos_of_nobody_else(known)
    known.videos |= known.sides_of(known.videos)
    known.videos |= _family(known.pairs, _whole_films(workspace, known))
    gone = known.faces.filter(known.is_gone)
    known.gone |= set(gone["face_id"])
    return _subject(workspace, asked, known, gone)


def _worker(workspace: Workspace, asked: Asked) -> Subject:
    salt = read_salt(workspace.store)
    ids = frozenset({asked.name, worker_id(asked.name, salt)})
    parts = workspace.data.partitions(names.CROWD_ANSWERS)
    return Subject(asked, {"worker": ids}, tuple(parts))


def _start(workspace: Workspace, known: Known, asked: Asked) -> None:
    """Put the first videos or faces into `known`."""
    name = asked.name
    if asked.kind == "video":
        known.videos |= _family(known.pairs, _videos(known.uploads, asked))
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


def _videos(uploads: pl.DataFrame, asked: Asked) -> set[str]:
    """The video of an id, a path or ``challenge/path``; a path may not mean two contents."""
    name = asked.name
    own = uploads.filter(pl.col("video_id") == name)
    if own.is_empty():
        path = pl.col("path")
        is_it = (path == name) | (pl.concat_str("challenge", pl.lit("/"), path) == name)
        own = uploads.filter(is_it)
    found = set(own["video_id"])
    _require(found, asked, "fer-assets trace lists the ids of a face")
    if len(found) > 1 and len(set(own.select("challenge", "path").rows())) > 1:
        raise SubjectError(
            f"video {name}", expected="one video", found=f"{len(found)} of that path",
            remedy="Give its id, or the challenge's key before the path: KEY/PATH.",
        )  # fmt: skip
    return found


def _is_of(known: Known, asked: Asked) -> pl.Expr:
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


def _unresolved(known: Known, videos: set[str]) -> set[str]:
    """Faces of these videos in lines that resolve no identities: whose they are nobody knows."""
    numbered = known.faces.filter(pl.col("frame").is_not_null())
    return set(numbered.filter(pl.col("video_id").is_in(videos))["face_id"])


def _videos_of_nobody_else(known: Known) -> set[str]:
    """Videos all of whose faces go, with their copies, which have none of their own."""
    shown = known.faces.filter(known.is_gone)["video_id"].unique()
    rest = set(known.faces.filter(~known.is_gone)["video_id"])
    alone = set(shown) - rest
    return alone | (_family(known.pairs, alone) - rest)


def _subject(workspace: Workspace, asked: Asked, known: Known, gone: pl.DataFrame) -> Subject:
    rest = known.faces.filter(~known.is_gone)
    single = set(gone.filter(~pl.col("video_id").is_in(known.videos))["face_id"])
    identities = _without_faces(gone, rest)
    persons = _without_identities(known.people, identities)
    uploads = known.uploads.filter(pl.col("video_id").is_in(known.videos))
    steps = 1 if asked.kind == "face" else _STEPS_OF_A_PERSON
    parts = {*gone["challenge"], *uploads["challenge"]} - {None}
    alone = gone.filter(pl.col("face_id").is_in(single))
    beside = rest.filter(pl.col("video_id").is_in(alone["video_id"].implode()))
    found: dict[str, Iterable[str]] = {
        "video": known.videos,
        "face": single,
        "identity": {name for _, name in identities} | persons,
        "person": persons,
        "uploader": _uploader(workspace, asked, known),
        "task": _tasks(workspace, known, gone),
        "file": _files(known.uploads, known.videos) | _frame_files(alone),
        "name": _annotated_names(known.uploads, known.videos),
        "address": _addresses(known, asked, workspace),
        "picture": _pictures(workspace, gone),
        **areas_around(single, set(beside["face_id"]), steps),
        **frame_tombstones(alone.drop_nulls("frame").select("video_id", "frame").iter_rows()),
    }
    return Subject(
        asked=asked,
        names={kind: frozenset(some) for kind, some in found.items() if some},
        partitions=tuple(sorted(parts)),
        n_faces=gone["face_id"].n_unique(),
        n_shared_videos=alone.filter(pl.col("file").is_null())["video_id"].n_unique(),
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


def _uploader(workspace: Workspace, asked: Asked, known: Known) -> set[str]:
    """The uploader's id in the tables, whether it was named so or in plain words."""
    if asked.kind != "uploader":
        return set()
    ids = {*known.uploads["uploader_id"], *known.downloads["uploader_id"]}
    hashed = salted_hash(read_salt(workspace.store), "uploader", asked.name)
    return {asked.name if asked.name in ids else hashed}


def _tasks(workspace: Workspace, known: Known, gone: pl.DataFrame) -> set[str]:
    rows = over_all(
        workspace, known.keys, names.LABELLING_TASKS, "labelling_tasks", ["task_id", "face_id"]
    )
    return set(rows.filter(pl.col("face_id").is_in(gone["face_id"].implode()))["task_id"])


def _files(uploads: pl.DataFrame, videos: set[str]) -> set[str]:
    """``challenge/path`` of each upload; the path alone where no other upload has it."""
    own = uploads.filter(pl.col("video_id").is_in(videos))
    rest = uploads.filter(~pl.col("video_id").is_in(videos)).select("challenge", "path").rows()
    others, other_paths = set(rest), {path for _, path in rest}
    rows = set(own.select("challenge", "path").rows()) - others
    return {
        *(f"{key}/{path}" for key, path in rows),
        *(path for _, path in rows if path not in other_paths),
    }


def _whole_films(workspace: Workspace, known: Known) -> set[str]:
    """Contents of the films that show nobody but videos that go.

    A film belongs to the videos of its name, with ``_left`` and ``_right`` where two people are in
    it; beside a folder of crops it has no row of its own.
    """
    named = known.uploads.drop_nulls("name")
    is_own = pl.col("video_id").is_in(known.videos)
    rest = set(named.filter(~is_own).select("challenge", "name").rows())
    own = set(named.filter(is_own).select("challenge", "name").rows())
    found: set[str] = set()
    for key in sorted({key for key, _ in own}):
        for path in _films(workspace, key):
            shown = {(key, f"{path.stem}{side}") for side in ("", *_SIDES)}
            if shown & own and not shown & rest:
                found.add(sha256_file(path)[:16])
    return found


def _films(workspace: Workspace, key: str) -> list[Path]:
    try:
        folder = workspace.catalog.load(key).videos
    except ChallengeError:  # the challenge is gone: so are its files
        return []
    return [path for path in files_below(folder) if path.suffix.lower() in VIDEO_SUFFIXES]


def _addresses(known: Known, asked: Asked, workspace: Workspace) -> set[str]:
    is_own = pl.col("video_id").is_in(known.videos)
    if asked.kind == "uploader":
        is_own |= pl.col("uploader_id").is_in(sorted(_uploader(workspace, asked, known)))
    return set(known.downloads.filter(is_own)["url_id"])


def _frame_files(alone: pl.DataFrame) -> set[str]:
    """``challenge/file`` of the crops that go without their video."""
    rows = alone.drop_nulls("file").select("challenge", "file").iter_rows()
    return {f"{key}/{file}" for key, file in rows}


def _annotated_names(uploads: pl.DataFrame, videos: set[str]) -> set[str]:
    """``challenge/name`` for every name by which annotation files call these videos.

    Of a film with two faces, the annotation files of the left and the right one have names of
    their own; the same names may be those of other videos.
    """
    named = uploads.drop_nulls("name").select("challenge", "name", "video_id").unique()
    is_own = pl.col("video_id").is_in(videos)
    others = set(named.filter(~is_own).select("challenge", "name").rows())
    own = set(named.filter(is_own).select("challenge", "name").rows())
    sides = {(key, f"{name}{side}") for key, name in own for side in _SIDES}
    return {f"{key}/{name}" for key, name in own | (sides - others)}


def _pictures(workspace: Workspace, gone: pl.DataFrame) -> set[str]:
    """SHA-256 of each crop's bytes, in tables and in files; of one video at a time."""
    found: set[str] = set()
    for (key, video_id), rows in gone.group_by("challenge", "video_id"):
        asset, table = (FRAME_AFFECT if rows["frame"].count() else TIKTOKFER).faces
        crops = workspace.data.table(
            asset, str(key), table, columns=["face_id", "image"], units=[str(video_id)]
        )
        own = crops.join(rows.select("face_id"), on="face_id", how="semi")["image"].drop_nulls()
        found |= {sha256_bytes(image["bytes"]) for image in own if image["bytes"]}
        found |= _file_digests(workspace, str(key), rows["file"].drop_nulls().to_list())
    return found


def _file_digests(workspace: Workspace, key: str, files: Sequence[str]) -> set[str]:
    try:
        frames = workspace.catalog.load(key).frames
    except ChallengeError:
        return set()
    paths = [frames / file for file in files] if frames else []
    return {sha256_file(path) for path in paths if path.is_file()}
