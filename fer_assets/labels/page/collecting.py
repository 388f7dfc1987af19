"""Handing answers on while the page is served.

Belongs here: when to collect. Does not belong here: what collecting is
(`lines/tiktokfer/page_answers.py`).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Final

from fer_assets.errors import FerError

EVERY_S: Final = 60.0


class Collector:
    """Calls `collect` once in a while if something changed, and at the end.

    Args:
        collect: hands on all answers; runs in a thread.
        every_s: pause between two looks.
    """

    def __init__(self, collect: Callable[[], int], every_s: float = EVERY_S) -> None:
        self._collect = collect
        self._every_s = every_s
        self._is_changed = False
        self._busy = asyncio.Lock()

    def note_change(self) -> None:
        """Something was saved."""
        self._is_changed = True

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(self._every_s)
            await self.now()

    async def now(self) -> None:
        """Collect if something changed; what fails is tried again at the next look."""
        async with self._busy:
            if not self._is_changed:
                return
            self._is_changed = False
            try:
                await asyncio.to_thread(self._collect)
            except (OSError, FerError) as error:
                self._is_changed = True
                print(f"Answers are safe, but were not handed on: {error}", file=sys.stderr)
