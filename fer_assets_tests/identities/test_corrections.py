"""Corrections from the written line to the identities, and through rebuilds."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.identities.anchors import anchor_corrections
from fer_assets.identities.correction_file import ACTIONS, Action, Correction
from fer_assets.identities.resolution import Resolution, resolve
from fer_assets.identities.settings import ResolutionSettings, Thresholds
from fer_assets.storage.schemas.tiktokfer import (
    CORRECTION_ANCHORS,
    IDENTITY_CLUSTERS,
    IDENTITY_REGISTRY,
)
from fer_assets_tests.identities.material import embeddings, people_features, unit

THRESHOLDS = Thresholds(within_video=0.4, across_videos=0.5, duplicate=0.98)
N_FRAMES = 4


def videos_of(people: list[int], spread: float = 0.5, centres: int = 0) -> pl.DataFrame:
    """One video per entry, showing that person in four frames; videos are v00, v01, …"""
    names = [f"v{at:02d}" for at in range(len(people)) for _ in range(N_FRAMES)]
    times = [500 * frame for _ in people for frame in range(N_FRAMES)]
    # The last entries only fix how many centres there are, so that they stay the same.
    padded = np.array([*np.repeat(people, N_FRAMES), centres])
    return embeddings(names, times, people_features(padded, spread)[:-1])


class Lab:
    """A challenge that is built again and again, with the state it keeps."""

    def __init__(self) -> None:
        self.registry = IDENTITY_REGISTRY.empty()
        self.anchors = CORRECTION_ANCHORS.empty()
        self.clusters = IDENTITY_CLUSTERS.empty()
        self.report = pl.DataFrame()

    def build(self, table: pl.DataFrame, *lines: tuple[str, str, str]) -> Resolution:
        corrections = [
            Correction(line, action, tuple(ids.split()), tuple(others.split()))  # type: ignore[arg-type]
            for line, (action, ids, others) in enumerate(lines, start=2)
        ]
        anchored, self.anchors = anchor_corrections(
            corrections, self.anchors, self.clusters, self.registry, table["face_id"].to_list()
        )
        found = resolve(table, THRESHOLDS, self.registry, ResolutionSettings(), anchored)
        self.registry, self.clusters = found.registry, found.clusters
        self.report = found.corrections
        return found

    def identity(self, video: str) -> str:
        """The identity of a video that shows one."""
        found = self.clusters.filter(pl.col("video_id") == video)["identity_id"].unique()
        assert len(found) == 1
        return str(found[0])

    def statuses(self) -> list[str]:
        return self.report["status"].to_list()


def test_a_merge_holds_when_new_faces_join_and_ids_move() -> None:
    lab = Lab()
    lab.build(videos_of([0, 0, 1, 2], centres=9))
    merge = ("merge", lab.identity("v00"), lab.identity("v02"))
    third = lab.identity("v03")
    lab.build(videos_of([0, 0, 1, 2], centres=9), merge)
    assert lab.identity("v00") == lab.identity("v02") != lab.identity("v03") == third
    assert lab.report.row(0) == (2, "merge", "applied", N_FRAMES, None)
    # Person 1 comes to outnumber person 0: without the merge its cluster would lead.
    for _ in range(2):
        lab.build(videos_of([0, 0, 1, 2, 1, 1, 1, 0], centres=9), merge)
        joined = {lab.identity(f"v{at:02d}") for at in (0, 1, 2, 4, 5, 6, 7)}
        assert len(joined) == 1
        assert lab.identity("v03") == third
    lab.build(videos_of([0, 0, 1, 2, 1, 1, 1, 0], centres=9))
    assert lab.identity("v00") == lab.identity("v07") != lab.identity("v02") == lab.identity("v04")
    assert lab.anchors.is_empty()


def test_a_split_holds_and_new_faces_go_to_the_nearer_side() -> None:
    # Two people whom the threshold can't tell apart.
    rng = np.random.default_rng(0)
    base = unit(rng.standard_normal(64))
    centres = unit(base + 0.5 * unit(rng.standard_normal((2, 64))))

    def table(people: list[int]) -> pl.DataFrame:
        rows = np.repeat(people, N_FRAMES)
        noise = np.random.default_rng(1).standard_normal((len(rows), 64))
        names = [f"v{at:02d}" for at in range(len(people)) for _ in range(N_FRAMES)]
        times = [500 * frame for _ in people for frame in range(N_FRAMES)]
        return embeddings(names, times, unit(centres[rows] + 0.3 * unit(noise)))

    lab = Lab()
    lab.build(table([0, 0, 1]))
    assert lab.identity("v00") == lab.identity("v01") == lab.identity("v02")
    split = ("split", "v02/0", "")
    for people in ([0, 0, 1], [0, 0, 1, 1, 0, 1, 1]):
        lab.build(table(people), split)
        for at, person in enumerate(people):
            assert lab.identity(f"v{at:02d}") == lab.identity("v02" if person else "v00")
        assert lab.identity("v00") != lab.identity("v02")
        assert lab.statuses() == ["applied"]
    assert lab.clusters["is_excluded"].sum() == 0


def test_a_track_with_two_people_is_divided_face_by_face() -> None:
    features = people_features(np.array([0, 0, 0, 1, 1, 1]), spread=0.2)
    features[3:] = unit(0.8 * features[:1] + 0.6 * features[3:])  # alike enough for one track
    table = embeddings(["v00"] * 6, [1000 + 500 * at for at in range(6)], features)
    lab = Lab()
    lab.build(table)
    assert lab.clusters["track_id"].n_unique() == 1
    ids = table["face_id"].to_list()
    lab.build(table, ("split", ids[0], ids[5]))
    by_face = lab.clusters.sort("face_id")
    tracks = dict(zip(by_face["face_id"], by_face["track_id"], strict=True))
    assert [tracks[face] for face in ids] == ["v00/0"] * 3 + ["v00/1"] * 3
    assert by_face["identity_id"].n_unique() == 2


def test_what_is_not_a_face_leaves_everything() -> None:
    table = videos_of([0, 0, 1])
    lab = Lab()
    lab.build(table)
    poster = ("not-a-face", "v02/0", "")
    for _ in range(2):
        found = lab.build(table, poster)
        assert set(found.clusters["video_id"]) == {"v00", "v01"}
        assert set(found.registry["face_id"].str.slice(0, 3)) == {"v00", "v01"}
        assert found.identities.height == 1
        assert lab.report.row(0) == (2, "not-a-face", "applied", N_FRAMES, None)
    assert lab.build(table).clusters.height == table.height


def test_of_two_that_contradict_each_other_the_later_wins() -> None:
    table = videos_of([0, 1])
    lab = Lab()
    lab.build(table)
    a, b = lab.identity("v00"), lab.identity("v01")
    lab.build(table, ("split", a, b), ("merge", a, b))
    assert lab.statuses() == ["overruled", "applied"]
    assert lab.identity("v00") == lab.identity("v01")
    lab.build(table, ("merge", a, b), ("split", "v00/0", "v01/0"))
    assert lab.statuses() == ["overruled", "applied"]
    assert lab.identity("v00") != lab.identity("v01")


def test_people_who_meet_in_a_frame_are_not_merged() -> None:
    features = people_features(np.array([0, 1] * 3), spread=0.2)
    table = embeddings(["v00"] * 6, [0, 0, 500, 500, 1000, 1000], features, [200, 800] * 3)
    lab = Lab()
    lab.build(table)
    lab.build(table, ("merge", "v00/0", "v00/1"))
    assert lab.statuses() == ["refused"]
    assert "3 frames" in lab.report["reason"][0]
    assert lab.clusters["identity_id"].n_unique() == 2


def test_unknown_ids_are_reported_and_tried_again() -> None:
    lab = Lab()
    line = ("merge", "v00/0/500-500", "v02/0/500-500")
    lab.build(videos_of([0, 1], centres=9), line, ("split", "id-nobody", ""))
    assert lab.statuses() == ["unknown", "unknown"]
    assert lab.report["reason"].null_count() == 0
    lab.build(videos_of([0, 1, 2], centres=9), line)
    assert lab.statuses() == ["applied"]
    assert lab.identity("v00") == lab.identity("v02")


def test_anchors_outlive_the_ids_they_came_from() -> None:
    table = videos_of([0, 1, 2])
    lab = Lab()
    lab.build(table)
    merge = ("merge", lab.identity("v00"), lab.identity("v01"))
    lab.build(table, merge)
    # As after settling merges, or a lost registry: the ids of the line mean nothing any more.
    lab.registry = IDENTITY_REGISTRY.empty()
    lab.clusters = IDENTITY_CLUSTERS.empty()
    lab.build(table, merge)
    assert lab.identity("v00") == lab.identity("v01")
    assert set(lab.anchors["face_id"].str.slice(0, 3)) == {"v00", "v01"}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(ACTIONS), st.integers(0, 5), st.integers(0, 5)),
        max_size=6,
        unique_by=lambda line: (line[0], line[1], line[0] == "not-a-face" or line[2]),
    ),
    st.integers(0, 3),
)
def test_no_corrections_break_the_rules(
    lines: list[tuple[Action, int, int]], people_seed: int
) -> None:
    people = np.random.default_rng(people_seed).integers(0, 3, 6)
    rows = np.repeat(people, 4)
    names = [f"v{at // 2:02d}" for at in range(6) for _ in range(4)]  # duets
    times = [500 * frame for _ in range(6) for frame in range(4)]
    xs = [200 + 600 * (at % 2) for at in range(6) for _ in range(4)]
    table = embeddings(names, times, people_features(rows, 0.6, people_seed), xs)
    faces = table.sort("video_id", "face_id")["face_id"].to_list()
    lab = Lab()
    lab.build(table)
    written = [
        (action, faces[4 * a], "" if action == "not-a-face" else faces[4 * b])
        for action, a, b in lines
        if a != b
    ]
    lab.build(table, *written)
    frames = lab.clusters.join(table.select("face_id", "timestamp_ms"), on="face_id")
    assert frames.select("video_id", "timestamp_ms", "identity_id").is_unique().all()
    assert frames.select("video_id", "timestamp_ms", "track_id").is_unique().all()
    assert (frames.group_by("track_id").agg(pl.n_unique("identity_id"))["identity_id"] == 1).all()
    person = dict(lab.clusters.select("face_id", "identity_id").iter_rows())
    for (action, a, b), status in zip(written, lab.statuses(), strict=True):
        if status in ("applied", "holds already") and action != "not-a-face":
            assert (person[a] == person[b]) == (action == "merge")
    again = Lab()
    again.build(table)
    again.build(table, *written)
    assert again.clusters.equals(lab.clusters)
