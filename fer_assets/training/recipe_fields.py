"""Values that a person or a JSON file gives for the fields of a frozen dataclass, checked by type.

Belongs here: what a field's type hint accepts, and the sentence for what it does not. Does not
belong here: which recipes there are and which values make sense together (`recipes.py`).
"""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Mapping
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from fer_assets.errors import FerError

NONE_WORD: Final = "none"
"""What TOML, which has no null, says for an optional field without a value."""

_REFUSED: Final = object()


class RecipeError(FerError):
    """A recipe that can't be carried out."""


def checked_fields(kind: type, values: Mapping[str, Any], thing: str) -> dict[str, Any]:
    """`values` as arguments for the dataclass `kind`; lists become tuples, whole numbers floats.

    Args:
        kind: a dataclass, some of whose fields may be dataclasses themselves.
        values: field to value, as JSON or TOML give them; tables of fields that are dataclasses
            are checked likewise and may be incomplete.
        thing: what the values belong to, for the error.

    Raises:
        RecipeError: an unknown field, or a value of another type; names field, expected, found.
    """
    hints = get_type_hints(kind)
    known = [field.name for field in dataclasses.fields(kind)]
    checked = {}
    for name, value in values.items():
        if name not in known:
            raise RecipeError(
                f"{thing}: {name}", expected=f"one of {', '.join(known)}", found="an unknown field"
            )
        if dataclasses.is_dataclass(hints[name]):
            checked[name] = _nested(hints[name], value, f"{thing}: {name}")
            continue
        checked[name] = _as(hints[name], value)
        if checked[name] is _REFUSED:
            raise RecipeError(
                f"{thing}: {name}", expected=_in_words(hints[name]), found=repr(value)
            )
    return checked


def _nested(kind: Any, value: Any, thing: str) -> Any:
    if isinstance(value, kind):
        return dataclasses.asdict(value)
    if not isinstance(value, Mapping):
        raise RecipeError(thing, expected="a table of its fields", found=repr(value))
    return checked_fields(kind, value, thing)


def _as(hint: Any, value: Any) -> Any:
    """`value` as the type says it, or `_REFUSED`; True is no number, 1 is a float."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return value if isinstance(value, str) and value in inner else _REFUSED
    if origin in (Union, types.UnionType):
        if value is None or value == NONE_WORD:
            return None
        found = (_as(part, value) for part in inner if part is not types.NoneType)
        return next((one for one in found if one is not _REFUSED), _REFUSED)
    if origin is tuple:
        return _as_tuple(inner, value)
    return _as_simple(hint, value)


def _as_simple(hint: Any, value: Any) -> Any:
    if isinstance(value, bool) or hint is bool:
        return value if isinstance(value, bool) and hint is bool else _REFUSED
    if hint is float:
        is_number = isinstance(value, int | float) and math.isfinite(value)
        return float(value) if is_number else _REFUSED
    return value if isinstance(value, hint) else _REFUSED


def _as_tuple(inner: tuple[Any, ...], value: Any) -> Any:
    if not isinstance(value, list | tuple):
        return _REFUSED
    parts = inner[:1] * len(value) if inner[1:] == (Ellipsis,) else inner
    if len(parts) != len(value):
        return _REFUSED
    items = tuple(_as(part, item) for part, item in zip(parts, value, strict=True))
    return _REFUSED if any(item is _REFUSED for item in items) else items


def _in_words(hint: Any) -> str:
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return f"one of {', '.join(inner)}"
    if origin in (Union, types.UnionType):
        return " or ".join(
            f'"{NONE_WORD}"' if part is types.NoneType else _in_words(part) for part in inner
        )
    if origin is tuple:
        count = "" if inner[1:] == (Ellipsis,) else f"{len(inner)} "
        return f"a list of {count}{'texts' if inner[0] is str else 'numbers'}"
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    return words[hint]
