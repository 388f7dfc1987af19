import polars as pl
import pytest

from fer_assets.labels.aggregation.demographics import person_demographics, worst_first

FACES = pl.DataFrame(
    {"face_id": ["a1", "a2", "b1", "c1"], "identity_id": ["a", "a", "b", "c"],
     "video_id": ["va", "va", "vb", "vc"]}
)  # fmt: skip


def _ballots(*rows: tuple[str, str | None, str | None]) -> pl.DataFrame:
    return pl.DataFrame(
        [(face, tone, None, gender, False) for face, tone, gender in rows],
        schema={
            "face_id": pl.String, "skin_tone": pl.String, "age_group": pl.String,
            "gender": pl.String, "is_simulated": pl.Boolean,
        },
        orient="row",
    )  # fmt: skip


def test_votes_are_pooled_over_a_persons_images() -> None:
    found = person_demographics(
        _ballots(
            ("a1", "II", "woman"), ("a1", "II", "woman"), ("a1", "III", None),
            ("a2", "III", "woman"), ("a2", "III", None), ("a2", "III", None),
            ("b1", "V", "man"), ("b1", "VI", None),
        ),
        FACES,
    ).people  # fmt: skip
    assert found.select("identity_id", "skin_tone", "gender", "is_consistent").rows() == [
        ("a", "III", "woman", False),  # image a1 says II
        ("b", None, "man", True),  # a tie is no majority against anybody
        ("c", None, None, True),
    ]
    assert found["age_group"].null_count() == 3


@pytest.mark.parametrize("n_dissent", [0, 1, 2])
def test_single_answers_are_no_dissent(n_dissent: int) -> None:
    rows = [("a1", "II", None)] * 6 + [("a2", "IV", None)] * n_dissent
    found = person_demographics(_ballots(*rows), FACES).people
    assert found["is_consistent"][0] == (n_dissent < 2)


def test_simulation_is_marked_per_person() -> None:
    ballots = _ballots(("a1", "II", None), ("b1", "II", None))
    ballots = ballots.with_columns(is_simulated=pl.col("face_id") == "b1")
    found = person_demographics(ballots, FACES).people
    assert found["is_simulated"].to_list() == [False, True, False]


def test_the_images_behind_an_inconsistent_person_are_listed() -> None:
    found = person_demographics(
        _ballots(
            *[("a1", "II", "woman")] * 5,
            ("a2", "III", "woman"), ("a2", "III", "man"), ("a2", "II", "man"), ("a2", "III", "man"),
            *[("b1", "V", "man")] * 2,
        ),
        FACES,
    ).disagreements  # fmt: skip
    assert found.drop("identity_id").rows() == [
        ("a2", "va", "gender", "woman", "man", 0.75, 4),
        ("a2", "va", "skin_tone", "II", "III", 0.75, 4),
    ]
    assert set(found["identity_id"]) == {"a"}


def test_an_image_can_disagree_with_a_person_s_tie() -> None:
    faces = FACES.with_columns(identity_id=pl.lit("a"))
    found = person_demographics(
        _ballots(*[("a1", "II", None)] * 3, *[("a2", "IV", None)] * 3), faces
    )
    assert found.people["skin_tone"].to_list() == [None]
    assert found.disagreements.select("face_id", "of_person", "of_image").rows() == [
        ("a1", None, "II"),
        ("a2", None, "IV"),
    ]


def test_the_curator_sees_the_worst_first() -> None:
    faces = pl.DataFrame(
        {"face_id": ["a1", "a2", "b1", "b2", "b3"], "identity_id": [*"aabbb"],
         "video_id": ["v"] * 5}
    )  # fmt: skip
    found = person_demographics(
        _ballots(
            *[("a1", "II", None)] * 9, *[("a2", "III", None)] * 4,
            *[("b1", "V", None)] * 9, *[("b2", "IV", None)] * 3, *[("b3", "VI", None)] * 5,
        ),
        faces,
    ).disagreements  # fmt: skip
    assert worst_first(found)["face_id"].to_list() == ["b3", "b2", "a2"]
    assert worst_first(found.sample(fraction=1, shuffle=True, seed=0)).equals(worst_first(found))
