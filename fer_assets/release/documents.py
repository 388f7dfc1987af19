"""What stands beside the rows of a version or export: terms, metadata, notices in its card.

Belongs here: small texts made from a version's record alone. Does not belong here: the card
itself (`card.py`) and the metadata's structure (`croissant.py`).
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from fer_assets.release.croissant import version_croissant
from fer_assets.release.notice_marks import NOTICES_END, NOTICES_START
from fer_assets.release.version_files import Version, WithdrawalNotice

TERMS = "TERMS.txt"
CROISSANT = "croissant.json"

_CONDITIONS = (
    "Do not try to find out who the people in the pictures are.",
    "Do not infer anything about the health, origin or character of anybody from them.",
    "Look for withdrawal notices before each use; delete what was withdrawn from your copies.",
    "Cite the version that you used, with its digest.",
)


def documents_of(version: Version) -> dict[str, bytes]:
    """The documents that follow from the record: terms and Croissant metadata."""
    return {TERMS: terms_text(version).encode(), CROISSANT: version_croissant(version)}


def terms_text(version: Version) -> str:
    """Licence, terms, conditions and citation as plain text."""
    lines = [f"{version.title}, version {version.name}", ""]
    lines += [f"Licence: {version.licence or 'none stated by the owner; ask before any use.'}"]
    lines += [f"{name}: {text}" for name, text in sorted(version.terms.items())]
    lines += ["", "Conditions", *(f"- {text}" for text in _CONDITIONS)]
    if version.notices:
        lines += ["", "Withdrawn in part", *(f"- {text}" for text in _notices(version.notices))]
    return "\n".join([*lines, "", "Citation", version.citation, ""])


def with_notices(name: str, data: bytes, notices: Sequence[WithdrawalNotice]) -> bytes:
    """A card whose place for notices holds exactly these; other files as they are."""
    if not name.endswith((".md", ".html")):
        return data
    texts = _notices(notices)
    if name.endswith(".md"):
        body = "".join(f"> **Withdrawn in part.** {text}\n>\n" for text in texts)
    else:
        body = "".join(
            f'<p class="notice"><strong>Withdrawn in part.</strong> {html.escape(text)}</p>\n'
            for text in texts
        )
    block = f"{NOTICES_START}\n{body}{NOTICES_END}"
    place = re.compile(f"{re.escape(NOTICES_START)}.*?{re.escape(NOTICES_END)}", re.DOTALL)
    return place.sub(lambda _: block, data.decode()).encode()


def _notices(notices: Sequence[WithdrawalNotice]) -> list[str]:
    return [
        f"{n.withdrawn_on}: {n.rows:,} rows were taken out of {n.version} "
        f"(erasure {n.erasure_id}); counts and pictures on this page are those from before. "
        f"SHA-256 of what is left: {n.digest}."
        for n in notices
    ]
