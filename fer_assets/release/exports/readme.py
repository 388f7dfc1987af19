"""The README of an export: metadata that the Hugging Face hub reads, how to read it, the card.

Belongs here: putting these together. Does not belong here: the card's content (`release/card.py`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fer_assets.release.exports.source import Written
from fer_assets.release.version_files import Version


def readme(version: Version, card: str, written: Written, splits: Sequence[str]) -> str:
    """The text: YAML between dashes, then Markdown.

    JSON is YAML, so values are written as JSON, which quotes whatever is in them.

    Args:
        version: what was exported.
        card: the version's card as Markdown, "" if it has none.
        written: what the layout says of its files.
        splits: the exported splits.
    """
    about: dict[str, Any] = {"pretty_name": version.title, "task_categories": [_TASK]}
    if written.data_files:
        files = [{"split": split, "path": path} for split, path in written.data_files.items()]
        about["configs"] = [{"config_name": "default", "data_files": files}]
    if written.features:
        about["dataset_info"] = {"features": written.features}
    header = "\n".join(f"{name}: {json.dumps(value)}" for name, value in about.items())
    code = "\n".join(written.how_to)
    n_left_out, why = written.left_out
    left_out = f" {n_left_out:,} faces are left out: {why}." if n_left_out else ""
    return (
        f"---\n{header}\n---\n\n{card or '# ' + version.name}\n"
        f"## This folder\n\nSplits: {', '.join(splits)}.{left_out} Check the files with "
        f"`sha256sum --check SHA256SUMS`.\n\n```python\n{code}\n```\n\n"
        f"Cite as:\n\n```\n{version.citation}\n```\n"
    )


_TASK = "image-classification"
