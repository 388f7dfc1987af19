import polars as pl
import pytest

from fer_assets.figures.png import MAX_PNG_BYTES
from fer_assets.release.card import CardFacts, dataset_card, videos_in_several_splits
from fer_assets.release.card_figures import card_figures
from fer_assets.release.counts import PAPER_REMARKS, dataset_counts, losses
from fer_assets.release.group_losses import Stages, losses_by_group
from fer_assets.release.page import as_html, as_markdown
from fer_assets_tests.release.conftest import Tables
from fer_assets_tests.release.test_build import _build

GROUPS = {"skin_tone": ("VI", "V"), "age_group": (), "gender": ("woman",)}


@pytest.fixture(scope="module")
def group_losses(tables: Tables) -> pl.DataFrame:
    return losses_by_group(
        Stages(
            tables.raw_videos, tables.frames, tables.frames, tables.face_crops, tables.clusters,
            tables.labels, tables.demographics, _build(tables),
        )
    )  # fmt: skip


@pytest.fixture(scope="module")
def facts(tables: Tables, group_losses: pl.DataFrame) -> CardFacts:
    inputs = (tables.raw_videos, tables.frames, tables.face_crops, tables.clusters)
    return CardFacts(
        title="Face Challenge", version="r-0123456789ab", digest="0123456789abcdef",
        counts=dataset_counts(*inputs), losses=losses(*inputs), group_losses=group_losses,
        ekman=("angry", "sad"), groups=GROUPS, methods=["Faces: RetinaFace"],
        licences={"RetinaFace": "MIT"}, limits=["Ten people only"], n_near_pairs=3,
    )  # fmt: skip


def test_says_what_it_must(tables: Tables, facts: CardFacts) -> None:
    card = as_markdown(dataset_card(_build(tables), facts))
    for part in (
        "# Face Challenge: dataset card", "r-0123456789ab", "0123456789abcdef",
        "All labels rest on simulated answers", "| this release | 6 | 42 | 30 | 6 |",
        "| paper, face challenge | 3,981 | 74,922 | 37,181 | 3,571 |",
        "| paper, best emoji face | 2,447 | 139,578 | 54,567 | 5,875 |",
        "| paper, total | 6,482 | 214,500 | 92,389 | 9,392 |",
        "| excluded | 1 | 1 | 4 | 3 |", "| no label |", "- RetinaFace: MIT", "- Ten people only",
        "| skin tone | V | 6 |", "| age group | not known | 6 |", "Such pairs found: 3.",
        "the owner states no licence", "| skin tone | V | 6 | 6 | 6 | 6 | 36 | 30 | 24 | 18 | 15 |",
        *PAPER_REMARKS,
    ):  # fmt: skip
        assert part in card, part


def test_names_nobody(tables: Tables, facts: CardFacts) -> None:
    release = _build(tables)
    page = dataset_card(release, facts, card_figures(release, facts.ekman, GROUPS))
    for text in (as_markdown(page), as_html(page)):
        for column in ("face_id", "video_id", "identity_id", "clip_id"):
            assert not any(value in text for value in release[column])


def test_real_and_mixed_answers(tables: Tables, facts: CardFacts) -> None:
    release = _build(tables).with_columns(is_simulated=pl.lit(False))
    assert "rest on answers of people" in as_markdown(dataset_card(release, facts))
    mixed = release.with_columns(is_simulated=pl.int_range(pl.len()) < 5)
    assert "5 of 24 labels rest on simulated" in as_markdown(dataset_card(mixed, facts))


def test_figures(tables: Tables, facts: CardFacts, group_losses: pl.DataFrame) -> None:
    release = _build(tables)
    pictures = card_figures(release, facts.ekman, GROUPS, group_losses)
    assert [picture.name for picture in pictures] == [
        "figure-6-ekman.png", "figure-7-beyond-ekman.png", "people.png", "losses-faces.png",
        "losses-videos.png",
    ]  # fmt: skip
    assert all(len(picture.png) <= MAX_PNG_BYTES for picture in pictures)
    used = release.filter(pl.col("split") != "excluded")
    n_kiss = used.filter(pl.col("label") == "kiss").height
    assert pictures[1].alt.endswith(f": kiss {n_kiss}")
    assert pictures == card_figures(release, facts.ekman, GROUPS, group_losses)
    page = dataset_card(release, facts, pictures)
    assert list(page.pictures) == [picture.name for picture in pictures]
    assert "](losses-faces-1.png)" in as_markdown(page, {"losses-faces.png": "losses-faces-1.png"})


def test_a_pool_has_no_losses(tables: Tables) -> None:
    card = as_markdown(dataset_card(_build(tables), CardFacts("All", "r-1")))
    assert "Who drops out where" not in card
    assert "Table 4" not in card


def test_an_empty_release(tables: Tables) -> None:
    empty = _build(tables).clear()
    page = dataset_card(empty, CardFacts("All", "r-1"), card_figures(empty, (), {}))
    assert "0 faces of 0 people" in as_markdown(page)


def test_duets_are_counted(tables: Tables) -> None:
    release = _build(tables)
    assert videos_in_several_splits(release) == 0
    moved = release.with_columns(
        split=pl.when(pl.col("face_id") == release["face_id"][0])
        .then(pl.lit("test"))
        .otherwise("split")
    )
    assert videos_in_several_splits(moved) == 1
