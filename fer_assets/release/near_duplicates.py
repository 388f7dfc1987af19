"""Faces of different people and splits that look like one picture: a leak that names don't show.

Belongs here: finding such pairs, leaving one side out, looking again. Does not belong here: exact
copies of one person's faces, which `identities/` marks.

Splits are disjoint by person, so a leak is left only where one person's picture goes under two
names: a re-upload that was not recognised, a person split in two. Two faces count as one picture
if their perceptual hashes differ in few bits, or if the cosine of their identity features reaches
the threshold of copies.

The rule: near pairs make groups (connected components). In each group the split with most faces
keeps its own; in a tie test keeps before val, val before train, since training has most to give.
All other faces of the group go to the split ``excluded``. What is left then has no near pair
across splits, which `leaks_left` looks at once more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fer_assets.compute.progress import track
from fer_assets.release.picture_hash import near_hashes, picture_hashes
from fer_assets.storage.schemas.tiktokfer import NEAR_DUPLICATES

_KEEPS_FIRST = ("test", "val", "train")
_ROWS_PER_TILE = 2048
_MOST_PAIRS = 1_000_000


@dataclass(frozen=True)
class NearDuplicateSettings:
    """What counts as one picture.

    Attributes:
        bits: most differing bits of 255, 0 to 15. Other encodings of a crop differ in about 10.
        cosine: smallest cosine of identity features; the challenge's threshold of copies.
    """

    bits: int = 15
    cosine: float = 0.95


@dataclass(frozen=True)
class Resolved:
    """A release after near duplicates were looked for.

    Attributes:
        release: the same rows, some now in the split ``excluded``.
        pairs: NEAR_DUPLICATES.
    """

    release: pl.DataFrame
    pairs: pl.DataFrame


def resolve_near_duplicates(
    release: pl.DataFrame,
    embeddings: pl.DataFrame | None = None,
    settings: NearDuplicateSettings | None = None,
) -> Resolved:
    """Find near duplicates across splits and put one side of each into ``excluded``.

    Args:
        release: DATASET_RELEASE or POOLED_RELEASE.
        embeddings: FACE_EMBEDDINGS of its faces; faces without one, or of another embedder, are
            compared by picture alone.
        settings: what counts as one picture.
    """
    settings = settings or NearDuplicateSettings()
    used = release.filter(pl.col("split") != "excluded").sort("face_id")
    hashes = picture_hashes(used.get_column("image").struct.field("bytes").to_list())
    splits = _codes(used["split"])
    features, embedders = _features(used, embeddings)
    pairs = np.concatenate(
        [
            _near_pictures(hashes, splits, settings.bits),
            _near_features(features, embedders, splits, settings.cosine),
        ]
    )
    pairs = np.unique(pairs, axis=0)
    excluded = _left_out(pairs, used["split"].to_numpy())
    table = _table(used, pairs, hashes, features, embedders, excluded)
    gone = used["face_id"].filter(pl.Series(excluded)).to_list()
    split = pl.when(pl.col("face_id").is_in(gone)).then(pl.lit("excluded")).otherwise("split")
    return Resolved(release.with_columns(split=split), table)


def leaks_left(release: pl.DataFrame, pairs: pl.DataFrame) -> int:
    """Pairs of NEAR_DUPLICATES whose faces are in different splits of the release; 0 is good."""
    split = release.filter(pl.col("split") != "excluded").select("face_id", "split")
    both = (
        pairs.select("face_id", "other_id")
        .join(split, on="face_id")
        .join(split, left_on="other_id", right_on="face_id", suffix="_of_other")
    )
    return both.filter(pl.col("split") != pl.col("split_of_other")).height


def _near_pictures(
    hashes: NDArray[np.uint64], splits: NDArray[np.int64], bits: int
) -> NDArray[np.int64]:
    """(m, 2) pairs of faces in different splits, near by their hashes."""
    distinct, inverse = np.unique(hashes, axis=0, return_inverse=True)
    inverse = inverse.reshape(-1)
    near = [np.repeat(np.arange(len(distinct), dtype=np.int64)[:, None], 2, axis=1)]
    near += [np.stack(batch, axis=1) for batch in near_hashes(distinct, bits)]
    order = np.argsort(inverse, kind="stable")
    bounds = np.searchsorted(inverse[order], np.arange(len(distinct) + 1))
    is_varied = _is_varied(inverse, splits, len(distinct))
    found = [np.zeros((0, 2), dtype=np.int64)]
    for first, second in np.concatenate(near).tolist():
        # A hash that only one split has can only pair with another hash.
        if first == second and not is_varied[first]:
            continue
        a = order[bounds[first] : bounds[first + 1]]
        b = order[bounds[second] : bounds[second + 1]]
        found.append(_across(a, b, splits))
    return np.concatenate(found)


def _across(
    a: NDArray[np.int64], b: NDArray[np.int64], splits: NDArray[np.int64]
) -> NDArray[np.int64]:
    """(m, 2) pairs of one of `a` and one of `b` in different splits; of very many, enough."""
    if len(a) * len(b) <= _MOST_PAIRS:
        left, right = np.nonzero(splits[a][:, None] != splits[b])
        return np.sort(np.stack([a[left], b[right]], axis=1), axis=1)
    # Every face with one of two that are in different splits: they connect the same faces.
    faces = np.union1d(a, b)
    apart = splits[faces] != splits[faces[0]]
    if not apart.any():
        return np.zeros((0, 2), dtype=np.int64)
    partner = np.where(apart, faces[0], faces[apart.argmax()])
    return np.unique(np.sort(np.stack([faces, partner], axis=1), axis=1), axis=0)


def _is_varied(inverse: NDArray[np.int64], splits: NDArray[np.int64], n: int) -> NDArray[np.bool_]:
    """(n,) whether a hash has faces of several splits."""
    low, high = np.full(n, np.iinfo(np.int64).max), np.full(n, -1)
    np.minimum.at(low, inverse, splits)
    np.maximum.at(high, inverse, splits)
    return np.asarray(low != high)


def _near_features(
    features: NDArray[np.float32],
    embedders: NDArray[np.int64],
    splits: NDArray[np.int64],
    cosine: float,
) -> NDArray[np.int64]:
    """(m, 2) pairs of faces in different splits whose features reach the cosine; exact."""
    found = [np.zeros((0, 2), dtype=np.int64)]
    for embedder in sorted(set(embedders[embedders >= 0].tolist())):
        sides = [
            np.flatnonzero((embedders == embedder) & (splits == split))
            for split in sorted(set(splits.tolist()))
        ]
        tiles = [
            (a[at : at + _ROWS_PER_TILE], b)
            for number, a in enumerate(sides)
            for b in sides[number + 1 :]
            for at in range(0, len(a), _ROWS_PER_TILE)
        ]
        for a, b in track(tiles, len(tiles), "comparing splits") if len(tiles) > 8 else tiles:
            mine = features[a]
            for at in range(0, len(b), _ROWS_PER_TILE):
                others = b[at : at + _ROWS_PER_TILE]
                left, right = _hits(mine @ features[others].T >= cosine)
                if len(left):
                    found.append(np.sort(np.stack([a[left], others[right]], axis=1), axis=1))
    return np.concatenate(found)


def _hits(near: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and column of each hit; of very many, the first of each row and of each column."""
    if np.count_nonzero(near) <= _MOST_PAIRS // 10:
        left, right = np.nonzero(near)
        return left, right
    rows, cols = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    left = np.concatenate([rows, near[:, cols].argmax(axis=0)])
    return left, np.concatenate([near[rows].argmax(axis=1), cols])


def _left_out(pairs: NDArray[np.int64], splits: NDArray[np.object_]) -> NDArray[np.bool_]:
    """(n,) which faces give way, by the rule above."""
    n = len(splits)
    excluded = np.zeros(n, dtype=bool)
    if not len(pairs):
        return excluded
    ones = np.ones(len(pairs), dtype=bool)
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    _, group = connected_components(graph, directed=False)
    members = np.unique(pairs)
    order = members[np.argsort(group[members], kind="stable")]
    bounds = np.flatnonzero(np.diff(group[order])) + 1
    for faces in np.split(order, bounds):
        here = splits[faces]
        keeps = max(_KEEPS_FIRST, key=lambda split: int((here == split).sum()))
        excluded[faces[here != keeps]] = True
    return excluded


def _features(
    used: pl.DataFrame, embeddings: pl.DataFrame | None
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(n, d) features in the rows' order, and (n,) number of each row's embedder, -1 for none."""
    none = np.full(used.height, -1, dtype=np.int64)
    if embeddings is None or embeddings.is_empty() or used.is_empty():
        return np.zeros((used.height, 1), dtype=np.float32), none
    known = embeddings.select("face_id", "embedder", "embedding").unique(
        "face_id", keep="first", maintain_order=True
    )
    rows = used.select("face_id").join(known, on="face_id", how="left", maintain_order="left")
    lengths = rows["embedding"].list.len().fill_null(0).to_numpy()
    features = np.zeros((used.height, max(1, int(lengths.max()))), dtype=np.float32)
    names = rows["embedder"].fill_null("").to_numpy()
    for length in sorted(set(lengths.tolist()) - {0}):
        at = np.flatnonzero(lengths == length)
        values = rows["embedding"].gather(at).explode().to_numpy()
        features[at, :length] = values.reshape(len(at), length)
    codes = np.unique(names, return_inverse=True)[1].astype(np.int64)
    return features, np.where(lengths > 0, codes, none)


def _table(
    used: pl.DataFrame,
    pairs: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    features: NDArray[np.float32],
    embedders: NDArray[np.int64],
    excluded: NDArray[np.bool_],
) -> pl.DataFrame:
    """NEAR_DUPLICATES of pairs of rows."""
    first, second = pairs[:, 0], pairs[:, 1]
    cosines = np.einsum("nd,nd->n", features[first], features[second], dtype=np.float32)
    compares = (embedders[first] >= 0) & (embedders[first] == embedders[second])
    bits = np.bitwise_count(hashes[first] ^ hashes[second]).sum(axis=1, dtype=np.int32)
    faces = used.select("face_id", "video_id", "split")
    mine, other = faces[first], faces[second]
    found = mine.with_columns(
        other_id=other["face_id"],
        bits=pl.Series(bits, dtype=pl.Int32),
        cosine=pl.Series(cosines, dtype=pl.Float32).zip_with(
            pl.Series(compares), pl.Series([None] * len(pairs), dtype=pl.Float32)
        ),
        other_split=other["split"],
        is_excluded=pl.Series(excluded[first]),
        other_is_excluded=pl.Series(excluded[second]),
    )
    return NEAR_DUPLICATES.conform(found.select(*NEAR_DUPLICATES.dtypes))


def _codes(values: pl.Series) -> NDArray[np.int64]:
    """Equal values get equal numbers."""
    return np.unique(values.to_numpy(), return_inverse=True)[1].astype(np.int64)
