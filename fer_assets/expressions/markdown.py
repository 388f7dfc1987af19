"""Markdown whose text can't become markup.

Belongs here: escaping, tables, lists. Does not belong here: what a page says (`model_card.py`).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import Final

_MARKS: Final = re.compile(r"([\\`*_\[\]|#~])")


def plain(text: object) -> str:
    """Text that Markdown, and the HTML inside it, show as it is, on one line."""
    return _MARKS.sub(r"\\\1", html.escape(" ".join(str(text).split()), quote=False))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; columns whose cells are all numbers stand to the right. "" where there is no row.

    Floats are shown to three digits, None as nothing.
    """
    cells = [list(row) for row in rows]
    if not cells:
        return ""
    is_number = [
        {type(row[place]) for row in cells} - {type(None)} in ({int}, {float}, {int, float})
        for place in range(len(columns))
    ]
    lines = [columns, ["---:" if right else "---" for right in is_number]]
    shown = [[plain(_said(value)) for value in row] for row in cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in [*lines, *shown])


def bullets(items: Iterable[object]) -> str:
    """A list; "" where there is nothing in it."""
    return "\n".join(f"- {plain(item)}" for item in items)


def _said(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else value
