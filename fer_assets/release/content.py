"""What a release says, as one digest, and its rows with the pictures set apart.

Belongs here: canonical content of a release. Does not belong here: files of a version
(`version_files.py`) and when one is published (`publishing.py`).
"""

from __future__ import annotations

import hashlib
import json

import polars as pl

from fer_assets.storage.schema import Schema
from fer_assets.storage.schemas.tiktokfer import PUBLISHED_POOLED_ROWS, PUBLISHED_ROWS


def rows_schema(table: str) -> Schema:
    """The schema of published rows called `table`; KeyError if it is neither of the two."""
    return {schema.name: schema for schema in (PUBLISHED_ROWS, PUBLISHED_POOLED_ROWS)}[table]


def without_images(release: pl.DataFrame) -> pl.DataFrame:
    """Rows of a release with the SHA-256 of each picture in its place, sorted by their key.

    Args:
        release: DATASET_RELEASE or POOLED_RELEASE.

    Returns:
        PUBLISHED_ROWS or PUBLISHED_POOLED_ROWS.
    """
    schema = PUBLISHED_POOLED_ROWS if "person_id" in release.columns else PUBLISHED_ROWS
    pictures = release.get_column("image").struct.field("bytes").to_list()
    digests = pl.Series([hashlib.sha256(data).hexdigest() for data in pictures], dtype=pl.String)
    return schema.conform(release.drop("image").with_columns(image_sha256=digests))


def content_digest(rows: pl.DataFrame) -> str:
    """SHA-256 over all rows as lines of JSON; neither Parquet's encoding nor its version counts.

    Args:
        rows: as from `without_images`, in the order of their key.
    """
    digest = hashlib.sha256(json.dumps(rows.columns).encode())
    for start in range(0, rows.height, 8192):
        digest.update(rows.slice(start, 8192).write_ndjson().encode())
    return digest.hexdigest()


def person_column(rows: pl.DataFrame) -> str:
    """Which column says who a row is about: people over all challenges, else identities."""
    return "person_id" if "person_id" in rows.columns else "identity_id"


def release_version(digest: str) -> str:
    """The name of a release: ``r-`` and the first 12 characters of its content's digest.

    Args:
        digest: hex digest of the release's content, at least 12 digits.
    """
    if len(digest) < 12:
        raise ValueError(f"digest {digest!r} is too short to name a release")
    return f"r-{digest[:12]}"
