"""The model card: what a checkpoint is, what it is for and not for, and how well it does on whom.

Belongs here: the page's content, after Mitchell et al., Model Cards for Model Reporting (FAT*
2019), in their order of sections. Does not belong here: the figures themselves (`benchmarks/`), the
JSON beside the tensors (`training/cards.py`). Counts only: no face, video, person or worker is
named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import polars as pl

from fer_assets.expressions.markdown import bullets, plain, table

ATTRIBUTES: Final = ("skin_tone", "age_group", "gender")
NOT_KNOWN: Final = "not known"
FEW_PEOPLE: Final = 30
"""With fewer people in training, the card warns of it."""

_MAIN: Final = ("macro_f1", "accuracy", "balanced_accuracy")
_CALIBRATION: Final = ("ece", "classwise_ece", "brier", "nll")
_TARGETS: Final = {
    "prompt": "the expression that the prompt asked for",
    "crowd": "the expression that a convincing majority of workers saw",
    "crowd_soft": "the distribution of expressions that the workers saw",
}
_USES: Final = (
    "Naming the expression that a face shows, among the classes above, in pictures like those it "
    "was trained on: one aligned face, facing the camera, acting on request.",
    "Research on such classifiers, with scores by person and by group.",
)
_MISUSES: Final = (
    "Telling what somebody feels, means or is: an expression is not an emotion.",
    "Decisions about people, e.g. on work, credit, school, health, borders or the law.",
    "Watching people who do not know of it or did not agree.",
    "Recognising or finding people.",
    "Faces or expressions unlike those of training, without scoring it on such faces first.",
)
_LIMITS: Final = (
    "Expressions were acted for a prompt; spontaneous ones look different.",
    "It always names one of its classes, also where the face shows none of them.",
    "Skin tone, age group and gender are what others saw, not what people say of themselves.",
    "A probability is only as good as its calibration below, and only on faces like these.",
)

Score = Mapping[str, Any]


def training_counts(release: pl.DataFrame, card: Mapping[str, Any], group: str) -> pl.DataFrame:
    """Who is behind a checkpoint: faces and people by expression, skin tone, age and gender.

    Args:
        release: DATASET_RELEASE or POOLED_RELEASE that the card's digest names, pictures left out.
        card: the checkpoint's card; its target, classes and run say which faces count. A run of a
            fold counts all faces that its folds share.
        group: column that names the person: identity_id or person_id.

    Returns:
        attribute, group, faces, people, in the order of the card; and a row whose attribute is
        "simulated" with the faces whose answers are.
    """
    column = "prompt" if card["recipe"]["target"] == "prompt" else "label"
    splits = {"final": ("train", "val"), "split": ("train",)}
    run = str(card.get("run", "")).split("-")[0]
    faces = release.filter(
        pl.col("split").is_in(splits.get(run, ("train", "val", "test")))
        & pl.col(column).is_in(list(card["classes"]))
    ).unique("face_id", keep="first")
    of_attribute = {column: "expression", **{name: name for name in ATTRIBUTES}}
    parts = [
        faces.group_by(pl.col(name).fill_null(NOT_KNOWN).alias("group"))
        .agg(pl.len().alias("faces"), pl.col(group).n_unique().alias("people"))
        .sort("group")
        .select(pl.lit(attribute).alias("attribute"), "group", "faces", "people")
        for name, attribute in of_attribute.items()
    ]
    simulated = faces.filter("is_simulated")
    row = {
        "attribute": ["simulated"],
        "group": ["answers of a simulated crowd"],
        "faces": [simulated.height],
        "people": [simulated[group].n_unique()],
    }
    parts.append(pl.DataFrame(row, schema=parts[0].schema))
    return pl.concat(parts)


def model_card(
    card: Mapping[str, Any],
    scores: pl.DataFrame | None = None,
    counts: pl.DataFrame | None = None,
    human_ceiling: float | None = None,
) -> str:
    """The card as Markdown.

    Args:
        card: the checkpoint's card; older ones say less, and the page says that it is not known.
        scores: BENCHMARK_SCORES of the checkpoint's asset; None where there are none yet.
        counts: from `training_counts`; None where the release is gone or another.
        human_ceiling: macro F1 of one worker against the others; None where not known.
    """
    recipe = card["recipe"]
    sections = {
        "Model": _about(card),
        "Intended use": [bullets(_USES)],
        "Not for": [bullets(_MISUSES)],
        "Training data": _data(card, counts),
        "Evaluation": _evaluation(card, scores, human_ceiling),
        "By group of people": _groups(scores),
        "Limits": [bullets([*_LIMITS, *_own_limits(card, counts)])],
        "Notes of the run": [bullets(card.get("notes", ()))],
    }
    title = f"# Expression classifier {plain(recipe['name'])}"
    if card.get("run"):
        title += f", run {plain(card['run'])}"
    parts = [title]
    for heading, blocks in sections.items():
        if filled := [block for block in blocks if block]:
            parts += [f"## {heading}", *filled]
    return "\n\n".join(parts) + "\n"


def _about(card: Mapping[str, Any]) -> Iterator[str]:
    recipe, made = card["recipe"], card.get("made_with", {})
    weights = card.get("weights") or card.get("weights_licence") or {}
    yield (
        f"A {plain(recipe['backbone'])} with a new last layer, trained on "
        f"{plain(_TARGETS.get(recipe['target'], recipe['target']))}. It tells apart: "
        f"{', '.join(plain(name) for name in card['classes'])}."
    )
    rows = {
        "Input": f"an aligned face, {recipe['image_px']} x {recipe['image_px']} px, RGB; of the "
        f"crop's side the middle {recipe.get('view', 1.0):g}",
        "Output": "one probability per class"
        + (", averaged over the picture and its mirror image" if recipe["flip_average"] else ""),
        "Started from": weights.get("weights", recipe["weights"]),
        "Source of those weights": weights.get("source"),
        "SHA-256 of those weights": weights.get("sha256"),
        "Licence of those weights": weights.get("licence") or None,
        "Commercial use of those weights": _allowed(weights.get("is_commercial_ok")),
        "Restrictions": weights.get("restrictions"),
        "Optimiser": f"{recipe['optimiser']}, at most {recipe['learning_rate']:g}, "
        f"{recipe['schedule']}, batches of {recipe['batch_size']}",
        "Steps": card.get("n_steps"),
        "Epoch kept": card.get("best_epoch"),
        "Seed": recipe["seed"],
        "Code": _code(card, made),
        "Trained on": f"{made['device']}, threads: {made['threads']}" if made else None,
        "Time of training, s": card.get("training_s"),
        "Release": card.get("release_digest"),
        "SHA-256 of this checkpoint": card.get("sha256"),
    }
    yield table(("what", "is"), [row for row in rows.items() if row[1] not in (None, "")])
    if "training_s" not in card:
        yield "Energy and carbon: not measured."


def _code(card: Mapping[str, Any], made: Mapping[str, Any]) -> str:
    names = ("fer_assets", "torch", "timm")
    versions = [f"{name} {made[name]}" for name in names if made.get(name)]
    return ", ".join([*versions, f"stage version {card.get('code_version', 'not known')}"])


def _allowed(is_ok: bool | None) -> str:
    if is_ok is None:
        return NOT_KNOWN
    return "allowed by the licence" if is_ok else "forbidden by the licence"


def _data(card: Mapping[str, Any], counts: pl.DataFrame | None) -> Iterator[str]:
    faces, people = card.get("n_train"), card.get("n_train_people")
    if faces is not None:
        yield f"{faces:,} faces of {people:,} people of the release named above."
    left_out = {reason: n for reason, n in card.get("left_out", {}).items() if n}
    if left_out:
        said = ", ".join(f"{n:,} for {plain(reason)}" for reason, n in left_out.items())
        yield f"Faces of the release that were not used: {said}."
    if counts is None:
        yield "Who is in it is not shown: that release is not stored here any more."
        return
    named = counts.filter(pl.col("attribute") != "simulated")
    yield "Faces and people by what the crowd saw" + (
        "; each fold leaves its held-out people out of these:"
        if str(card.get("run", "")).startswith("fold")
        else ":"
    )
    yield table(
        ("attribute", "group", "faces", "people"),
        [(_words(row[0]), *row[1:]) for row in named.iter_rows()],
    )


def _evaluation(
    card: Mapping[str, Any], scores: pl.DataFrame | None, ceiling: float | None
) -> Iterator[str]:
    if held_out := card.get("metrics"):
        n = card.get("n_held_out")
        on = f" ({n:,} faces of {card['n_held_out_people']:,} people it never saw)" if n else ""
        yield f"This run alone{on}:"
        yield table(("metric", "value"), [(_words(k), v) for k, v in held_out.items()])
    if scores is None or scores.is_empty():
        yield "Scores with intervals are in `benchmark_scores`, where it has been scored."
        return
    if str(card.get("run", "")).startswith("final"):
        yield (
            "People of the release were scored by the runs of the cross-validation, each on people "
            "it never saw. This run learned from all of them, so nobody is left to score it on."
        )
    scored = scores.filter(pl.col("status") == "scored")
    yield "Intervals are 95 %, by bootstrap over people."
    yield _score_table(_of(scored, [*_MAIN, *_CALIBRATION]))
    yield _score_table(scored.filter(pl.col("metric").str.starts_with("f1/")))
    if ceiling is not None:
        yield f"One worker held against the others reaches a macro F1 of {ceiling:.3f} on them."
    skipped = scores.filter(pl.col("status") != "scored").unique(
        ["benchmark", "protocol"], keep="first", maintain_order=True
    )
    if skipped.height:
        yield "Not scored:"
        yield table(
            ("benchmark", "protocol", "why"),
            skipped.select("benchmark", "protocol", "reason").iter_rows(),
        )


def _groups(scores: pl.DataFrame | None) -> Iterator[str]:
    if scores is None:
        return
    scored = scores.filter(pl.col("status") == "scored")
    slices = scored.filter(pl.col("metric").str.contains("=", literal=True))
    gaps = scored.filter(pl.col("metric").str.contains("_gap"))
    if slices.height:
        yield "A slice of few people says more about them than about their group."
        yield _score_table(slices)
    if gaps.height:
        yield "Best minus worst slice:"
        yield _score_table(gaps)


def _of(scored: pl.DataFrame, metrics: list[str]) -> pl.DataFrame:
    """Rows of these metrics, by benchmark and protocol, in the order of the list."""
    place = {name: number for number, name in enumerate(metrics)}
    found = scored.filter(pl.col("metric").is_in(metrics))
    order = pl.col("metric").replace_strict(place, return_dtype=pl.Int32).alias("place")
    return found.with_columns(order).sort("benchmark", "protocol", "place", maintain_order=True)


def _score_table(rows: pl.DataFrame) -> str:
    has_seeds = "n_seeds" in rows.columns and rows["n_seeds"].fill_null(0).gt(1).any()
    columns = ["benchmark", "protocol", "metric", "value", "95 % interval"]
    columns += ["seeds", "sd over seeds"] if has_seeds else []
    return table(
        (*columns, "images", "people", "remark"),
        [_score_row(row, has_seeds=has_seeds) for row in rows.iter_rows(named=True)],
    )


def _score_row(row: Score, *, has_seeds: bool) -> list[object]:
    has_interval = row["low"] is not None and row["high"] is not None
    interval = f"{row['low']:.3f} to {row['high']:.3f}" if has_interval else "none"
    head = [row["benchmark"], row["protocol"], _words(row["metric"]), row["value"], interval]
    seeds = [row["n_seeds"], row["seed_sd"]] if has_seeds else []
    return [*head, *seeds, row["n_images"], row["n_people"] or None, row["reason"]]


def _own_limits(card: Mapping[str, Any], counts: pl.DataFrame | None) -> Iterator[str]:
    people = card.get("n_train_people")
    if people is not None and people < FEW_PEOPLE:
        yield f"It has seen {people} people; how it does on others varies much between them."
    if counts is None:
        return
    simulated = counts.filter(pl.col("attribute") == "simulated")["faces"].sum()
    if simulated:
        yield f"{simulated:,} faces carry answers of a simulated crowd, not of people."
    for attribute in ATTRIBUTES:
        known = counts.filter((pl.col("attribute") == attribute) & (pl.col("group") != NOT_KNOWN))
        if known.height == 1:
            yield f"All people in training whose {_words(attribute)} is known have the same."


def _words(name: str) -> str:
    """A column's or metric's name as a person reads it."""
    return name.replace("_", " ")
