from __future__ import annotations

import datetime
import tomllib

import pytest

from fer_assets.challenges.policy import Policy, read_policy
from fer_assets.challenges.reading import load_challenge
from fer_assets.challenges.spec import ChallengeError

PROMPT = '[[prompts]]\nid = "angry"\naudio = "angry.wav"\n'
GOOD = """
[policy]
source = "uploads of a challenge"
terms = "https://example.org/terms"
legal_basis = "consent"
retain_until = 2027-12-31
minimum_age = 18
allowed_sites = ["Example.org", "video.example.com"]
"""


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "angry.wav").touch()
    return folder


def test_a_policy_is_read(folder, tmp_path):
    (folder / "challenge.toml").write_text(PROMPT + GOOD, encoding="utf-8")
    assert load_challenge(folder).policy == Policy(
        source="uploads of a challenge",
        terms="https://example.org/terms",
        legal_basis="consent",
        retain_until=datetime.date(2027, 12, 31),
        minimum_age=18,
        allowed_sites=("example.org", "video.example.com"),
    )
    (folder / "challenge.toml").write_text(PROMPT, encoding="utf-8")
    assert load_challenge(folder).policy is None
    assert read_policy({}, tmp_path) == Policy()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('policy = "none"', r"policy; expected a table"),
        ("[policy]\nretention = 3", r"unknown key retention.*Remove or correct retention"),
        ("[policy]\nsource = 3", r"policy.source; expected text"),
        ('[policy]\nterms = " "', r"policy.terms; expected text"),
        ('[policy]\nretention_days = "30"', r"policy.retention_days; expected a whole number"),
        ("[policy]\nretention_days = 0", r"at least 1"),
        ("[policy]\nminimum_age = true", r"policy.minimum_age; expected a whole number of years"),
        ('[policy]\nretain_until = "2027-12-31"', r"retain_until; expected a day.*quotes"),
        ("[policy]\nretain_until = 2027-12-31T00:00:00", r"retain_until; expected a day"),
        ('[policy]\nallowed_sites = "example.org"', r"expected a list of hosts"),
        ('[policy]\nallowed_sites = ["https://e.org"]', r"allowed_sites\[0\].*Leave out https"),
        ("[policy]\nretention_days = 3\nretain_until = 2027-12-31", r"either .* found both"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, message):
    with pytest.raises(ChallengeError, match=message) as caught:
        read_policy(tomllib.loads(text)["policy"], tmp_path / "challenge.toml")
    assert "challenge.toml: policy" in str(caught.value)
