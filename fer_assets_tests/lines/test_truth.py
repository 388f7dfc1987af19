from __future__ import annotations

import polars as pl
import pytest

from fer_assets.errors import FerError
from fer_assets.lines.tiktokfer.names import FACE_CROPS, FACE_EMBEDDINGS, RAW_VIDEOS
from fer_assets.lines.tiktokfer.truth import face_truth, identity_truth
from fer_assets.lines.workspace import open_workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output, rebuild
from fer_assets.storage.planning import Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES

KEY = "one"


def _put(workspace, asset, rows):
    schema = next(iter(ASSET_TABLES[asset].values()))
    empty = dict.fromkeys(schema.dtypes)
    frame = schema.frame([{**empty, **row} for row in rows])
    build = Build(Place(asset, KEY), ASSET_TABLES[asset], 1)
    output = Output("all", {schema.name: frame})
    rebuild(workspace.store, build, [Unit("all", {})], lambda due: [output])


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "challenges" / KEY
    folder.mkdir(parents=True)
    (folder / "angry.wav").write_bytes(b"RIFF")
    (folder / "challenge.toml").write_text('[[prompts]]\nid = "angry"\naudio = "angry.wav"\n')
    workspace = open_workspace(tmp_path)
    videos = [("v1", "a.mp4"), ("v2", "b.mp4"), ("v3", "duet.mp4")]
    _put(
        workspace,
        RAW_VIDEOS,
        [
            {"video_id": v, "path": p, "sha256": v, "size_bytes": 1, "status": "accepted"}
            for v, p in videos
        ],
    )
    faces = [
        {
            "face_id": f"{v}/0/{i}-1",
            "video_id": v,
            "timestamp_ms": 0,
            "embedder": "e",
            "embedding": [1.0],
        }
        for v, _ in videos
        for i in range(2)
    ]
    _put(workspace, FACE_EMBEDDINGS, faces)
    return workspace


def _write(workspace, name, text):
    (workspace.catalog.folder / KEY / name).write_text(text, encoding="utf-8")


def test_without_files_nothing_is_known(workspace):
    assert face_truth(workspace, KEY).height == 0
    assert identity_truth(workspace, KEY).height == 0


def test_a_persons_video_names_all_its_faces_and_a_duet_none(workspace):
    _write(
        workspace,
        "identity_truth.csv",
        "file,person\na.mp4,ann\nb.mp4,bob\nduet.mp4,ann\nduet.mp4,bob\ngone.mp4,ann\n",
    )
    known = identity_truth(workspace, KEY)
    assert known.rows() == [
        ("v1/0/0-1", "ann"),
        ("v1/0/1-1", "ann"),
        ("v2/0/0-1", "bob"),
        ("v2/0/1-1", "bob"),
    ]


def test_places_and_times_tell_a_duet_apart(workspace):
    schema = ASSET_TABLES[FACE_CROPS]["face_crops"]
    blank = {
        column.name: "x" if column.dtype == pl.String else 0
        for column in schema.columns
        if column.dtype in (pl.String, pl.Float32, pl.Int32, pl.Int64)
    }
    rows = [
        {
            **blank,
            "face_id": f"v3/{time_ms}/{i}-1",
            "video_id": "v3",
            "timestamp_ms": time_ms,
            "x0_px": 100.0 * i,
            "x1_px": 100.0 * i + 50,
            "y1_px": 50.0,
            "landmarks_px": [0.0] * 10,
            "image": {"bytes": b"", "path": "x"},
        }
        for time_ms in (0, 500)
        for i in range(2)
    ]
    _put(workspace, FACE_CROPS, rows)
    _write(
        workspace,
        "identity_truth.csv",
        "file,person,time_s,x_px,y_px\nduet.mp4,ann,0,25,25\nduet.mp4,bob,,125,25\n",
    )
    assert identity_truth(workspace, KEY).rows() == [
        ("v3/0/0-1", "ann"),
        ("v3/0/1-1", "bob"),
        ("v3/500/1-1", "bob"),
    ]


def test_true_boxes_are_found_by_video_and_time(workspace):
    head = "file,time_s,x0_px,y0_px,x1_px,y1_px\n"
    _write(workspace, "face_truth.csv", f"{head}a.mp4,1.2345,1,2,3,4\nb.mp4,0,,,,\n")
    known = face_truth(workspace, KEY)
    assert known["timestamp_ms"].to_list() == [1234, 0]
    assert known.filter(pl.col("x0_px").is_null())["video_id"].to_list() == ["v2"]


def test_a_broken_truth_file_is_named(workspace):
    _write(workspace, "face_truth.csv", "file,time\na.mp4,1\n")
    with pytest.raises(FerError, match=r"face_truth.csv; expected columns file, time_s"):
        face_truth(workspace, KEY)
    _write(workspace, "identity_truth.csv", "video,person\na.mp4,ann\n")
    with pytest.raises(FerError, match=r"identity_truth.csv; expected columns file, person"):
        identity_truth(workspace, KEY)
