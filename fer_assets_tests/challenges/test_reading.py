from __future__ import annotations

import pytest

from fer_assets.challenges.catalog import Catalog
from fer_assets.challenges.checking import describe
from fer_assets.challenges.reading import load_challenge
from fer_assets.challenges.spec import ChallengeError

GOOD = """
name = "Face Challenge"
[[prompts]]
id = "angry"
audio = "prompts/angry.wav"
[[prompts]]
id = "wow"
expression = "surprise"
audio = "prompts/angry.wav"
[[prompts]]
id = "kiss"
audio = "prompts/angry.wav"
[settings.prompts]
frames_hz = 2
"""


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "face-challenge"
    (folder / "prompts").mkdir(parents=True)
    (folder / "prompts" / "angry.wav").write_bytes(b"RIFF")
    (folder / "challenge.toml").write_text(GOOD, encoding="utf-8")
    return folder


def test_a_challenge_is_read(folder):
    found = load_challenge(folder)
    assert (found.key, found.name, found.kind) == ("face-challenge", "Face Challenge", "prompted")
    assert found.videos == folder / "videos"
    assert found.ekman == ("angry", "surprise")
    assert found.beyond_ekman == ("kiss",)
    assert found.settings == {"prompts": {"frames_hz": 2}}
    assert found.file("uploads.csv") is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "Face Challenge"', 'title = "x"', "unknown key title"),
        ('id = "kiss"', 'id = "angry"', "angry twice"),
        ('id = "kiss"', 'id = "Kiss!"', r"prompts\[2\].id.*slug"),
        ('id = "kiss"\n', "", r"prompts\[2\].id; expected a value"),
        ('audio = "prompts/angry.wav"', 'audio = "no.wav"', r"prompts\[0\].audio.*nothing at"),
        ("frames_hz = 2", 'frames_hz = "two"', "settings.prompts.frames_hz; expected a number"),
        ("frames_hz = 2", "frames_hz = true", "settings.prompts.frames_hz; expected a number"),
        ("frames_hz = 2", "fps = 2", "unknown key fps"),
        ("[settings.prompts]", "[settings.promts]", "unknown key promts"),
        ('expression = "surprise"', 'group = "other"', "expected ekman or beyond"),
        ('name = "Face Challenge"', 'kind = "dance"', "one of prompted"),
        ('name = "Face Challenge"', "name = 3", "expected text"),
        ('name = "Face Challenge"', "name =", "valid TOML"),
    ],
)
def test_what_is_wrong_is_named(folder, old, new, message):
    file = folder / "challenge.toml"
    file.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(ChallengeError, match=message) as caught:
        load_challenge(folder)
    assert "challenge.toml" in str(caught.value)


def test_no_prompts_no_file_no_slug(folder, tmp_path):
    (folder / "challenge.toml").write_text('name = "x"', encoding="utf-8")
    with pytest.raises(ChallengeError, match=r"at least one \[\[prompts\]\]"):
        load_challenge(folder)
    with pytest.raises(ChallengeError, match="fer-assets challenge new"):
        load_challenge(tmp_path / "nothing")
    renamed = folder.rename(tmp_path / "Face Challenge")
    with pytest.raises(ChallengeError, match="slug"):
        load_challenge(renamed)


def test_the_catalog_starts_adds_and_lists(folder, tmp_path):
    catalog = Catalog(tmp_path / "challenges")
    assert catalog.keys() == []
    added = catalog.add(folder)
    assert added.folder == tmp_path / "challenges" / "face-challenge"
    assert catalog.add(added.folder).key == "face-challenge"
    with pytest.raises(ChallengeError, match="not in use"):
        catalog.add(folder)
    file = catalog.new("new-one", "New", ["angry"])
    assert file.exists()
    assert catalog.keys() == ["face-challenge", "new-one"]
    assert catalog.keys("prompted") == ["face-challenge"]
    problems = {row["key"]: row["problem"] for row in describe(catalog)}
    assert "prompts[0].audio" in problems["new-one"]
    with pytest.raises(ChallengeError, match="challenges: face-challenge, new-one"):
        catalog.load("other")
