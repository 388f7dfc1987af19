"""Tokens: what was signed comes back, and nothing else does."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_assets.web.signing import Signer, TokenError, read_secret

SECRET = b"0123456789abcdef"
VALUES = st.dictionaries(
    st.text(max_size=8), st.one_of(st.integers(), st.text(max_size=20), st.booleans()), max_size=5
)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@given(VALUES)
def test_a_token_gives_back_what_was_signed(value):
    signer = Signer(SECRET)
    assert signer.read(signer.sign(value, 60)) == value


@given(st.data())
def test_a_token_with_any_character_changed_is_refused(data):
    signer = Signer(SECRET, Clock())
    token = signer.sign({"worker": "a"}, 60)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda c: c != token[at]))
    with pytest.raises(TokenError) as caught:
        signer.read(token[:at] + other + token[at + 1 :])
    assert not caught.value.is_expired


@given(st.text(max_size=60))
def test_any_text_is_refused(text):
    with pytest.raises(TokenError):
        Signer(SECRET).read(text)


def test_a_token_of_another_secret_is_refused():
    with pytest.raises(TokenError):
        Signer(b"another secret..").read(Signer(SECRET).sign({}, 60))


def test_a_token_expires():
    clock = Clock()
    signer = Signer(SECRET, clock)
    token = signer.sign({"worker": "a"}, 60)
    clock.now += 59.9
    assert signer.read(token) == {"worker": "a"}
    clock.now += 0.1
    with pytest.raises(TokenError) as caught:
        signer.read(token)
    assert caught.value.is_expired
    assert caught.value.status == 401


def test_a_huge_token_is_refused():
    with pytest.raises(TokenError):
        Signer(SECRET).read("a" * 1_000_000 + ".b")


def test_a_short_secret_is_a_bug():
    with pytest.raises(ValueError, match="16 bytes"):
        Signer(b"short")


def test_the_secret_is_kept_for_its_owner_alone(tmp_path):
    path = tmp_path / "new" / "secret"
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: read_secret(path), range(16)))
    assert len(found) == 1
    assert len(found.pop()) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["secret"]
