from __future__ import annotations

import datetime

import pytest

from fer_assets.challenges.policy import Policy
from fer_assets.sources.captions import LONGEST, clean_caption
from fer_assets.sources.permission import why_forbidden

TODAY = datetime.date(2026, 3, 1)


@pytest.mark.parametrize(
    ("policy", "facts", "reason"),
    [
        (None, {"age": 3, "site": "x.org"}, None),
        (Policy(), {"age": 3, "site": "x.org"}, None),
        (Policy(minimum_age=18), {"age": 17}, "policy: a person under 18"),
        (Policy(minimum_age=18), {"age": 18}, None),
        (Policy(minimum_age=18), {"age": None}, None),
        (Policy(allowed_sites=("e.org",)), {"site": "e.org"}, None),
        (Policy(allowed_sites=("e.org",)), {"site": "m.e.org"}, None),
        (Policy(allowed_sites=("e.org",)), {"site": None}, None),
        (Policy(allowed_sites=("e.org",)), {"site": "fake-e.org"}, "policy: the site is not allow"),
        (Policy(retain_until=TODAY), {}, None),
        (Policy(retain_until=datetime.date(2026, 2, 28)), {}, "policy: kept until 2026-02-28"),
        (Policy(retention_days=28), {"since": datetime.date(2026, 2, 1)}, None),
        (Policy(retention_days=27), {"since": datetime.date(2026, 2, 1)}, "policy: kept for 27"),
        (Policy(retention_days=27), {"since": None}, None),
    ],
)
def test_what_a_policy_forbids(policy, facts, reason):
    found = why_forbidden(policy, TODAY, **{"site": None, "age": None, "since": None, **facts})
    assert (found or "").startswith(reason or "") and (found is None) == (reason is None)


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("so much fun #challenge", "so much fun #challenge"),
        ("with @ann.b and ＠bob!", "with and !"),
        ("see https://e.org/a?b=c or www.e.org/x, e.org/y", "see or"),
        ("write ann@example.org", "write"),
        ("a\n\u202eb\x00c", "a b c"),
        ("@ann", None),
        ("", None),
        ("../../etc/passwd", "../../etc/passwd"),
    ],
)
def test_captions_lose_what_points_to_people(caption, expected):
    assert clean_caption(caption) == expected


def test_captions_are_short():
    assert len(clean_caption("word " * 1000) or "") <= LONGEST
