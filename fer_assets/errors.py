"""The one base of all errors that are meant for a user's eyes.

Belongs here: the base class and how its text is put together. Does not belong here: errors of
one room (they live in that room and derive from `FerError`), and bugs (they stay what they are).
The command line prints a `FerError` without a traceback; anything else is a bug and keeps it.
"""

from __future__ import annotations


class FerError(Exception):
    """An error a user can mend: it names the thing, what was expected, what was found, the way out.

    Args:
        thing: what is wrong, e.g. ``"challenge.toml: prompts[2].audio"``.
        expected: what should have been there.
        found: what was there instead.
        remedy: what the user can do about it, ideally a command.
    """

    def __init__(
        self, thing: str, *, expected: str = "", found: str = "", remedy: str = ""
    ) -> None:
        self.thing = thing
        self.expected = expected
        self.found = found
        self.remedy = remedy
        super().__init__(self._text())

    def _text(self) -> str:
        parts = [self.thing]
        if self.expected:
            parts.append(f"expected {self.expected}")
        if self.found:
            parts.append(f"found {self.found}")
        text = "; ".join(parts)
        return f"{text}. {self.remedy}" if self.remedy else text
