"""What a challenge's data policy says about one upload.

Belongs here: applying the policy. Does not belong here: reading it (`challenges/policy.py`).
"""

from __future__ import annotations

import datetime

from fer_assets.challenges.policy import Policy


def today() -> datetime.date:
    """The day that retention is counted to, in UTC."""
    return datetime.datetime.now(datetime.UTC).date()


def why_forbidden(
    policy: Policy | None,
    on_day: datetime.date,
    *,
    site: str | None,
    age: int | None,
    since: datetime.date | None,
) -> str | None:
    """Why the upload must not be used, in words without a name; None if it may be.

    Args:
        policy: the challenge's policy.
        on_day: today.
        site: host it came from; None where not known.
        age: age of the person seen, in years; None where not known.
        since: day of the upload, or where not known of its fetching; None where neither is.
    """
    if policy is None:
        return None
    if policy.minimum_age is not None and age is not None and age < policy.minimum_age:
        return f"policy: a person under {policy.minimum_age}"
    if policy.allowed_sites and site is not None and not _is_allowed(site, policy):
        return "policy: the site is not allowed"
    if policy.retain_until is not None and on_day > policy.retain_until:
        return f"policy: kept until {policy.retain_until.isoformat()}"
    days = policy.retention_days
    if days is not None and since is not None and (on_day - since).days > days:
        return f"policy: kept for {days} days"
    return None


def _is_allowed(site: str, policy: Policy) -> bool:
    return any(
        site == allowed.removeprefix("www.") or site.endswith(f".{allowed}")
        for allowed in policy.allowed_sites
    )
