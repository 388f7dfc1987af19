"""Free text that a spreadsheet would run as a formula.

Belongs here: making it harmless in a CSV file, and undoing that. Does not belong here: HTML, which
templates escape.
"""

from __future__ import annotations

from typing import Final

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def neutralise(text: str) -> str:
    """`text` with an apostrophe before it where a spreadsheet would take it for a formula.

    Text that already starts with apostrophes and such a character gets one more, so that
    `restore` gives back what was there.
    """
    return f"'{text}" if text.lstrip("'").startswith(FORMULA_STARTS) else text


def restore(text: str) -> str:
    """What `neutralise` was given."""
    is_marked = text.startswith("'") and text.lstrip("'").startswith(FORMULA_STARTS)
    return text[1:] if is_marked else text
