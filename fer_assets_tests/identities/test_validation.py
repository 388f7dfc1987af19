from __future__ import annotations

import polars as pl
import pytest
from sklearn.metrics import adjusted_rand_score

from fer_assets.errors import FerError
from fer_assets.identities.validation import (
    paper_protocol_sample,
    truth_faces,
    validate_identities,
)
from fer_assets.storage.schemas.tiktokfer import IDENTITY_CLUSTERS


def clusters(rows: list[tuple[str, str, str, str | None]]) -> pl.DataFrame:
    return IDENTITY_CLUSTERS.frame(
        [
            {
                "face_id": face,
                "video_id": video,
                "track_id": f"{video}/0",
                "identity_id": identity,
                "is_duplicate": original is not None,
                "duplicate_of": original,
                "cohesion": 0.9,
                "is_excluded": False,
            }
            for face, video, identity, original in rows
        ]
    )


def material(n_people: int = 60) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Everybody is in two videos; the videos of every other person are copies."""
    rows: list[tuple[str, str, str, str | None]] = []
    truth = []
    for person in range(n_people):
        for video in range(2):
            for frame in range(3):
                face = f"{person:02d}{video}/{frame}"
                copy = f"{person:02d}0/{frame}" if video and person % 2 else None
                # Every tenth person's second video went to the next person.
                owner = person + 1 if video and person % 10 == 0 else person
                rows.append((face, face[:3], f"id-{owner:02d}", copy))
                truth.append((face, f"person {person}"))
    return clusters(rows), pl.DataFrame(truth, schema=["face_id", "person"], orient="row")


def test_counts_and_score_against_scikit_learn() -> None:
    table, truth = material()
    found = {row["figure"]: row for row in validate_identities(table, truth).to_dicts()}
    assert found["faces"]["value"] == 360
    assert found["people"]["value"] == 60
    joined = table.join(truth, on="face_id")
    expected = adjusted_rand_score(joined["person"], joined["identity_id"])
    assert found["adjusted_rand_index"]["value"] == pytest.approx(expected)
    assert 0.8 < expected < 1
    assert found["adjusted_rand_index"]["paper_value"] == 0.90
    assert found["paper_protocol_faces"]["value"] == 100
    assert found["paper_protocol_people"]["value"] == 50


def test_the_papers_sample() -> None:
    table, truth = material()
    sample = paper_protocol_sample(table, truth, seed=1).join(table, on="face_id")
    people = sample.group_by("person").agg(
        faces=pl.len(), videos=pl.col("video_id").n_unique(), copies=pl.col("is_duplicate").sum()
    )
    assert (people["faces"] == 2).all()
    assert (people["videos"] == 2).all()
    assert sorted(people["copies"]) == [0] * 25 + [1] * 25
    assert paper_protocol_sample(table, truth, 1).equals(
        paper_protocol_sample(table.sample(fraction=1, shuffle=True, seed=5), truth, 1)
    )


def test_too_little_truth_has_a_reason() -> None:
    table, truth = material(2)
    found = validate_identities(table, truth.head(1))
    row = found.filter(pl.col("figure") == "adjusted_rand_index").to_dicts()[0]
    assert row["value"] is None
    assert "fewer than two" in row["reason"]


FACES = pl.DataFrame(
    [
        ("solo/0", "solo", 0, 10, 10, 50, 50),
        ("solo/500", "solo", 500, 10, 10, 50, 50),
        ("duet/0/left", "duet", 0, 10, 10, 50, 50),
        ("duet/0/right", "duet", 0, 60, 10, 99, 50),
        ("duet/500/left", "duet", 500, 60, 10, 99, 50),
        ("unknown/0", "unknown", 0, 10, 10, 50, 50),
    ],
    schema=["face_id", "video_id", "timestamp_ms", "x0_px", "y0_px", "x1_px", "y1_px"],
    orient="row",
)


def test_a_video_with_one_person_labels_all_its_faces() -> None:
    truth = pl.DataFrame({"video_id": ["solo", "duet", "duet"], "person": ["a", "b", "c"]})
    assert truth_faces(truth, FACES).rows() == [("solo/0", "a"), ("solo/500", "a")]


def test_places_and_times_tell_a_duet_apart() -> None:
    truth = pl.DataFrame(
        {
            "video_id": ["duet", "duet", "duet", "solo"],
            "person": ["b", "c", "b", "a"],
            "timestamp_ms": [0, 0, 490, None],
            "x_px": [30.0, 80.0, 80.0, None],
            "y_px": [30.0, 30.0, 30.0, None],
        }
    )
    assert dict(truth_faces(truth, FACES).rows()) == {
        "duet/0/left": "b",
        "duet/0/right": "c",
        "duet/500/left": "b",
        "solo/0": "a",
        "solo/500": "a",
    }


def test_places_need_boxes() -> None:
    truth = pl.DataFrame({"video_id": ["duet"], "person": ["b"], "x_px": [3.0], "y_px": [3.0]})
    with pytest.raises(FerError, match="x0_px"):
        truth_faces(truth, FACES.drop("x0_px"))
