"""Digests of bytes, files and settings.

Belongs here: SHA-256 of things, in one canonical way. Does not belong here: what is compared.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of bytes, hex."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file, hex, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_json(value: object) -> str:
    """SHA-256 of plain data or a dataclass in canonical JSON: sorted keys, no spaces."""
    return sha256_bytes(canonical_json(value))


def canonical_json(value: object, indent: int | None = None) -> bytes:
    """Canonical JSON: the same data gives the same bytes."""
    separators = (",", ":") if indent is None else None
    text = json.dumps(value, default=_plain, sort_keys=True, separators=separators, indent=indent)
    return text.encode()


def _plain(value: Any) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no canonical JSON")
