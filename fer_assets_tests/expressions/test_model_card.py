"""The model card: what it must say, also of old cards; nothing in it becomes markup."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from markdown_it import MarkdownIt

from fer_assets.expressions.model_card import model_card, training_counts
from fer_assets.storage.schemas.tiktokfer import BENCHMARK_SCORES
from fer_assets.training.cards import make_card
from fer_assets.training.networks import build_network
from fer_assets_tests.expressions.faces import NAMES, tiny_release
from fer_assets_tests.training.tiny import tiny_recipe

EVIL = "<script>alert(1)</script> | *b* [x](http://e) `c` # h\n\n## Forged"


def a_card(**more: Any) -> dict[str, Any]:
    recipe = tiny_recipe()
    network = build_network(recipe, 3, Path("none"))
    about = {
        "run": "split",
        "release_digest": "d" * 64,
        "n_train": 40,
        "n_train_people": 5,
        "n_held_out": 12,
        "n_held_out_people": 3,
        "left_out": {"no crowd label": 8, "excluded split": 0},
        "metrics": {"train_loss": 0.5, "held_out_macro_f1": 0.8125},
        "notes": ["CUDA out of memory: run in 2 parts."],
    }
    card = make_card(recipe, NAMES, network, **(about | more))
    return dict(json.loads(json.dumps({**card, "sha256": "e" * 64})))


def score(metric: str, **changes: Any) -> dict[str, Any]:
    return {
        "benchmark": "tiktok-validation",
        "protocol": "ekman-5",
        "metric": metric,
        "value": 0.75,
        "low": 0.5,
        "high": 0.875,
        "n_seeds": 3,
        "seed_sd": 0.0625,
        "n_images": 120,
        "n_people": 9,
        "paper_value": None,
        "status": "scored",
        "reason": None,
    } | changes


def scores() -> pl.DataFrame:
    few = "only 2 people; differences may be theirs"
    unscored = dict.fromkeys(("value", "low", "high", "seed_sd")) | {"n_seeds": 0, "n_images": 0}
    return BENCHMARK_SCORES.frame(
        [
            score("macro_f1"),
            score("ece", value=0.09375, low=None, high=None),
            score("f1/sad"),
            score("macro_f1/skin_tone=IV", value=0.3125, n_people=2, reason=few),
            score("macro_f1_gap/skin_tone", value=0.4375),
            score("macro_f1", benchmark="cafe", status="skipped", reason="no data", **unscored),
        ]
    )


def tables(page: str) -> list[list[str]]:
    """The cells of every table row, as Markdown's own parser reads them."""
    rows, row = [], None
    for token in MarkdownIt("commonmark").enable("table").parse(page):
        if token.type == "tr_open":
            row = []
        elif token.type == "tr_close" and row is not None:
            rows.append(row)
            row = None
        elif token.type == "inline" and row is not None:
            row.append("".join(child.content for child in token.children or []))
    return rows


def test_scores_stand_with_interval_seeds_counts_and_remarks() -> None:
    rows = tables(model_card(a_card(), scores()))
    by_metric = {(row[0], row[2]): row for row in rows if len(row) == 10}
    main = by_metric["tiktok-validation", "macro f1"]
    assert main[3:] == ["0.750", "0.500 to 0.875", "3", "0.062", "120", "9", ""]
    assert by_metric["tiktok-validation", "ece"][4] == "none"
    small = by_metric["tiktok-validation", "macro f1/skin tone=IV"]
    assert small[3] == "0.312"
    assert small[-1].startswith("only 2 people")
    assert ("tiktok-validation", "macro f1 gap/skin tone") in by_metric
    assert ["cafe", "ekman-5", "no data"] in rows
    assert ["held out macro f1", "0.812"] in rows


def test_it_says_what_it_is_and_is_not_for() -> None:
    page = model_card(a_card(), human_ceiling=0.7)
    for said in (
        "## Intended use",
        "## Not for",
        "an expression is not an emotion",
        "40 faces of 5 people",
        "8 for no crowd label",
        "12 faces of 3 people it never saw",
        "CUDA out of memory: run in 2 parts.",
        "Trained from random weights.",
        "It has seen 5 people",
        "macro F1 of 0.700",
    ):
        assert (said in page) == (said != "macro F1 of 0.700"), said
    assert "macro F1 of 0.700" in model_card(a_card(), scores(), human_ceiling=0.7)
    rows = dict(row for row in tables(page) if len(row) == 2)
    assert rows["Release"] == "d" * 64
    assert rows["Code"].startswith("fer_assets ")
    assert rows["Trained on"] == "cpu, threads: 1"


def test_the_final_run_says_that_nobody_is_left_to_score_it_on() -> None:
    assert "nobody is left" in model_card(a_card(run="final"), scores())
    assert "nobody is left" in model_card(a_card(run="final-seed-1"), scores())
    assert "nobody is left" not in model_card(a_card(run="split"), scores())


@pytest.mark.parametrize(
    ("run", "splits"),
    [
        ("split", {"train"}),
        ("split-seed-1", {"train"}),
        ("final", {"train", "val"}),
        ("fold-2-seed-1", {"train", "val", "test"}),
    ],
)
def test_counts_are_of_the_faces_the_run_may_have_learned_from(run: str, splits: set[str]) -> None:
    release = tiny_release()
    counts = training_counts(release, a_card(run=run), "identity_id")
    faces = [
        row
        for row in release.iter_rows(named=True)
        if row["split"] in splits and row["label"] in NAMES
    ]
    for attribute, column in (("expression", "label"), ("skin_tone", "skin_tone")):
        for group in {row[column] for row in faces}:
            mine = [row for row in faces if row[column] == group]
            found = counts.filter(
                (pl.col("attribute") == attribute) & (pl.col("group") == (group or "not known"))
            )
            assert found["faces"].item() == len(mine)
            assert found["people"].item() == len({row["identity_id"] for row in mine})
    assert counts.filter(pl.col("attribute") == "simulated")["faces"].item() == len(faces)
    page = model_card(a_card(run=run), counts=counts)
    assert f"{len(faces)} faces carry answers of a simulated crowd" in page
    assert not any(row["face_id"].split("/")[0] in page for row in faces)


def test_a_face_in_two_challenges_counts_once_and_excluded_ones_never() -> None:
    release = tiny_release()
    twice = pl.concat([release, release.with_columns(split=pl.lit("train"))])
    gone = tiny_release(split="excluded")
    expected = training_counts(release, a_card(run="fold-0"), "identity_id")
    assert training_counts(twice, a_card(run="fold-0"), "identity_id").equals(expected)
    none = training_counts(gone, a_card(run="fold-0"), "identity_id")
    assert none["faces"].sum() == 0


def test_a_card_of_the_first_release_gives_a_page() -> None:
    old = a_card()
    for name in ("seed", "made_with", "weights", "notes", "n_held_out", "left_out", "metrics"):
        old.pop(name, None)
    old["weights_licence"] = {"licence": "Apache-2.0", "restrictions": "Photos."}
    page = model_card(old)
    assert "Apache-2.0" in page
    assert "None" not in page


def test_nothing_becomes_markup() -> None:
    card = a_card(run=EVIL, notes=[EVIL], left_out={EVIL: 3})
    card["classes"] = [EVIL, "b", "c"]
    card["recipe"]["name"] = EVIL
    card["weights"]["licence"] = EVIL
    table = scores().with_columns(reason=pl.lit(EVIL), benchmark=pl.lit(EVIL))
    plain = a_card(run="final")
    plain["weights"]["licence"] = "MIT"
    honest = model_card(plain, scores())
    page = model_card({**card, "run": f"final-{EVIL}"}, table)
    tokens = MarkdownIt("commonmark").enable("table").parse(page)
    inline = [child for token in tokens for child in token.children or []]
    assert not [
        t for t in (*tokens, *inline) if "html" in t.type or t.type in ("link_open", "em_open")
    ]
    headings = [line for line in page.splitlines() if line.startswith("#")]
    assert len(headings) == len([line for line in honest.splitlines() if line.startswith("#")])
    assert [len(row) for row in tables(page)] == [len(row) for row in tables(honest)]
