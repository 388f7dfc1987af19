"""Noticing that a folder changed, cheaply enough to ask every half minute.

Belongs here: a folder's signature and a counter that never repeats. Does not belong here: what
changed (the ledger finds out, by content).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fer_assets.storage.digests import sha256_json


def folder_signature(folders: Sequence[Path]) -> str | None:
    """Digest of names, sizes and times of all files below the folders; None with no file."""
    stamps = sorted(
        (str(file), file.stat().st_size, file.stat().st_mtime_ns)
        for folder in folders
        if folder.is_dir()
        for file in folder.rglob("*")
        if file.is_file() and not file.name.startswith(".")
    )
    return sha256_json(stamps)[:16] if stamps else None


def change_number(state_file: Path, signature: str) -> int:
    """How many times the signature was seen to change; going back to an old one counts too."""
    known: dict[str, Any] = {"signature": "", "number": 0}
    if state_file.is_file():
        known = json.loads(state_file.read_text(encoding="utf-8"))
    number = int(known["number"])
    if known["signature"] == signature:
        return number
    number += 1
    state_file.parent.mkdir(parents=True, exist_ok=True)
    staging = state_file.with_suffix(".tmp")
    staging.write_text(json.dumps({"signature": signature, "number": number}), encoding="utf-8")
    staging.replace(state_file)
    return number
