"""What is known of every challenge, the broken ones included.

Belongs here: one row per challenge folder. Does not belong here: reading one.
"""

from __future__ import annotations

from fer_assets.challenges.catalog import Catalog
from fer_assets.challenges.manifest import read_manifest_rows
from fer_assets.challenges.spec import Challenge, ChallengeError


def describe(catalog: Catalog) -> list[dict[str, object]]:
    """One row per challenge: key, name, kind, number of prompts, and what is wrong with it."""
    rows: list[dict[str, object]] = []
    keys = catalog.keys()
    for key in keys:
        try:
            found = catalog.load(key)
            has_manifest = bool(read_manifest_rows(found.folder))
        except ChallengeError as error:
            rows.append(
                {"key": key, "name": None, "kind": None, "prompts": None, "problem": str(error)}
            )
            continue
        rows.append(
            {
                "key": key,
                "name": found.name,
                "kind": found.kind,
                "prompts": len(found.prompts),
                "problem": _missing_folder(found, has_manifest),
            }
        )
    return rows


def _missing_folder(found: Challenge, has_manifest: bool) -> str | None:
    if found.annotations is not None and not found.annotations.is_dir():
        return f"no annotations at {found.annotations}"
    if found.frames is not None and not (found.frames.is_dir() or found.videos.is_dir()):
        return f"neither crops at {found.frames} nor films at {found.videos}"
    if found.frames is None and not (found.videos.is_dir() or has_manifest):
        return f"no video folder at {found.videos}"
    return None
