from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.identities.correction_file import Correction, CorrectionError, read_corrections
from fer_assets.identities.review.corrections_text import HEADER, CorrectionsText

MERGE = Correction(0, "merge", ("id-1",), ("id-2",))
SPLIT = Correction(0, "split", ("ab/0/1-1", "ab/500/1-1"))
DROP = Correction(0, "not-a-face", ("ab/3",))


def text_of(tmp_path: Path, content: str | None = None) -> CorrectionsText:
    path = tmp_path / "identity_corrections.csv"
    if content is not None:
        path.write_bytes(content.encode())
    return CorrectionsText(path, tmp_path / "state" / "lock")


def said(file: CorrectionsText) -> list[tuple[object, ...]]:
    return [(c.action, c.ids, c.others) for c in read_corrections(file.path)]


def test_a_file_is_made_where_there_is_none(tmp_path: Path) -> None:
    file = text_of(tmp_path)
    assert file.corrections() == ()
    file.add([MERGE, SPLIT])
    assert said(file) == [("merge", ("id-1",), ("id-2",)), ("split", SPLIT.ids, ())]
    assert file.path.read_text().startswith(HEADER)
    assert [p.name for p in tmp_path.iterdir() if p.name.endswith(".tmp")] == []


def test_lines_of_others_stay_byte_for_byte(tmp_path: Path) -> None:
    before = (
        '\ufeffnote,other_id, id ,action\r\n"two\r\nlines, see",id-b,id-a,merge\r\n\r\n,,c/1,split'
    )
    file = text_of(tmp_path, before)
    file.add([DROP])
    content = file.path.read_bytes().decode()
    assert content == f"{before}\r\nreview page,,ab/3,not-a-face\r\n"
    file.remove([DROP.key])
    assert file.path.read_bytes().decode() == f"{before}\r\n"
    file.remove([read_corrections(file.path)[0].key])
    assert said(file) == [("split", ("c/1",), ())]


def test_a_file_without_notes_gets_none(tmp_path: Path) -> None:
    file = text_of(tmp_path, "action,id,other_id\nsplit,a/1,\n")
    file.add([MERGE])
    assert file.path.read_text() == "action,id,other_id\nsplit,a/1,\nmerge,id-1,id-2\n"


def test_adding_twice_changes_nothing(tmp_path: Path) -> None:
    file = text_of(tmp_path)
    file.add([MERGE, DROP, MERGE])
    once = file.path.read_bytes()
    file.add([DROP])
    file.add([MERGE])
    assert file.path.read_bytes() == once
    assert file.missing([MERGE, SPLIT]) == (SPLIT.key,)


def test_the_last_word_moves_to_the_end(tmp_path: Path) -> None:
    file = text_of(tmp_path)
    apart = Correction(0, "split", ("id-1",), ("id-2",))
    file.add([MERGE])
    file.add([DROP])
    file.add([apart])
    file.add([MERGE])
    assert [row[0] for row in said(file)] == ["not-a-face", "split", "merge"]


def test_a_broken_file_is_left_as_it_is(tmp_path: Path) -> None:
    broken = "action,id,other_id\njoin,id-1,id-2\n"
    file = text_of(tmp_path, broken)
    for change in (lambda: file.add([MERGE]), lambda: file.remove([MERGE.key])):
        with pytest.raises(CorrectionError, match="line 2, column action"):
            change()
    assert file.path.read_text() == broken


def test_what_would_break_the_file_is_never_put_in_place(tmp_path: Path) -> None:
    file = text_of(tmp_path)
    file.add([MERGE])
    good = file.path.read_bytes()
    with pytest.raises(CorrectionError):
        file.add([Correction(0, "merge", ("id-3", "id-4"), ("id-5",))])
    assert file.path.read_bytes() == good
    assert sorted(p.name for p in tmp_path.iterdir()) == ["identity_corrections.csv", "state"]


def test_a_full_disk_leaves_the_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = text_of(tmp_path)
    file.add([MERGE])
    good = file.path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        file.add([DROP])
    assert file.path.read_bytes() == good
    assert sorted(p.name for p in tmp_path.iterdir()) == ["identity_corrections.csv", "state"]


def _add(folder: Path, number: int) -> None:
    for k in range(10):
        text_of(folder).add([Correction(0, "not-a-face", (f"v{number}/{k}",))])


def test_two_editors_lose_nothing(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("fork")
    editors = [spawn.Process(target=_add, args=(tmp_path, number)) for number in range(3)]
    for editor in editors:
        editor.start()
    for editor in editors:
        editor.join(60)
    found = {c.ids[0] for c in text_of(tmp_path).corrections()}
    assert found == {f"v{number}/{k}" for number in range(3) for k in range(10)}


names = st.sampled_from(["id-1", "id-2", "id-3", "a/1", "a/2", "a/1/2-2"])
lines = st.one_of(
    st.builds(
        lambda a, b: Correction(0, "merge", (a,), (b,)), names, names
    ).filter(lambda c: c.ids != c.others),
    st.builds(
        lambda a, b: Correction(0, "split", tuple(sorted(a)), tuple(sorted(b - a))),
        st.sets(names, min_size=1, max_size=3), st.sets(names, max_size=2),
    ),
    st.builds(lambda a: Correction(0, "not-a-face", (a,)), names),
)  # fmt: skip


@given(steps=st.lists(st.tuples(st.booleans(), lines), max_size=25))
@settings(max_examples=60, deadline=None)
def test_any_sequence_of_edits_leaves_a_readable_file(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[bool, Correction]]
) -> None:
    file = text_of(tmp_path_factory.mktemp("edits"), f"{HEADER}not-a-face,hand/0,,by hand\n")
    wanted: set[str] = {file.corrections()[0].key}
    for is_added, line in steps:
        if is_added:
            file.add([line])
            wanted.add(line.key)
            mine = [c for c in file.corrections() if c.key == line.key]
            later = [c for c in file.corrections() if c.line > mine[0].line]
            assert not any({*line.ids, *line.others} & {*c.ids, *c.others} for c in later)
        else:
            file.remove([line.key])
            wanted.discard(line.key)
        assert {c.key for c in file.corrections()} == wanted
        assert file.path.read_text().splitlines()[1] == "not-a-face,hand/0,,by hand"
