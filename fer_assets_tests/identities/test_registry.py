from __future__ import annotations

import hashlib

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.identities.registry import hashed_id, name_clusters, settle_merges
from fer_assets.storage.schemas.tiktokfer import IDENTITY_REGISTRY

EMPTY = IDENTITY_REGISTRY.empty()


def state(rows: dict[str, tuple[str, str | None]]) -> pl.DataFrame:
    return IDENTITY_REGISTRY.frame(
        [
            {"face_id": face, "identity_id": identity, "merged_into": into}
            for face, (identity, into) in rows.items()
        ]
    )


def rows(registry: pl.DataFrame) -> dict[str, tuple[str, str | None]]:
    return {face: (identity, into) for face, identity, into in registry.rows()}


def test_a_new_id_is_the_hash_of_the_smallest_face() -> None:
    named = name_clusters([["b", "a"], ["c"]], EMPTY)
    assert named.ids[0] == "id-" + hashlib.sha256(b"a").hexdigest()[:12]
    assert rows(named.registry) == {
        "a": (named.ids[0], None),
        "b": (named.ids[0], None),
        "c": (named.ids[1], None),
    }


def test_a_new_video_keeps_the_ids() -> None:
    before = name_clusters([["m1", "m2"], ["n1"]], EMPTY)
    after = name_clusters([["a0", "n1"], ["m1", "m2", "m3"], ["z"]], before.registry)
    assert after.ids[:2] == (before.ids[1], before.ids[0])
    assert after.ids[2] not in before.ids
    assert not after.merged_faces


def test_the_larger_survives_a_merge_and_the_other_is_marked_until_settled() -> None:
    before = state({"a": ("id-1", None), "b": ("id-2", None), "c": ("id-2", None)})
    merged = name_clusters([["a", "b", "c", "new"]], before)
    assert merged.ids == ("id-2",)
    assert merged.merged_faces == {"a"}
    assert rows(merged.registry)["a"] == ("id-1", "id-2")
    again = name_clusters([["a", "b", "c", "new"]], merged.registry)
    assert again.merged_faces == {"a"}
    assert again.registry.equals(merged.registry)
    settled = settle_merges(again.registry)
    assert rows(settled)["a"] == ("id-2", None)
    assert not name_clusters([["a", "b", "c", "new"]], settled).merged_faces


def test_a_merge_taken_back_gives_the_id_back() -> None:
    before = state({"a": ("id-1", "id-2"), "b": ("id-2", None), "c": ("id-2", None)})
    parted = name_clusters([["a"], ["b", "c"]], before)
    assert parted.ids == ("id-1", "id-2")
    assert not parted.merged_faces
    assert rows(parted.registry)["a"] == ("id-1", None)


def test_merges_in_a_row_end_at_the_survivor() -> None:
    before = state({"a": ("id-1", "id-2"), "b": ("id-2", None), "c": ("id-2", None)})
    bigger = pl.concat([before, state({f"d{k}": ("id-3", None) for k in range(5)})])
    merged = name_clusters([["a", "b", "c", *[f"d{k}" for k in range(5)]]], bigger)
    assert merged.ids == ("id-3",)
    assert merged.merged_faces == {"a", "b", "c"}
    assert rows(merged.registry)["a"] == ("id-1", "id-3")


def test_the_larger_part_of_a_split_keeps_the_id() -> None:
    before = name_clusters([["a", "b", "c"]], EMPTY)
    after = name_clusters([["a"], ["b", "c"]], before.registry)
    assert after.ids[1] == before.ids[0]
    # The other part holds the face that the old id was made from, so its hash is taken.
    assert after.ids[0] == hashed_id("id", "a", {before.ids[0]}) != before.ids[0]
    assert not after.merged_faces


def test_faces_that_are_gone_leave_no_trace() -> None:
    before = state({"a": ("id-1", None), "b": ("id-1", None), "c": ("id-2", None)})
    after = name_clusters([["b"]], before)
    assert rows(after.registry) == {"b": ("id-1", None)}


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=15),
    st.lists(st.integers(0, 4), min_size=1, max_size=15),
    st.randoms(),
)
def test_ids_are_unique_stable_and_independent_of_the_order(first, second, random) -> None:
    def clusters(labels: list[int], start: int) -> list[list[str]]:
        groups: dict[int, list[str]] = {}
        for at, label in enumerate(labels, start):
            groups.setdefault(label, []).append(f"face {at:02d}")
        return list(groups.values())

    before = name_clusters(clusters(first, 0), EMPTY).registry
    new = clusters(second, 4)
    named = name_clusters(new, before)
    assert len(set(named.ids)) == len(new)
    shuffled = random.sample(new, len(new))
    again = name_clusters(shuffled, before)
    assert dict(zip(map(tuple, shuffled), again.ids, strict=True)) == dict(
        zip(map(tuple, new), named.ids, strict=True)
    )
    assert name_clusters(new, named.registry).ids == named.ids
