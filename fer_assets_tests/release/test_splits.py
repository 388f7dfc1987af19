from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GroupShuffleSplit

from fer_assets.release.splits import SPLITS, Split, SplitSettings, assign_splits


def _counts(n_people: int, seed: int = 0, n_labels: int = 15) -> pl.DataFrame:
    """People with very different numbers of images and favourite labels."""
    rng = np.random.default_rng(seed)
    rows = []
    for p in range(n_people):
        favour = rng.dirichlet(np.full(n_labels, 0.5))
        images = rng.multinomial(1 + rng.geometric(0.05), favour)
        rows += [(f"p{p:04d}", f"l{k}", int(n)) for k, n in enumerate(images) if n]
    return pl.DataFrame(rows, schema=["group_id", "label", "n"], orient="row")


def _shares(counts: pl.DataFrame, splits: dict[str, Split]) -> np.ndarray:
    """Share of each label's images per split, (n_labels, 3)."""
    placed = counts.with_columns(split=pl.col("group_id").replace_strict(splits))
    table = placed.pivot("split", index="label", values="n", aggregate_function="sum").fill_null(0)
    images = table.select(SPLITS).to_numpy()
    return images / images.sum(axis=1, keepdims=True)


def test_each_label_is_divided_as_asked() -> None:
    counts = _counts(300)
    splits = assign_splits(counts)
    shares = _shares(counts, splits)
    assert np.abs(shares - [0.6, 0.2, 0.2]).max() < 0.03
    people = Counter(splits.values())
    assert people["train"] == pytest.approx(180, abs=6)
    # a random division of people, as scikit-learn makes it, is much further off
    ids = sorted(splits)
    train, _ = next(GroupShuffleSplit(1, train_size=0.6, random_state=0).split(ids, groups=ids))
    chance = {p: "train" if i in set(train) else ("val", "test")[i % 2] for i, p in enumerate(ids)}
    assert np.abs(_shares(counts, chance) - [0.6, 0.2, 0.2]).max() > 0.06


@given(st.integers(3, 12), st.integers(0, 50))
@settings(deadline=None, max_examples=40)
def test_few_people_fill_every_split(n_people: int, seed: int) -> None:
    splits = assign_splits(_counts(n_people, seed, 4), settings=SplitSettings(seed=seed))
    assert len(splits) == n_people
    assert set(splits.values()) == set(SPLITS)


@pytest.mark.parametrize("n_people", [0, 1, 2])
def test_fewer_than_three_people(n_people: int) -> None:
    assert len(assign_splits(_counts(n_people).cast({"n": pl.Int64}))) == n_people


@given(st.integers(4, 40), st.integers(0, 20))
@settings(deadline=None, max_examples=25)
def test_people_keep_their_split(n_people: int, seed: int) -> None:
    counts = _counts(n_people, seed, 5)
    first = assign_splits(counts.filter(pl.col("group_id") < f"p{n_people // 2:04d}"))
    after = assign_splits(counts, first)
    assert first.items() <= after.items()


def test_growth_in_many_steps_stays_balanced() -> None:
    counts = _counts(200, 4)
    splits: dict[str, Split] = {}
    for n in range(10, 201, 10):
        splits = assign_splits(counts.filter(pl.col("group_id") < f"p{n:04d}"), splits)
    assert np.abs(_shares(counts, splits).mean(axis=0) - [0.6, 0.2, 0.2]).max() < 0.05


def test_order_of_rows_does_not_matter_but_the_seed_does() -> None:
    counts = _counts(60, n_labels=2).with_columns(n=pl.lit(1))
    shuffled = counts.sample(fraction=1.0, shuffle=True, seed=5)
    assert assign_splits(counts) == assign_splits(shuffled)
    assert assign_splits(counts) != assign_splits(counts, settings=SplitSettings(seed=1))


def test_excluded_people_stay_out_and_weigh_nothing() -> None:
    counts = _counts(30)
    splits = assign_splits(counts, {"p0000": "excluded", "p0999": "train"})
    assert splits["p0000"] == "excluded"
    assert "p0999" not in splits
    rest = counts.filter(pl.col("group_id") != "p0000")
    assert assign_splits(rest) == {p: s for p, s in splits.items() if s != "excluded"}


def test_a_split_without_a_share_gets_nobody() -> None:
    splits = assign_splits(_counts(30), settings=SplitSettings(0.8, 0.2, 0.0))
    assert set(splits.values()) == {"train", "val"}


def test_images_without_a_label_count() -> None:
    counts = pl.DataFrame(
        {"group_id": [f"p{i}" for i in range(10)], "label": None, "n": [3] * 10},
        schema_overrides={"label": pl.String},
    )
    assert Counter(assign_splits(counts).values()) == {"train": 6, "val": 2, "test": 2}


def test_shares_must_sum_to_one() -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        SplitSettings(0.6, 0.3, 0.3)


@given(st.data())
@settings(deadline=None, max_examples=40)
def test_a_life_of_a_dataset(data: st.DataObject) -> None:
    """People come, get more images, leave and come back: nobody ever changes split."""
    known: dict[str, Split] = {}
    for round_number in range(4):
        everybody = _counts(20, seed=round_number, n_labels=4)
        here = data.draw(st.sets(st.sampled_from(sorted(everybody["group_id"].unique()))))
        counts = everybody.filter(pl.col("group_id").is_in(sorted(here)))
        splits = assign_splits(counts, known)
        assert set(splits) == here
        assert list(splits) == sorted(splits)
        assert all(splits[person] == known[person] for person in splits.keys() & known.keys())
        assert splits == assign_splits(counts.sample(fraction=1, shuffle=True, seed=1), known)
        known |= splits


@given(st.integers(0, 200))
@settings(deadline=None, max_examples=20)
def test_greedy_is_at_least_as_good_as_chance(seed: int) -> None:
    """Worst label of the assignment against the median of random ones with the same sizes."""
    counts = _counts(60, seed, 5)
    splits = assign_splits(counts)
    wanted = np.array([0.6, 0.2, 0.2])
    ours = np.abs(_shares(counts, splits) - wanted).max()
    rng = np.random.default_rng(seed)
    people, sizes = sorted(splits), list(splits.values())
    chance = []
    for _ in range(9):
        shuffled = dict(zip(people, rng.permutation(sizes).tolist(), strict=True))
        chance.append(np.abs(_shares(counts, shuffled) - wanted).max())
    assert ours <= np.median(chance)


def test_a_name_in_another_order_of_rows_moves_nobody_else() -> None:
    """A newcomer takes a place of its own; all others stay where the registry has them."""
    counts = _counts(40)
    first = assign_splits(counts)
    newcomer = pl.DataFrame({"group_id": ["a-new"], "label": ["l3"], "n": [500]})
    after = assign_splits(pl.concat([newcomer, counts.select("group_id", "label", "n")]), first)
    assert {person: split for person, split in after.items() if person != "a-new"} == first
