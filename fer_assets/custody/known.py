"""What the dataset says of everybody, in narrow tables over all challenges of all lines.

Belongs here: reading files, faces and people, whichever line they are of. Does not belong here: who
of them an erasure is about (`subjects.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from fer_assets.custody.checkpoints import places
from fer_assets.custody.holdings import FRAME_AFFECT, TIKTOKFER
from fer_assets.lines.tiktokfer import names
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.digests import sha256_bytes
from fer_assets.storage.manifests import read_manifest
from fer_assets.storage.schemas.catalog import ASSET_TABLES

Keys = Mapping[str, list[str]]
"""Asset to its materialised challenges."""

_FILE_COLUMNS = ["video_id", "path", "uploader_id"]


@dataclass
class Known:
    """What the dataset says of everybody, and whom of them an erasure is about so far.

    Attributes:
        uploads: a row per path of a file or folder; `name` by which annotation files call it and
            `kind` where the line has them.
        pairs: videos that show the same film.
        downloads: addresses that videos were fetched from.
        faces: face_id, video_id, identity_id, duplicate_of, file, frame, challenge; identity_id is
            null where nobody resolved it, file and frame where the line has none.
        people: identities of challenges to people over all challenges.
        keys: asset to its challenges.
        videos: videos that go.
        gone: faces that go.
    """

    uploads: pl.DataFrame
    pairs: pl.DataFrame
    downloads: pl.DataFrame
    faces: pl.DataFrame
    people: pl.DataFrame
    keys: Keys
    videos: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)

    def sides_of(self, videos: Collection[str]) -> set[str]:
        """Videos of the left and the right face of these films, in lines that split a film so."""
        films = self.uploads.filter(pl.col("video_id").is_in(videos))["sha256"].drop_nulls()
        sides = {side_id(sha256, side) for sha256 in films for side in ("left", "right")}
        return sides & set(self.uploads["video_id"])

    @property
    def is_gone(self) -> pl.Expr:
        """Faces that go, alone or with their video."""
        return pl.col("face_id").is_in(self.gone) | pl.col("video_id").is_in(self.videos)


def read_known(workspace: Workspace) -> Known:
    """All of it; the store is listed once, which may take longer than reading."""
    keys = _partitions(workspace)
    columns = [*_FILE_COLUMNS, "sha256", "duplicate_of"]
    uploads = over_all(workspace, keys, *TIKTOKFER.files, columns)
    matches = over_all(workspace, keys, names.RAW_VIDEOS, "video_matches", ["video_id", "other_id"])
    repeats = uploads.select("video_id", other_id="duplicate_of").drop_nulls()
    named = _named_files(workspace, keys)
    return Known(
        uploads=pl.concat([uploads, named], how="diagonal"),
        pairs=pl.concat([matches.select("video_id", "other_id"), repeats]).unique(),
        downloads=over_all(
            workspace, keys, names.RAW_VIDEOS, "downloads", ["url_id", "video_id", "uploader_id"]
        ),
        faces=pl.concat([_faces(workspace, keys), _frames(workspace, keys)], how="diagonal"),
        keys=keys,
        people=workspace.data.table(names.PEOPLE)
        if names.PEOPLE in keys
        else ASSET_TABLES[names.PEOPLE]["people"].empty(),
    )


def side_id(sha256: str, side: str) -> str:
    """Id of one face's video of a film with two, by the film's content."""
    return sha256_bytes(f"{sha256}/{side}".encode())[:16]


def over_all(
    workspace: Workspace, keys: Keys, asset: str, table: str, columns: Sequence[str]
) -> pl.DataFrame:
    """A table of all challenges, with the column challenge."""
    data, schema = workspace.data, ASSET_TABLES[asset][table]
    empty = schema.empty().select(columns).with_columns(challenge=pl.lit(None, pl.String))
    frames = [
        data.table(asset, key, table, columns=columns).with_columns(challenge=pl.lit(key))
        for key in keys.get(asset, ())
    ]
    return pl.concat([empty.clear(), *frames])


def _partitions(workspace: Workspace) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for place in places(workspace.store):
        if read_manifest(workspace.store, place) is not None:
            found.setdefault(place.asset, []).extend([place.partition] if place.partition else [])
    return found


def _named_files(workspace: Workspace, keys: Keys) -> pl.DataFrame:
    """Files of the lines whose annotation files call a video by a name.

    Their paths are given below the challenge's folder; a list of uploads names them below the
    folder of videos, so each is here under both.
    """
    rows = over_all(workspace, keys, *FRAME_AFFECT.files, [*_FILE_COLUMNS, "name", "kind"])
    films = rows.filter((pl.col("kind") == "film") & pl.col("path").str.contains("/"))
    shorter = films.with_columns(path=pl.col("path").str.splitn("/", 2).struct.field("field_1"))
    return pl.concat([rows, shorter]).unique(maintain_order=True)


def _faces(workspace: Workspace, keys: Keys) -> pl.DataFrame:
    """Faces of the lines that resolve identities."""
    crops = over_all(workspace, keys, *TIKTOKFER.faces, ["face_id", "video_id"])
    clusters = over_all(
        workspace, keys, names.IDENTITY_CLUSTERS, "identity_clusters",
        ["face_id", "video_id", "identity_id", "duplicate_of"],
    )  # fmt: skip
    rows = crops.join(clusters, on=["challenge", "face_id", "video_id"], how="full", coalesce=True)
    return rows.select("face_id", "video_id", "identity_id", "duplicate_of", "challenge")


def _frames(workspace: Workspace, keys: Keys) -> pl.DataFrame:
    """Faces of the lines that number the frames of a video."""
    columns = ["face_id", "video_id", "frame", "file"]
    return over_all(workspace, keys, *FRAME_AFFECT.faces, columns)
