"""Seeds that depend on what is seeded, and on nothing else.

Belongs here: `seed_from`. Does not belong here: random generators (whoever draws makes one).
"""

from __future__ import annotations

import hashlib
from numbers import Integral, Real

SEED_LIMIT = 2**32


def seed_from(*parts: str | int | float | bytes) -> int:
    """Return a seed in ``[0, 2**32)`` that is a function of `parts` alone.

    The same on every machine and in every process, unlike `hash`. Fits NumPy, scikit-learn and
    torch alike. Parts are told apart by type and place: ``("ab",)``, ``("a", "b")`` and
    ``("1",)``, ``(1,)`` give unrelated seeds.
    """
    digest = hashlib.sha256()
    for part in parts:
        kind, data = _encoded(part)
        digest.update(f"{kind}:{len(data)}:".encode())
        digest.update(data)
    return int.from_bytes(digest.digest()[:4], "big")


def _encoded(part: object) -> tuple[str, bytes]:
    """Name a part's type and write it down; NumPy's scalars count as Python's."""
    match part:
        case bytes():
            return "bytes", part
        case str():
            return "str", part.encode()
        case bool():
            return "bool", repr(part).encode()
        case Integral():
            return "int", repr(int(part)).encode()
        case Real():
            return "float", repr(float(part)).encode()
    raise TypeError(f"a seed is made of strings, bytes and numbers, not {type(part).__name__}")
