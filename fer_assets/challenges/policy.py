"""A challenge's data policy: where its videos come from and what may be kept of them.

Belongs here: the `[policy]` table of `challenge.toml` as frozen data, and reading it. Does not
belong here: applying it to a video (`sources/permission.py`).
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from fer_assets.challenges.spec import ChallengeError

_HOST: Final = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
)
_DATE_REMEDY: Final = "Write it without quotes, e.g. 2027-12-31."


@dataclass(frozen=True)
class Policy:
    """What a challenge's owner states about its data; what is not stated forbids nothing.

    Attributes:
        source: where the videos come from, in words.
        terms: the source's terms, as text or an address.
        legal_basis: why the data may be processed.
        retention_days: how long a video may be kept, counted from its upload, or where that is
            not known from when it was fetched; 1 or more.
        retain_until: last day on which videos may be used.
        minimum_age: youngest person who may be seen, in years, where the age is known.
        allowed_sites: hosts, with their subdomains, that videos may come from; empty for any.
    """

    source: str | None = None
    terms: str | None = None
    legal_basis: str | None = None
    retention_days: int | None = None
    retain_until: datetime.date | None = None
    minimum_age: int | None = None
    allowed_sites: tuple[str, ...] = ()


def read_policy(table: object, path: Path) -> Policy:
    """The policy of a parsed `[policy]` table.

    Raises:
        ChallengeError: it is no table, or a key is unknown or holds the wrong kind of value; the
            text names the file and the field.
    """
    if not isinstance(table, dict):
        raise ChallengeError(f"{path}: policy", expected="a table [policy]", found=repr(table))
    known = {field.name for field in fields(Policy)}
    if unknown := sorted(set(table) - known):
        raise ChallengeError(
            f"{path}: policy",
            expected=f"only the keys {', '.join(sorted(known))}",
            found=f"unknown key {unknown[0]}",
            remedy=f"Remove or correct {unknown[0]}.",
        )
    policy = Policy(
        source=_text(table, "source", path),
        terms=_text(table, "terms", path),
        legal_basis=_text(table, "legal_basis", path),
        retention_days=_whole(table, "retention_days", path, 1, "days"),
        retain_until=_day(table, "retain_until", path),
        minimum_age=_whole(table, "minimum_age", path, 0, "years"),
        allowed_sites=_sites(table, path),
    )
    if policy.retention_days is not None and policy.retain_until is not None:
        raise ChallengeError(
            f"{path}: policy",
            expected="either retention_days or retain_until",
            found="both",
            remedy="Remove one of them.",
        )
    return policy


def _text(table: Mapping[str, Any], name: str, path: Path) -> str | None:
    value = table.get(name)
    if value is None or (isinstance(value, str) and value.strip()):
        return value
    raise ChallengeError(f"{path}: policy.{name}", expected="text", found=repr(value))


def _whole(table: Mapping[str, Any], name: str, path: Path, low: int, unit: str) -> int | None:
    value = table.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ChallengeError(
            f"{path}: policy.{name}",
            expected=f"a whole number of {unit}, at least {low}",
            found=repr(value),
        )
    return value


def _day(table: Mapping[str, Any], name: str, path: Path) -> datetime.date | None:
    value = table.get(name)
    if value is None:
        return None
    if isinstance(value, datetime.datetime) or not isinstance(value, datetime.date):
        raise ChallengeError(
            f"{path}: policy.{name}", expected="a day", found=repr(value), remedy=_DATE_REMEDY
        )
    return value


def _sites(table: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    value = table.get("allowed_sites", [])
    if not isinstance(value, list):
        raise ChallengeError(
            f"{path}: policy.allowed_sites", expected="a list of hosts", found=repr(value)
        )
    for index, site in enumerate(value):
        if not isinstance(site, str) or not _HOST.fullmatch(site.lower()):
            raise ChallengeError(
                f"{path}: policy.allowed_sites[{index}]",
                expected="a host such as example.org",
                found=repr(site),
                remedy="Leave out https:// and what follows the host.",
            )
    return tuple(sorted({site.lower() for site in value}))
