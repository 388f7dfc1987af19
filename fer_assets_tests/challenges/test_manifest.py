from __future__ import annotations

import datetime
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_assets.challenges.catalog import Catalog
from fer_assets.challenges.checking import describe
from fer_assets.challenges.manifest import ManifestRow, find_manifest, read_manifest_rows
from fer_assets.challenges.spec import ChallengeError

HEAD = "url,uploader,date,caption,age\n"
GOOD = HEAD + 'https://www.example.org/v/1,ann,2024-05-31,"hi, @bob",31\nhttp://e.org/2,,,,\n'


def _csv(folder, text):
    (folder / "manifest.csv").write_text(text, encoding="utf-8")
    return read_manifest_rows(folder)


def _jsonl(folder, *entries):
    lines = [json.dumps(entry) if isinstance(entry, dict) else entry for entry in entries]
    (folder / "manifest.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return read_manifest_rows(folder)


def test_both_forms_give_the_same_rows(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    rows = _csv(tmp_path / "a", "\ufeff" + GOOD)
    assert rows == (
        ManifestRow(
            "https://www.example.org/v/1", "ann", datetime.date(2024, 5, 31), "hi, @bob", 31
        ),
        ManifestRow("http://e.org/2", None, None, "", None),
    )
    assert rows[0].site == "example.org"
    first = {
        "url": rows[0].url, "uploader": "ann", "date": "2024-05-31", "caption": "hi, @bob",
        "age": 31,
    }  # fmt: skip
    second = {"url": rows[1].url, "uploader": None, "date": "", "caption": None}
    assert _jsonl(tmp_path / "b", first, "", second) == rows


def test_without_a_manifest_there_are_no_rows_and_two_are_one_too_many(tmp_path):
    assert read_manifest_rows(tmp_path) == ()
    _csv(tmp_path, HEAD)
    assert find_manifest(tmp_path) == tmp_path / "manifest.csv"
    (tmp_path / "manifest.jsonl").touch()
    with pytest.raises(ChallengeError, match="one manifest"):
        find_manifest(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("url,", "link,", r"line 1, column url; .*no such column.*Add the column url"),
        ("age", "years", r"line 1, column years; .*unknown column"),
        ("caption", "date", r"line 1, column caption; .*no such column"),
        ("uploader,", "uploader,uploader,", r"line 1, column uploader; .*twice"),
        ("http://e.org/2", "file:///etc/passwd", r"line 3, column url; .*http://"),
        ("http://e.org/2", "ftp://e.org/2", r"line 3, column url"),
        ("http://e.org/2", "e.org/2", r"line 3, column url"),
        ("http://e.org/2", "http:///2", r"line 3, column url"),
        ("http://e.org/2", "http://e.org:99999/2", r"line 3, column url"),
        ("http://e.org/2", "http://e.org/a b", r"line 3, column url"),
        ("http://e.org/2", "http://ann:pw@e.org/2", r"line 3, column url; .*password"),
        ("http://e.org/2", "https://www.example.org/v/1", r"line 3, column url; .*line 2"),
        ("2024-05-31", "31.5.2024", r"line 2, column date; .*YYYY-MM-DD"),
        ("2024-05-31", "2024-13-31", r"line 2, column date"),
        (",31\n", ",thirty\n", r"line 2, column age; .*whole number"),
        (",31\n", ",-3\n", r"line 2, column age"),
        (",31\n", ",131\n", r"line 2, column age; expected 0 to 130"),
        ('"hi, @bob"', "hi, @bob", r"line 2; expected 5 values; found 6"),
        ('@bob"', '@bob"x', r"line 2; expected valid CSV"),
    ],
)
def test_what_is_wrong_in_a_csv_is_named(tmp_path, old, new, message):
    text = GOOD.replace(old, new)
    assert text != GOOD
    with pytest.raises(ChallengeError, match=message) as caught:
        _csv(tmp_path, text)
    assert "manifest.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{broken", r"line 1; expected one JSON object"),
        ("[1, 2]", r"line 1; expected one JSON object; found list"),
        ({"url": "http://e.org"}, r"line 1, column uploader"),
        ({"url": 3, "uploader": "", "date": "", "caption": ""}, r"column url; expected text"),
        (
            {"url": "http://e.org", "uploader": ["a"], "date": "", "caption": ""},
            r"line 1, column uploader; expected text",
        ),
        (
            {"url": "http://e.org", "uploader": "", "date": "", "caption": "", "age": True},
            r"column age; expected a whole number",
        ),
        (
            {"url": "http://e.org", "uploader": "", "date": "", "caption": "", "age": 3.5},
            r"column age; expected a whole number",
        ),
    ],
)
def test_what_is_wrong_in_json_lines_is_named(tmp_path, entry, message):
    with pytest.raises(ChallengeError, match=message):
        _jsonl(tmp_path, entry)


def test_a_manifest_that_is_no_text_is_named(tmp_path):
    (tmp_path / "manifest.csv").write_bytes(b"url,\xff\xfe")
    with pytest.raises(ChallengeError, match="UTF-8"):
        read_manifest_rows(tmp_path)


@given(text=st.text(max_size=200))
def test_any_text_is_read_or_refused(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("any")
    for name in ("manifest.csv", "manifest.jsonl"):
        (folder / name).write_text(HEAD + text, encoding="utf-8")
        try:
            rows = read_manifest_rows(folder)
        except ChallengeError:
            rows = ()
        assert all(row.url.startswith(("http://", "https://")) for row in rows)
        (folder / name).unlink()


def test_the_list_of_challenges_shows_a_broken_manifest(tmp_path):
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "angry.wav").touch()
    (folder / "challenge.toml").write_text('[[prompts]]\nid = "angry"\naudio = "angry.wav"\n')
    assert "no video folder" in str(describe(Catalog(tmp_path))[0]["problem"])
    _csv(folder, GOOD)
    assert describe(Catalog(tmp_path))[0]["problem"] is None
    (folder / "manifest.csv").write_text("url\n")
    assert "column uploader" in str(describe(Catalog(tmp_path))[0]["problem"])
