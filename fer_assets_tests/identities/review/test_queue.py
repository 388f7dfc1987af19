from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.identities.review.doubts import ReviewSettings
from fer_assets.identities.review.published import Published, published
from fer_assets.identities.review.queue import Hint, review_queue
from fer_assets.identities.review.settled import Settled
from fer_assets.identities.review.strips import spread
from fer_assets.storage.schemas.tiktokfer import IDENTITY_CLUSTERS
from fer_assets_tests.identities.material import embeddings, people_features, unit

THRESHOLD = 0.6


def known(
    videos: list[str],
    owners: list[str],
    features: np.ndarray,
    times: list[int] | None = None,
    xs: list[int] | None = None,
) -> Published:
    """One track per video and owner; cohesion to the owner's other tracks, else other faces."""
    times = times or list(range(0, 500 * len(videos), 500))
    table = embeddings(videos, times, unit(features), xs)
    places = zip(videos, times, xs or [500] * len(videos), strict=True)
    normal = unit(features)
    cohesion = []
    for at, (video, owner) in enumerate(zip(videos, owners, strict=True)):
        own = [k for k, o in enumerate(owners) if o == owner and k != at]
        rest = [k for k in own if videos[k] != video] or own
        mean = normal[rest].mean(axis=0) if rest else normal[at]
        cohesion.append(float(normal[at] @ mean / np.linalg.norm(mean)))
    names = {pair: k for k, pair in enumerate(dict.fromkeys(zip(videos, owners, strict=True)))}
    clusters = IDENTITY_CLUSTERS.conform(
        pl.DataFrame(
            {
                "face_id": [f"{v}/{t}/{x}-500" for v, t, x in places],
                "video_id": videos,
                "track_id": [f"{v}/{names[v, o]}" for v, o in zip(videos, owners, strict=True)],
                "identity_id": owners,
                "is_duplicate": [False] * len(videos),
                "duplicate_of": [None] * len(videos),
                "cohesion": np.clip(cohesion, -1, 1),
                "is_excluded": [False] * len(videos),
            },
            schema=IDENTITY_CLUSTERS.dtypes,
        )
    )
    return published(clusters, table)


def near(centre: np.ndarray, cosine: float, seed: int) -> np.ndarray:
    """A unit vector at exactly this cosine from a unit vector."""
    other = np.random.default_rng(seed).standard_normal(centre.shape)
    other -= (other @ centre) * centre
    return cosine * centre + np.sqrt(1 - cosine**2) * other / np.linalg.norm(other)


def two_people(cosine: float, frames_meet: bool = False) -> Published:
    a = np.eye(8)[0]
    b = near(a, cosine, 1)
    videos = ["v1", "v1", "v1" if frames_meet else "v2", "v2", "v2"]
    times = [0, 500, 500 if frames_meet else 0, 500, 1000]
    owners = ["id-a", "id-a", "id-b", "id-b", "id-b"]
    return known(videos, owners, np.stack([a, a, b, b, b]), times, [400, 400, 600, 600, 600])


@pytest.mark.parametrize("cosine", [0.52, 0.59, 0.61, 0.69])
def test_two_alike_people_near_the_threshold_are_asked_about(cosine: float) -> None:
    items = review_queue(two_people(cosine), THRESHOLD)
    assert [item.question for item in items] == ["same person"]
    item = items[0]
    assert (item.subject.names, item.subject.n_faces) == (("id-a",), 2)
    assert item.other is not None
    assert (item.other.names, item.other.n_faces) == (("id-b",), 3)
    assert item.similarity == pytest.approx(cosine, abs=1e-5)
    assert item.doubt == pytest.approx(0.5 + (cosine - THRESHOLD) / 0.2, abs=1e-4)
    assert item.choices == ("merge", "not-a-face", "keep")


def test_people_far_apart_and_people_who_meet_are_not_asked_about() -> None:
    assert review_queue(two_people(0.3), THRESHOLD) == []
    assert review_queue(two_people(0.59, frames_meet=True), THRESHOLD) == []


def test_a_track_unlike_the_rest_is_asked_about_with_whom_it_resembles() -> None:
    a, b = np.eye(8)[0], np.eye(8)[1]
    features = np.stack([a] * 6 + [near(b, 0.97, 3)] * 2 + [b] * 4)
    videos = ["v1"] * 3 + ["v2"] * 3 + ["v3"] * 2 + ["v4"] * 4
    found = known(videos, ["id-a"] * 8 + ["id-b"] * 4, features)
    items = review_queue(found, THRESHOLD)
    first = items[0]
    assert (first.question, first.doubt) == ("belongs", 1.0)
    assert first.subject.names == (found.track_names[2],)
    assert first.subject.names[0].startswith("v3/")
    assert first.rival is not None
    assert first.rival.names == ("id-b",)
    assert first.rival_similarity == pytest.approx(0.97, abs=1e-3)
    assert "move" in first.choices


def test_a_face_unlike_its_person_is_asked_about_alone() -> None:
    features = people_features(np.zeros(30, dtype=np.int64), 0.2, seed=2)
    features[7] = near(features[0].astype(float), 0.1, 5)
    found = known(["v1"] * 15 + ["v2"] * 15, ["id-a"] * 30, features)
    items = review_queue(found, THRESHOLD)
    assert [item.subject.names for item in items] == [(found.faces.face_ids[7],)]
    assert items[0].other is not None
    assert items[0].other.n_faces == 29


def test_an_identity_of_one_face_is_asked_about() -> None:
    a, b, c = np.eye(8)[:3]
    found = known(["v1", "v1", "v2", "v3", "v3"], ["id-a", "id-a", "id-b", "id-c", "id-c"],
                  np.stack([a, a, near(a, 0.45, 2), b + 0 * c, b]))  # fmt: skip
    items = review_queue(found, THRESHOLD)
    assert [(i.question, i.subject.names) for i in items] == [("same person", ("id-b",))]
    alone = known(["v1", "v1", "v2"], ["id-a", "id-a", "id-b"], np.stack([a, a, b]))
    assert [i.question for i in review_queue(alone, THRESHOLD)] == ["is a face"]


def test_hints_become_questions_or_reasons() -> None:
    features = people_features(np.zeros(12, dtype=np.int64), 0.1, seed=3)
    found = known(["v1"] * 6 + ["v2"] * 6, ["id-a"] * 12, features)
    faces = found.faces.face_ids
    hints = [
        Hint((faces[1],), 0.9, "The crowd sees no face."),
        Hint((faces[1],), 0.5, "Somebody reported it."),
        Hint((faces[2], faces[8], "gone/1/1-1"), 0.3, "They differ."),
        Hint(("gone/0/1-1",), 0.9, "Gone."),
    ]
    items = review_queue(found, THRESHOLD, hints=hints)
    assert [item.doubt for item in items] == [0.9, 0.3]
    assert items[0].reasons == ("The crowd sees no face.", "Somebody reported it.")
    assert items[0].subject.names == (faces[1],)
    assert items[1].subject.names == (faces[2], faces[8])


def test_what_a_correction_settled_is_not_asked_again() -> None:
    found = two_people(0.59)
    first, second = found.faces.face_ids[:2], found.faces.face_ids[2:]
    apart = Settled("split", frozenset(first[:1]), frozenset(second))
    assert review_queue(found, THRESHOLD, settled=[apart]) == []
    assert (
        review_queue(found, THRESHOLD, settled=[Settled("split", apart.others, apart.faces)]) == []
    )
    for other in (
        Settled("merge", frozenset(first), frozenset(second)),
        Settled("split", frozenset(first[:1]), frozenset(first[1:])),
        Settled("split", frozenset({"gone/0/1-1"}), frozenset(second)),
    ):
        assert len(review_queue(found, THRESHOLD, settled=[other])) == 1
    a, b = np.eye(8)[0], np.eye(8)[1]
    odd = known(["v1"] * 3 + ["v2"] * 3 + ["v3"], ["id-a"] * 7, np.stack([a] * 6 + [b]))
    (item,) = review_queue(odd, THRESHOLD)
    (face,) = item.subject.faces
    together = Settled("merge", frozenset({face.face_id}), frozenset(odd.faces.face_ids[:3]))
    assert review_queue(odd, THRESHOLD, settled=[together]) == []
    assert len(review_queue(odd, THRESHOLD, settled=[apart])) == 1


def test_a_question_keeps_its_id_until_its_faces_change() -> None:
    before = review_queue(two_people(0.59), THRESHOLD)[0]
    assert review_queue(two_people(0.55), THRESHOLD)[0].item_id == before.item_id
    a = np.eye(8)[0]
    b = near(a, 0.59, 1)
    more = known(["v1", "v1", "v2", "v2", "v2", "v3"], ["id-a"] * 2 + ["id-b"] * 4,
                 np.stack([a, a, b, b, b, b]), [0, 500, 0, 500, 1000, 0],
                 [400, 400, 600, 600, 600, 600])  # fmt: skip
    assert review_queue(more, THRESHOLD)[0].item_id != before.item_id


def test_the_queue_is_bounded_and_sorted() -> None:
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(60), 3)
    features = people_features(people, 0.3, seed=1, width=6)
    videos = [f"v{p}" for p in people]
    found = known(videos, [f"id-{p:02d}" for p in people], features)
    items = review_queue(found, THRESHOLD, ReviewSettings(most_items=20, faces_shown=2))
    doubts = [item.doubt for item in items]
    assert len(items) == 20
    assert doubts == sorted(doubts, reverse=True)
    assert len({item.item_id for item in items}) == 20
    assert all(len(item.subject.faces) <= 2 for item in items)
    # The rows' order does not matter.
    order = rng.permutation(len(people))
    again = known([videos[k] for k in order], [f"id-{people[k]:02d}" for k in order],
                  features[order], [500 * int(k) for k in order])  # fmt: skip
    assert [i.item_id for i in review_queue(again, THRESHOLD)][:20] == [
        i.item_id for i in review_queue(found, THRESHOLD)
    ][:20]


def test_nothing_published_nothing_asked() -> None:
    empty = published(IDENTITY_CLUSTERS.empty(), embeddings([], [], np.empty((0, 4), np.float32)))
    assert review_queue(empty, THRESHOLD) == []


@given(
    counts=st.lists(st.integers(1, 30), min_size=1, max_size=8),
    most=st.integers(1, 20),
)
@settings(max_examples=100, deadline=None)
def test_crops_are_spread_over_videos(counts: list[int], most: int) -> None:
    videos = np.repeat(np.arange(len(counts)), counts)
    rows = np.arange(len(videos)) * 3
    chosen = spread(videos, rows, most)
    assert len(chosen) == min(most, len(rows))
    assert chosen == sorted(set(chosen))
    assert set(chosen) <= set(rows.tolist())
    per_video = np.bincount(videos[np.array(chosen) // 3], minlength=len(counts))
    for k, count in enumerate(counts):
        if per_video[k] < count:
            # No video has two more than one that still has some to give.
            assert per_video.max() <= per_video[k] + 1
