"""Captions without what points to a person.

Belongs here: taking names and addresses out of a text. Does not belong here: judging what it says.
"""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 500

_POINTERS: Final = (
    re.compile(r"[\w.+-]+[@＠][\w-]+(\.[\w-]+)+"),
    re.compile(r"(?i)\b[a-z][a-z0-9+.-]{1,20}://\S+"),
    re.compile(r"(?i)\b(www\.)\S+|\b[\w-]+(\.[\w-]+)*\.[a-z]{2,}/\S*"),
    re.compile(r"[@＠]\s?[\w.]+"),
)


def clean_caption(text: str) -> str | None:
    """The text without mentions, addresses of pages and of mail; None where nothing is left.

    Hashtags stay. At most `LONGEST` characters, on one line.
    """
    for pattern in _POINTERS:
        text = pattern.sub(" ", text)
    printable = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(printable.split())[:LONGEST].strip() or None
