"""The dataset card: what is in a release, how it was made, who is in it, and what it is not for.

Belongs here: the page's content, counts only. Does not belong here: its rendering (`page.py`), its
figures (`card_figures.py`), and anything that names a face, a video, a person or a worker.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from fer_assets.release.content import person_column
from fer_assets.release.counts import PAPER_COUNTS, PAPER_REMARKS, Counts
from fer_assets.release.group_losses import ATTRIBUTES, NOT_KNOWN
from fer_assets.release.page import (
    Block,
    Bullets,
    Heading,
    Page,
    Paragraph,
    Picture,
    Table,
)
from fer_assets.release.responsible_ai import (
    ANNOTATION,
    COLLECTION,
    KNOWN_LIMITS,
    MISUSES,
    USES,
)
from fer_assets.release.splits import SPLITS


@dataclass(frozen=True)
class CardFacts:
    """What the card can't read off the release.

    Attributes:
        title: display name of the challenge or pool.
        version: from `release_version`.
        digest: SHA-256 of the content.
        counts: from `dataset_counts`; None where they are not counted.
        losses: from `counts.losses`; None where there are none.
        group_losses: LOSSES_BY_GROUP; None where there are none.
        agreement: AGREEMENT by question; None where there is none.
        ekman: expressions that count as Ekman's.
        groups: attribute to its groups in the order they are shown in.
        methods: what was done, one sentence each, e.g. detector, embedder, thresholds.
        licence: licence of the dataset, "" where its owner states none.
        licences: thing (weights, audio, videos) to its licence or terms.
        limits: limits of this release beyond those every release has.
        n_near_pairs: near duplicates across splits that were found.
    """

    title: str
    version: str
    digest: str = ""
    counts: Counts | None = None
    losses: pl.DataFrame | None = None
    group_losses: pl.DataFrame | None = None
    agreement: pl.DataFrame | None = None
    ekman: Sequence[str] = ()
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    methods: Sequence[str] = ()
    licence: str = ""
    licences: Mapping[str, str] | None = None
    limits: Sequence[str] = ()
    n_near_pairs: int = 0


def dataset_card(release: pl.DataFrame, facts: CardFacts, pictures: Sequence[Picture] = ()) -> Page:
    """The card: no face, video, person or worker is named.

    Args:
        release: DATASET_RELEASE or POOLED_RELEASE; pictures of faces are not looked at.
        facts: everything else.
        pictures: from `card_figures`, by their names.
    """
    shown = {picture.name: picture for picture in pictures}

    def figure(*names: str) -> list[Block]:
        return [shown[name] for name in names if name in shown]

    blocks: list[Block] = [
        *_what(release, facts),
        Heading("Labels"),
        _label_source(release),
        *figure("figure-6-ekman.png", "figure-7-beyond-ekman.png"),
        Table(_labels_by_split(release), "Labelled faces by expression and split"),
        Heading("Who is in it"),
        Paragraph(
            "Groups are what the crowd saw in a person, over all pictures of that person. Count "
            "people when judging differences between groups: faces of one person are alike."
        ),
        *figure("people.png"),
        Table(_demographics(release, facts.groups), "People and faces by group"),
        *(Table(_by_label(release, name, facts.groups), _slice_title(name)) for name in ATTRIBUTES),
        *_losses(facts, figure("losses-faces.png", "losses-videos.png")),
        *_splits(release, facts),
        *_beside_the_paper(facts),
        *_how(facts),
        Heading("Known limits"),
        Bullets([*KNOWN_LIMITS, *facts.limits]),
        Heading("What it is for, and what not"),
        Bullets([*USES, *(f"Not for: {text}" for text in MISUSES)]),
        Heading("Licences and terms"),
        Paragraph(
            f"Dataset: {facts.licence or 'the owner states no licence; ask before any use.'}"
        ),
        Bullets([f"{thing}: {terms}" for thing, terms in sorted((facts.licences or {}).items())]),
    ]
    return Page(f"{facts.title}: dataset card", blocks)


def _what(release: pl.DataFrame, facts: CardFacts) -> Iterator[Block]:
    people = release[person_column(release)].n_unique()
    videos = release["video_id"].n_unique()
    yield Paragraph(
        f"Version {facts.version}: {release.height:,} faces of {people:,} people, cut from "
        f"{videos:,} videos of people answering the prompts of an expression challenge; "
        f"{release['label'].count():,} of them have a label."
    )
    yield Paragraph(
        "Each face comes with its picture, the prompt that was played, the crowd's label and soft "
        "label, the agreement behind it, the estimated skin tone, age group and gender of the "
        "person, the person's id in this dataset, and the split."
    )
    if facts.digest:
        yield Paragraph(f"SHA-256 of the content: {facts.digest}.")


def _label_source(release: pl.DataFrame) -> Paragraph:
    n_simulated = int(release["is_simulated"].sum())
    if n_simulated == 0:
        return Paragraph("The labels rest on answers of people.")
    which = "All" if n_simulated == release.height else f"{n_simulated:,} of {release.height:,}"
    return Paragraph(
        f"{which} labels rest on simulated answers: they say nothing about real workers.",
        is_warning=True,
    )


def _labels_by_split(release: pl.DataFrame) -> pl.DataFrame:
    named = release.with_columns(pl.col("label").fill_null("no label"))
    counted = (
        named.group_by("label")
        .agg(
            *((pl.col("split") == split).sum().alias(split) for split in SPLITS),
            (pl.col("split") != "excluded").sum().alias("all"),
        )
        .sort(pl.col("label") == "no label", "label")
    )
    return counted.cast(dict.fromkeys([*SPLITS, "all"], pl.Int64))


def _demographics(release: pl.DataFrame, groups: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    """people, faces, labelled faces and faces by split of each group."""
    tables = []
    for attribute in ATTRIBUTES:
        found = (
            release.group_by(pl.col(attribute).fill_null(NOT_KNOWN).alias("group"))
            .agg(
                people=pl.col(person_column(release)).n_unique().cast(pl.Int64),
                faces=pl.len().cast(pl.Int64),
                labelled=pl.col("label").count().cast(pl.Int64),
                **{
                    split: (pl.col("split") == split).sum().cast(pl.Int64)
                    for split in (*SPLITS, "excluded")
                },
            )
            .select(pl.lit(_words(attribute)).alias("attribute"), pl.all())
        )
        tables.append(ordered(found, groups.get(attribute, ())))
    return pl.concat(tables)


def _by_label(
    release: pl.DataFrame, attribute: str, groups: Mapping[str, Sequence[str]]
) -> pl.DataFrame:
    """Labelled faces: a row for each expression, a column for each group."""
    used = release.filter(pl.col("split") != "excluded")
    labelled = used.drop_nulls("label").with_columns(pl.col(attribute).fill_null(NOT_KNOWN))
    present = labelled.select(pl.col(attribute).alias("group")).unique()
    order = ordered(present, groups.get(attribute, ()))["group"].to_list()
    return (
        labelled.group_by(pl.col("label").alias("expression"))
        .agg((pl.col(attribute) == group).sum().cast(pl.Int64).alias(group) for group in order)
        .sort("expression")
    )


def ordered(found: pl.DataFrame, groups: Sequence[str]) -> pl.DataFrame:
    """Rows with a column ``group`` in the given order; others follow, what is not known last."""
    known = {name: number for number, name in enumerate(groups)}
    rank = pl.col("group").replace_strict(known, default=len(known), return_dtype=pl.Int64)
    return found.sort(pl.col("group") == NOT_KNOWN, rank, "group")


def _losses(facts: CardFacts, figures: Sequence[Block]) -> Iterator[Block]:
    if facts.losses is None:
        return
    yield Heading("What is left after each step")
    yield Table(facts.losses)
    yield Heading("Who drops out where")
    yield Paragraph(
        "Skin tone, age group and gender are known of a person, and only once the crowd has "
        "labelled the person's faces; here they are looked up backwards. A video in which nobody "
        "was identified, or nobody who was labelled, is “not known” at every step: what is lost "
        "before people are told apart can't be put down to a group. A video of two people counts "
        "in the groups of both."
    )
    yield from figures
    if facts.group_losses is not None:
        wide = _wide(facts.group_losses, facts.groups)
        yield Table(wide, "Faces left (videos, where faces were not looked for yet)")


def _wide(losses: pl.DataFrame, groups: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    """A row for each group, a column for each step."""
    steps = losses.select("step_number", "step").unique().sort("step_number")["step"].to_list()
    tables = [
        ordered(
            losses.filter(pl.col("attribute") == attribute)
            .with_columns(left=pl.coalesce("faces", "videos"))
            .pivot("step", index="group", values="left")
            .select(pl.lit(_words(attribute)).alias("attribute"), "group", *steps),
            groups.get(attribute, ()),
        )
        for attribute in ATTRIBUTES
    ]
    return pl.concat(tables)


def _splits(release: pl.DataFrame, facts: CardFacts) -> Iterator[Block]:
    yield Heading("Splits")
    yield Paragraph(
        "A person is in one split only, and stays there in later versions. Faces of different "
        "splits that look like one picture would leak; one side of such pairs is in the split "
        f"“excluded”, as are people whom two identities merged into. Such pairs found: "
        f"{facts.n_near_pairs:,}. Videos that show people of two splits, as duets do: "
        f"{videos_in_several_splits(release):,}."
    )
    found = release.group_by("split").agg(
        people=pl.col(person_column(release)).n_unique(),
        videos=pl.col("video_id").n_unique(),
        faces=pl.len(),
        labelled=pl.col("label").count(),
    )
    order = pl.DataFrame({"split": [*SPLITS, "excluded"]})
    yield Table(order.join(found, on="split", how="left", maintain_order="left").fill_null(0))


def videos_in_several_splits(release: pl.DataFrame) -> int:
    """Number of videos with people of more than one of train, val and test."""
    used = release.filter(pl.col("split") != "excluded")
    per_video = used.group_by("video_id").agg(n=pl.col("split").n_unique())
    return per_video.filter(pl.col("n") > 1).height


def _beside_the_paper(facts: CardFacts) -> Iterator[Block]:
    if facts.counts is None:
        return
    ours, columns = facts.counts, ("videos", "frames", "distinct faces", "distinct individuals")
    rows = [
        ("this release", ours.videos, ours.frames, ours.distinct_faces, ours.distinct_individuals),
        *((f"paper, {name.replace('-', ' ')}", *printed) for name, printed in PAPER_COUNTS.items()),
    ]
    yield Heading("Beside the paper's Table 4")
    schema = {"": pl.String, **dict.fromkeys(columns, pl.Int64)}
    yield Table(pl.DataFrame(rows, schema=schema, orient="row"))
    yield Bullets(PAPER_REMARKS)


def _how(facts: CardFacts) -> Iterator[Block]:
    yield Heading("How it was made")
    yield Paragraph(COLLECTION)
    yield Paragraph(ANNOTATION)
    yield Bullets(facts.methods)
    if facts.agreement is not None and facts.agreement.height:
        yield Table(facts.agreement, "Agreement of the crowd by question")


def _slice_title(attribute: str) -> str:
    return f"Labelled faces by expression and {_words(attribute)}"


def _words(attribute: str) -> str:
    return attribute.replace("_", " ")
