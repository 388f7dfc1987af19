from __future__ import annotations

from pathlib import Path

import pytest

from fer_assets.identities.correction_file import CorrectionError, kind_of, read_corrections

HEAD = "action,id,other_id\n"


def read(tmp_path: Path, text: str | bytes) -> list[tuple[object, ...]]:
    path = tmp_path / "identity_corrections.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return [(c.line, c.action, c.ids, c.others) for c in read_corrections(path)]


def test_no_file_no_corrections() -> None:
    assert read_corrections(None) == ()


def test_reads_every_action_and_every_kind_of_id(tmp_path: Path) -> None:
    text = (
        "\ufeffaction, id ,other_id,note\r\n"
        'merge,id-1a,id-2b,"same tattoo, ask Eve"\r\n'
        "\r\n"
        "split,ab12/500/510--3 ab12/1000/500-500,,\r\n"
        "split,ab12/0, cd34/1 ,\r\n"
        "not-a-face,ab12/500/510-390,,a poster\r\n"
    )
    assert read(tmp_path, text) == [
        (2, "merge", ("id-1a",), ("id-2b",)),
        (4, "split", ("ab12/500/510--3", "ab12/1000/500-500"), ()),
        (5, "split", ("ab12/0",), ("cd34/1",)),
        (6, "not-a-face", ("ab12/500/510-390",), ()),
    ]


def test_the_form_of_an_id_says_what_it_is() -> None:
    names = ("ab12/500/510-390", "ab12/3", "id-0a1b2c", "ab12", "ab12/", "ab12/x/1-1")
    assert [kind_of(name) for name in names] == ["face", "track", "identity", *[None] * 3]


def test_a_line_keeps_its_key_when_it_moves(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text(f"{HEAD}merge,id-1,id-2\nsplit,a/1 a/2,\n")
    first = [c.key for c in read_corrections(path)]
    path.write_text("note,other_id,id,action\nx,,a/2  a/1,split\ny,id-2,id-1,merge\n")
    assert [c.key for c in read_corrections(path)][::-1] == first
    assert len(set(first)) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"line 1; expected the columns action, id, other_id.*found no column action"),
        ("action,id\n", r"line 1.*no column other_id"),
        ("action,id,other_id,who\n", r"line 1.*column 'who'"),
        ("action,id,id,other_id\n", r"line 1"),
        (f"{HEAD}merge,id-1\n", r"line 2; expected 3 cells; found 2"),
        (f"{HEAD}join,id-1,id-2\n", r"line 2, column action; expected one of merge.*'join'"),
        (f"{HEAD}merge,,id-2\n", r"line 2, column id; expected faces"),
        (f"{HEAD}merge,id-1,\n", r"line 2, column other_id; expected one to merge with one"),
        (f"{HEAD}merge,id-1,id-2 id-3\n", r"line 2, column other_id.*1 with 2.*line for each"),
        (f"{HEAD}merge,id-1,id-1\n", r"line 2, column other_id; expected somebody else"),
        (f"{HEAD}\nsplit,Ann,\n", r"line 3, column id.*'Ann'.*Copy ids"),
        (f"{HEAD}not-a-face,a/1,a/2\n", r"line 2, column other_id; expected nothing"),
        (f"{HEAD}split,a/1,\nsplit,a/1,\n", r"line 3; expected each correction once.*line 2"),
        (f'{HEAD}split,"a/1,\n', r"expected a CSV in UTF-8"),
        (b"action,id,other_id\nsplit,\xff,\n", r"expected a CSV in UTF-8"),
    ],
)
def test_a_wrong_file_is_told_where_and_how(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(CorrectionError, match=rf"identity_corrections\.csv.*{said}"):
        read(tmp_path, text)
