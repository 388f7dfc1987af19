import polars as pl
import pytest

from fer_assets.release.card import CardFacts, dataset_card, release_version
from fer_assets.release.counts import dataset_counts, losses
from fer_assets_tests.release.conftest import Tables
from fer_assets_tests.release.test_build import _build


@pytest.fixture(scope="module")
def facts(tables: Tables) -> CardFacts:
    inputs = (tables.raw_videos, tables.frames, tables.face_crops, tables.clusters)
    return CardFacts(
        title="Face Challenge", version=release_version("0123456789abcdef"),
        counts=dataset_counts(*inputs), losses=losses(*inputs),
        methods=["Faces: RetinaFace"], licences={"RetinaFace": "MIT"}, limits=["Ten people only"],
    )  # fmt: skip


def test_says_what_it_must(tables: Tables, facts: CardFacts) -> None:
    card = dataset_card(_build(tables), facts)
    for part in (
        "# Face Challenge", "r-0123456789ab", "All labels rest on simulated answers",
        "| 6 | 42 | 30 | 6 |", "| excluded | 1 | 1 | 4 | 3 |", "| no label |", "- RetinaFace: MIT",
        "- Ten people only", "| skin tone | V | 6 |", "| age group | not known | 6 |",
    ):  # fmt: skip
        assert part in card


def test_names_nobody(tables: Tables, facts: CardFacts) -> None:
    release = _build(tables)
    card = dataset_card(release, facts)
    for column in ("face_id", "video_id", "identity_id", "clip_id"):
        assert not any(value in card for value in release[column])


def test_real_and_mixed_answers(tables: Tables, facts: CardFacts) -> None:
    release = _build(tables).with_columns(is_simulated=pl.lit(False))
    assert "rest on answers of people" in dataset_card(release, facts)
    mixed = release.with_columns(is_simulated=pl.int_range(pl.len()) < 5)
    assert "5 of 24 labels rest on simulated" in dataset_card(mixed, facts)


def test_version() -> None:
    assert release_version("a" * 64) == "r-" + "a" * 12
    with pytest.raises(ValueError, match="too short"):
        release_version("abc")
