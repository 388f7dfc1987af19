"""The page that goes with a release.

Belongs here: the dataset card as Markdown and the name of a version. Does not belong here:
pictures, and anything that names a person or a video.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from fer_assets.release.counts import Counts
from fer_assets.release.splits import SPLITS


@dataclass(frozen=True)
class CardFacts:
    """What the card can't read off the release.

    Attributes:
        title: display name of the challenge or pool.
        version: from `release_version`.
        counts: from `dataset_counts`.
        losses: from `counts.losses`.
        methods: what was done, one sentence each, e.g. detector, embedder, thresholds.
        licences: thing (weights, audio, videos) to its licence or terms.
        limits: limits of this release beyond those every release has.
    """

    title: str
    version: str
    counts: Counts
    losses: pl.DataFrame
    methods: Sequence[str] = ()
    licences: Mapping[str, str] | None = None
    limits: Sequence[str] = ()


_LIMITS = (
    "People act an expression when prompted: a label says what a face shows, not what is felt.",
    "Skin tone, age group and gender are what others saw, not what people say of themselves.",
    "Faces of one person are alike; count people, not images, when judging a difference.",
    "People are told apart by a network: some may be split in two or taken for one.",
    "A label is missing where no convincing majority agreed; those faces are harder than the rest.",
)


def release_version(digest: str) -> str:
    """The name of a release: ``r-`` and the first 12 characters of the table's digest.

    Args:
        digest: hex digest of the release's content, at least 12 digits.
    """
    if len(digest) < 12:
        raise ValueError(f"digest {digest!r} is too short to name a release")
    return f"r-{digest[:12]}"


def dataset_card(release: pl.DataFrame, facts: CardFacts) -> str:
    """The card as Markdown, with counts only: no face, video, person or worker is named.

    Args:
        release: DATASET_RELEASE or POOLED_RELEASE.
    """
    parts = [
        f"# {facts.title}",
        f"Version {facts.version}. {release.height:,} labelled faces cut from videos of people "
        "answering the prompts of an expression challenge.",
        "## Labels",
        _label_source(release),
        "## Counts",
        _counts_table(facts.counts),
        "## What is left after each step",
        _table(facts.losses),
        "## Splits",
        "A person is in one split only.",
        _table(_by_split(release)),
        "## Labels per split",
        _table(_labels_by_split(release)),
        "## Estimated demographics, in people",
        _table(_demographics(release)),
        "## How it was made",
        _bullets(facts.methods),
        "## Known limits",
        _bullets([*_LIMITS, *facts.limits]),
        "## Licences and terms",
        _bullets([f"{thing}: {terms}" for thing, terms in sorted((facts.licences or {}).items())]),
    ]
    return "\n\n".join(parts) + "\n"


def _label_source(release: pl.DataFrame) -> str:
    n_simulated = int(release["is_simulated"].sum())
    if n_simulated == 0:
        return "The labels rest on answers of people."
    which = "All" if n_simulated == release.height else f"{n_simulated:,} of {release.height:,}"
    return f"**{which} labels rest on simulated answers: they say nothing about real workers.**"


def _counts_table(counts: Counts) -> str:
    return _table(
        pl.DataFrame(
            {
                "videos": [counts.videos],
                "frames": [counts.frames],
                "distinct faces": [counts.distinct_faces],
                "distinct individuals": [counts.distinct_individuals],
            }
        )
    )


def _person_column(release: pl.DataFrame) -> str:
    return "person_id" if "person_id" in release.columns else "identity_id"


def _by_split(release: pl.DataFrame) -> pl.DataFrame:
    found = release.group_by("split").agg(
        people=pl.col(_person_column(release)).n_unique(),
        videos=pl.col("video_id").n_unique(),
        faces=pl.len(),
        labelled=pl.col("label").count(),
    )
    order = pl.DataFrame({"split": [*SPLITS, "excluded"]})
    return order.join(found, on="split", how="left", maintain_order="left").fill_null(0)


def _labels_by_split(release: pl.DataFrame) -> pl.DataFrame:
    named = release.with_columns(pl.col("label").fill_null("no label"))
    counted = (
        named.group_by("label")
        .agg((pl.col("split") == split).sum().alias(split) for split in SPLITS)
        .sort(pl.col("label") == "no label", "label")
    )
    return counted.cast(dict.fromkeys(SPLITS, pl.Int64))


def _demographics(release: pl.DataFrame) -> pl.DataFrame:
    people = release.unique(_person_column(release), keep="first", maintain_order=True)
    tables = [
        people.group_by(pl.col(question).fill_null("not known").alias("answer"))
        .agg(people=pl.len())
        .sort("answer")
        .select(pl.lit(question.replace("_", " ")).alias("question"), "answer", "people")
        for question in ("skin_tone", "age_group", "gender")
    ]
    return pl.concat(tables)


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines) if lines else "Not stated."


def _table(frame: pl.DataFrame) -> str:
    """A Markdown table; numbers with thousands separators, null as an empty cell."""
    rows = [frame.columns, ["---"] * frame.width]
    rows += [[_cell(value) for value in row] for row in frame.iter_rows()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value).replace("|", "\\|")
