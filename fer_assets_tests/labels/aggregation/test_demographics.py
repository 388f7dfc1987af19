import polars as pl
import pytest

from fer_assets.labels.aggregation.demographics import person_demographics

FACES = pl.DataFrame({"face_id": ["a1", "a2", "b1", "c1"], "identity_id": ["a", "a", "b", "c"]})


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
    )  # fmt: skip
    assert found.select("identity_id", "skin_tone", "gender", "is_consistent").rows() == [
        ("a", "III", "woman", False),  # image a1 says II
        ("b", None, "man", True),  # a tie is no majority against anybody
        ("c", None, None, True),
    ]
    assert found["age_group"].null_count() == 3


@pytest.mark.parametrize("n_dissent", [0, 1, 2])
def test_single_answers_are_no_dissent(n_dissent: int) -> None:
    rows = [("a1", "II", None)] * 6 + [("a2", "IV", None)] * n_dissent
    found = person_demographics(_ballots(*rows), FACES)
    assert found["is_consistent"][0] == (n_dissent < 2)


def test_simulation_is_marked_per_person() -> None:
    ballots = _ballots(("a1", "II", None), ("b1", "II", None))
    ballots = ballots.with_columns(is_simulated=pl.col("face_id") == "b1")
    found = person_demographics(ballots, FACES)
    assert found["is_simulated"].to_list() == [False, True, False]
