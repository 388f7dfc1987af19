"""Single frames that were withdrawn, in tables that number a video's frames."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output, rebuild
from fer_assets.storage.planning import Build, Unit, plan
from fer_assets.storage.reader import Dataset
from fer_assets.storage.schemas.frame_affect import FRAME_ANNOTATIONS, VIDEO_TASKS
from fer_assets.storage.store import LocalStore
from fer_assets.storage.tombstones import (
    Tombstones,
    add_all_tombstones,
    frame_tombstones,
    hashed_names,
)

ONE, TWO = "1" * 16, "2" * 16
PAIRS = st.lists(st.tuples(st.sampled_from([ONE, TWO]), st.integers(1, 9)), unique=True)


def rows(pairs):
    return FRAME_ANNOTATIONS.frame(
        [{"video_id": video, "frame": n, "task": "VA", "valence": 0.0} for video, n in pairs]
    )


@given(PAIRS, PAIRS)
def test_exactly_the_withdrawn_frames_go(stored, withdrawn):
    hashes = hashed_names("salt", frame_tombstones(withdrawn))
    graves = Tombstones("salt", {kind: frozenset(found) for kind, found in hashes.items()})
    left = graves.filter(rows(stored), FRAME_ANNOTATIONS)
    assert set(left.select("video_id", "frame").rows()) == set(stored) - set(withdrawn)
    assert set(graves.with_withdrawn_frames([ONE, TWO])) == {video for video, _ in withdrawn}


def test_a_table_is_numbered_if_it_has_video_and_frame():
    assert FRAME_ANNOTATIONS.subject_columns == ["video_id", "frame"]
    assert VIDEO_TASKS.subject_columns == ["video_id"]


def test_readers_and_rebuilds_leave_them_out(tmp_path):
    store = LocalStore(tmp_path)
    asset = "frame_affect/annotated_frames"
    build = Build(Place(asset, "key"), {FRAME_ANNOTATIONS.name: FRAME_ANNOTATIONS}, 1)
    units = [Unit(ONE, {"content": "x"})]
    table = rows([(ONE, 1), (ONE, 2), (ONE, 3)])
    rebuild(store, build, units, lambda due: [Output(ONE, {"frame_annotations": table})])
    add_all_tombstones(store, frame_tombstones([(ONE, 2)]))
    read = Dataset(store).table(asset, "key", "frame_annotations", columns=["valence"])
    assert (read.height, read.columns) == (2, ["valence"])
    assert dict(plan(store, build, units).due) == {ONE: "a subject was withdrawn"}
    done = rebuild(store, build, units, lambda due: [Output(ONE, {"frame_annotations": table})])
    assert done.manifest.rows("frame_annotations") == 2
    stored = pl.read_parquet(next((tmp_path / "assets").rglob("*.parquet")))
    assert stored["frame"].to_list() == [1, 3]
