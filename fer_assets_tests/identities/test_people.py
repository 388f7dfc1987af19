from __future__ import annotations

import numpy as np
import polars as pl

from fer_assets.identities.people import resolve_people
from fer_assets.storage.schemas.tiktokfer import IDENTITIES, PERSON_REGISTRY
from fer_assets_tests.identities.material import people_features, unit

EMPTY = PERSON_REGISTRY.empty()


def identities(names: list[str], features: np.ndarray) -> pl.DataFrame:
    return IDENTITIES.frame(
        [
            {
                "identity_id": name,
                "n_faces": 3,
                "n_distinct_faces": 3,
                "n_videos": 1,
                "cohesion": 0.9,
                "embedding": feature.tolist(),
            }
            for name, feature in zip(names, features, strict=True)
        ]
    )


def two_challenges() -> dict[str, pl.DataFrame]:
    """People 0-4 are in one, 3-7 in the other."""
    features = people_features(np.array([0, 1, 2, 3, 4, 3, 4, 5, 6, 7]), spread=0.4)
    return {
        "one": identities([f"id-a{k}" for k in range(5)], features[:5]),
        "two": identities([f"id-b{k}" for k in range(5)], features[5:]),
    }


def test_the_same_person_in_two_challenges() -> None:
    found = resolve_people(two_challenges(), EMPTY, 0.6).people
    assert found.columns == ["challenge", "identity_id", "person_id", "n_faces"]
    person = dict(zip(found["identity_id"], found["person_id"], strict=True))
    assert found["person_id"].n_unique() == 8
    assert person["id-a3"] == person["id-b0"]
    assert person["id-a4"] == person["id-b1"]
    assert all(name.startswith("p-") and len(name) == 14 for name in person.values())


def test_identities_of_one_challenge_stay_apart() -> None:
    rng = np.random.default_rng(0)
    twins = unit(unit(rng.standard_normal(16)) + 0.1 * rng.standard_normal((4, 16)) / 4)
    tables = {
        "one": identities(["id-1", "id-2"], twins[:2]),
        "two": identities(["id-3", "id-4"], twins[2:]),
    }
    found = resolve_people(tables, EMPTY, 0.5).people
    assert found["person_id"].n_unique() == 2
    assert found.group_by("challenge").agg(pl.col("person_id").n_unique())[
        "person_id"
    ].to_list() == [2, 2]


def test_people_survive_a_third_challenge_and_a_removal() -> None:
    tables = two_challenges()
    first = resolve_people(tables, EMPTY, 0.6)
    extra = people_features(np.array([0, 1, 2, 3, 4, 3, 4, 5, 6, 7]), spread=0.4)[[5, 9]]
    second = resolve_people(
        {"two": tables["two"], "a-third": identities(["id-c0", "id-c1"], extra)},
        first.registry,
        0.6,
    )
    was = {row[:2]: row[2] for row in first.registry.rows()}
    now = {row[:2]: row[2] for row in second.registry.rows()}
    assert all(now[key] == was[key] for key in was if key[0] == "two")
    assert now["a-third", "id-c0"] == was["two", "id-b0"]
    assert now["a-third", "id-c1"] == was["two", "id-b4"]
    assert {challenge for challenge, _ in now} == {"two", "a-third"}


def test_nobody() -> None:
    found = resolve_people({"one": IDENTITIES.empty()}, EMPTY, 0.6)
    assert found.people.is_empty()
    assert found.people.schema["n_faces"] == pl.Int32
