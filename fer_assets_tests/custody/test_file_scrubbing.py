from __future__ import annotations

import csv
import io
import json

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from fer_assets.custody.file_scrubbing import scrub
from fer_assets.custody.recognition import Recogniser
from fer_assets.labels.answers import worker_id
from fer_assets.storage.tombstones import Tombstones, hashed_names, salted_hash

SALT = "salt"
VIDEO, TASK, OTHER = "0123456789abcdef", "fedcba9876543210", "1111111111111111"
FACE = "2222222222222222/1500/400-500"


def withdrawn(**kinds):
    hashes = hashed_names(SALT, kinds)
    graves = Tombstones(SALT, {kind: frozenset(found) for kind, found in hashes.items()})
    return Recogniser(graves, ("one", "two"))


GONE = withdrawn(
    video=[VIDEO], task=[TASK], face=[FACE], identity=["id-0123456789ab"], file=["one/clip 1.mp4"],
    uploader=[salted_hash(SALT, "uploader", "happy")], worker=[worker_id("will", SALT)],
    address=[salted_hash(SALT, "video", "https://a.example/v/1")],
)  # fmt: skip


def test_lines_that_stay_keep_their_bytes():
    text = (
        "\ufefffile,uploader,note\r\n"
        'a.mp4,ann,"two\nlines, and ""quotes"""\r\n'
        "clip 1.mp4,ann,\r\n"
        "b.mp4,happy,\r\n"
        "c.mp4,ann,happy\n"
    )
    data, n_gone = scrub(text.encode(), ".csv", GONE, "one")
    assert n_gone == 2
    left = text.replace("clip 1.mp4,ann,\r\n", "").replace("b.mp4,happy,\r\n", "")
    assert data.decode() == left  # "happy" is a name only in the column of names


def test_a_file_is_named_within_its_challenge():
    text = b"file,person\nclip 1.mp4,P1\n"
    assert scrub(text, ".csv", GONE, "one")[1] == 1
    assert scrub(text, ".csv", GONE, "two")[1] == 0


def test_corrections_go_by_any_of_their_ids():
    rows = [
        f"not-a-face,{FACE},,",
        f"merge,{VIDEO}/3,id-aaaaaaaaaaaa,",
        f"split,id-bbbbbbbbbbbb {OTHER}/1/2-3,id-0123456789ab,",
        f"split,{OTHER}/0,,",
    ]
    text = "\n".join(["action,id,other_id,note", *rows]) + "\n"
    data, n_gone = scrub(text.encode(), ".csv", GONE, "one")
    assert n_gone == 3
    assert data.decode().splitlines()[1:] == rows[3:]


def test_rows_of_a_manifest_go_by_address_or_uploader():
    rows = [
        {"url": "https://a.example/v/1", "uploader": None},
        {"url": "https://a.example/v/2", "uploader": "happy"},
        {"url": "https://a.example/v/3", "uploader": "ann"},
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    data, n_gone = scrub(text.encode(), ".jsonl", GONE, "one")
    assert (n_gone, data.decode()) == (2, json.dumps(rows[2]) + "\n")


def test_json_loses_entries_and_records():
    value = {
        VIDEO: 1,
        "kept": [OTHER, VIDEO, 3],
        "rows": [{"video": VIDEO, "n": 1}, {"video": OTHER}],
        "deep": {"a": {"b": f"x/{TASK}"}},
    }
    data, n_gone = scrub(json.dumps(value).encode(), ".json", GONE)
    assert json.loads(data) == {
        "kept": [OTHER, 3],
        "rows": [{"video": OTHER}],
        "deep": {"a": {}},
    }
    assert n_gone == 4


def test_tables_lose_rows_also_by_nested_text():
    frame = pl.DataFrame(
        {
            "task_id": [TASK, "a", "b", "c", None],
            "worker": ["x", "will", "x", "x", None],
            "nested": [["a"], ["a"], ["a", VIDEO], ["a"], None],
            "n": [1, 2, 3, 4, 5],
        }
    )
    buffer = io.BytesIO()
    frame.write_parquet(buffer, metadata={"made": "by a test"})
    data, n_gone = scrub(buffer.getvalue(), ".parquet", GONE)
    assert n_gone == 3
    assert pl.read_parquet(io.BytesIO(data))["n"].to_list() == [4, 5]
    assert pl.read_parquet_metadata(io.BytesIO(data))["made"] == "by a test"


CELLS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=12)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=8), st.lists(st.integers(0, 8), max_size=3))
def test_any_csv_loses_exactly_the_planted_lines(rows, places):
    for place in places:
        rows.insert(place, ("note", f"of {VIDEO}/1/2-3 here"))
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerows([("a", "b"), *rows])
    data, n_gone = scrub(buffer.getvalue().encode(), ".csv", GONE, "two")
    left = list(csv.reader(io.StringIO(data.decode(), newline="")))[1:]
    assert left == [list(row) for row in rows if VIDEO not in row[1]]
    assert n_gone == len(places)
