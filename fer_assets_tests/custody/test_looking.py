from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import sqlite3
import tarfile
import zipfile
import zlib

import numpy as np
import polars as pl
import pytest

from fer_assets.custody.looking import UNREADABLE, look_into
from fer_assets.storage.tombstones import salted_hash
from fer_assets_tests.custody.test_file_scrubbing import SALT, VIDEO, withdrawn

CROP = bytes(np.random.default_rng(0).integers(0, 256, 700, np.uint8))
FACE = "2222222222222222/1500/400-500"
GONE = withdrawn(
    video=[VIDEO], face=[FACE], identity=["id-0123456789ab"], file=["one/a clip.mp4", "b.mp4"],
    picture=[hashlib.sha256(CROP).hexdigest()],
    uploader=[salted_hash(SALT, "uploader", "ann")],
)  # fmt: skip


def parquet(frame, metadata=None):
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", metadata=metadata)
    return buffer.getvalue()


def zipped(name, data):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def tarred(name, data):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def database(tmp_path, text, *, is_deleted=False):
    path = tmp_path / "x.sqlite"
    with sqlite3.connect(path) as rows:
        rows.execute("PRAGMA secure_delete = OFF")
        rows.execute("CREATE TABLE notes (n INTEGER, body TEXT)")
        rows.executemany("INSERT INTO notes VALUES (?, ?)", [(1, "x" * 900), (2, text)])
        if is_deleted:
            rows.execute("DELETE FROM notes")
    rows.close()
    return path.read_bytes()


WORDS = "x" * 50
IMAGE = pl.Struct({"bytes": pl.Binary, "path": pl.String})
PLANTED = {
    "a file's name": lambda _: (b"", f"logs/{VIDEO}.txt"),
    "a log": lambda _: (f"12:00 decoding {VIDEO}\n".encode(), "run.log"),
    "inside a SHA-256": lambda _: (b'{"sha256": "' + VIDEO.encode() + b"a" * 48 + b'"}', "a.json"),
    "after other hex digits": lambda _: (b"ab" + VIDEO.encode(), "a.txt"),
    "the middle of a picture": lambda _: (CROP + FACE.encode() + CROP, "a.jpg"),
    "an identity in a page": lambda _: (b"<td>id-0123456789ab</td>", "a.html"),
    "a cell": lambda _: (parquet(pl.DataFrame({"a": [f"see {VIDEO}"]})), "a.parquet"),
    "a nested cell": lambda _: (parquet(pl.DataFrame({"a": [["q", VIDEO]]})), "a.parquet"),
    "a table's metadata": lambda _: (
        parquet(pl.DataFrame({"a": [1]}), {"note": VIDEO}), "a.parquet",
    ),
    "a crop in a table": lambda _: (
        parquet(pl.DataFrame({"i": [{"bytes": CROP, "path": "p"}]}, schema={"i": IMAGE})),
        "a.parquet",
    ),
    "a crop by itself": lambda _: (CROP, "a.jpg"),
    "a crop in a page": lambda _: (
        b'<img src="data:image/jpeg;base64,' + base64.b64encode(CROP) + b'">', "a.html",
    ),
    "an archive": lambda _: (zipped("a.txt", f"{WORDS} {VIDEO}"), "a.zip"),
    "an archive's crop": lambda _: (tarred("0001.jpg", CROP), "a.tar"),
    "a compressed file": lambda _: (gzip.compress(f"{WORDS} {VIDEO}".encode()), "a.gz"),
    "an archive in an archive": lambda _: (zipped("a.gz", gzip.compress(VIDEO.encode())), "a"),
    "escaped JSON": lambda _: (
        ('{"a": "' + "".join(f"\\u{ord(c):04x}" for c in VIDEO) + '"}').encode(), "a.json",
    ),
    "a database's row": lambda path: (database(path, f"is {VIDEO}"), "a.db"),
    "a database's free page": lambda path: (database(path, VIDEO, is_deleted=True), "a.db"),
    "a database's compressed blob": lambda path: (
        database(path, zlib.compress(f"{WORDS}{VIDEO}".encode())), "a.db",
    ),
    "an uploader's column": lambda _: (b"file,uploader\nx.mp4,ann\n", "a.csv"),
    "a path with a space": lambda _: (b'file,n\n"a clip.mp4",1\n', "a.csv"),
    "a path in a text": lambda _: (b"could not read /data/b.mp4: gone", "a.log"),
}  # fmt: skip


@pytest.mark.parametrize("where", PLANTED)
def test_what_is_planted_is_found(where, tmp_path):
    data, name = PLANTED[where](tmp_path)
    assert look_into(data, name, GONE)


def test_others_are_not_taken_for_them(tmp_path):
    other = VIDEO.replace("0", "1")
    noise = np.random.default_rng(1).integers(0, 256, 300_000, np.uint8).tobytes()
    for data, name in [
        (noise, "a.mp4"),
        (f"{other} id-aaaaaaaaaaaa c.mp4 ann".encode(), "a.txt"),
        (FACE.replace("1500", "1501").encode(), "a.txt"),
        (json.dumps({"a": hashlib.sha256(b"x").hexdigest()}).encode(), "a.json"),
        (database(tmp_path, f"is {other}"), "a.db"),
        (parquet(pl.DataFrame({"a": [other]})), "a.parquet"),
    ]:
        assert look_into(data, name, GONE) == set()


def test_what_can_not_be_decoded_is_not_clean():
    broken = parquet(pl.DataFrame({"a": [1]}))[:-20]
    assert UNREADABLE in look_into(broken, "a.parquet", GONE)
