"""How much a decoding child may use.

Belongs here: `DecodeLimits`. Does not belong here: enforcing them (`guarded.py`, `worker.py`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DecodeLimits:
    """Limits of one guarded decoder.

    Attributes:
        request_s: longest that the child may keep its caller waiting, added up over one request;
            time that the caller takes between frames does not count.
        memory_bytes: address space of the child; 0 for no limit.
        output_bytes: most bytes that one request may return.
    """

    request_s: float = 120.0
    memory_bytes: int = 4 << 30
    output_bytes: int = 16 << 30
