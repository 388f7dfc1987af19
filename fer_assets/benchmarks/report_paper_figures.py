"""What Surabhi et al. (2022) print: Tables 1 to 4, and where the paper contradicts itself.

Belongs here: the paper's figures and remarks on them, as data. Does not belong here: this run's
figures, and their comparison (`report_tables.py`).

Figures are text, as printed. Full reference: S. Surabhi et al., "TikTok for good: Creating a
diverse emotion expression database", CVPR Workshops 2022.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fer_assets.benchmarks.protocols import ALL_CLASSES, EKMAN_5, TIKTOK

PAPER: Final = (
    "S. Surabhi et al., “TikTok for good: Creating a diverse emotion expression database”, "
    "CVPR Workshops 2022"
)


@dataclass(frozen=True)
class DetectionRow:
    """One row of Table 1.

    Attributes:
        figure: name of the same figure in a run's ``validation_counts``.
        label: the paper's name for it.
        best_emoji: printed for Best Emoji Face.
        face: printed for Face Challenge.
        total: printed for both.
    """

    figure: str
    label: str
    best_emoji: str
    face: str
    total: str


@dataclass(frozen=True)
class IdentityRow:
    """One row of Table 2."""

    label: str
    n_faces: str
    n_people: str
    ari: str


@dataclass(frozen=True)
class ScoreRow:
    """One row of Table 3, and the benchmark and protocol of a run that it stands beside."""

    benchmark: str
    protocol: str
    label: str
    macro_f1: str
    accuracy: str


@dataclass(frozen=True)
class CountRow:
    """One row of Table 4."""

    label: str
    videos: str
    frames: str
    distinct_faces: str
    people: str


@dataclass(frozen=True)
class Remark:
    """Something to know when reading a table or figure.

    Attributes:
        where: the table or figure, e.g. ``"Table 4"``.
        text: one or two sentences.
        is_contradiction: the paper contradicts itself here.
    """

    where: str
    text: str
    is_contradiction: bool = True


TABLE_1: Final = (
    DetectionRow("frames", "frames used", "100", "100", "200"),
    DetectionRow("faces in the frames", "faces in the frames", "110", "113", "223"),
    DetectionRow("faces correctly identified", "faces correctly identified", "110", "113", "223"),
    DetectionRow("faces missed", "faces missed", "0", "0", "0"),
    DetectionRow("faces incorrectly identified", "faces incorrectly identified", "3", "1", "4"),
)

TABLE_2: Final = (
    IdentityRow("Face Challenge", "100", "50", "0.89"),
    IdentityRow("Best Emoji Face", "100", "50", "0.91"),
    IdentityRow("Both", "200", "100", "0.9"),
)

TABLE_3: Final = (
    ScoreRow(TIKTOK, ALL_CLASSES.name, "TikTok validation, 15 expressions", "0.47", "0.52"),
    ScoreRow(TIKTOK, EKMAN_5.name, "TikTok validation, 5 Ekman", "0.78", "0.79"),
    ScoreRow("aff-wild2", EKMAN_5.name, "Aff-Wild2 validation, 5 Ekman", "0.20", "0.29"),
    ScoreRow("ck-plus", EKMAN_5.name, "CK+, 5 Ekman", "0.65", "0.73"),
    ScoreRow("cafe", EKMAN_5.name, "CAFE, 5 Ekman", "0.50", "0.499"),
)

TABLE_4: Final = (
    CountRow("Face Challenge", "3,981", "74,922", "37,181", "3,571"),
    CountRow("Best Emoji Face", "2,447", "139,578", "54,567", "5,875"),
    CountRow("Total", "6,482", "214,500", "92,389", "9,392"),
)

REMARKS: Final = (
    Remark(
        "Figure 4",
        "The text finds a prompt's start at “index minus half the signal duration”. That holds "
        "only for a correlation centred on the template; with the printed formula the index is "
        "already the start, and this run takes it so.",
    ),
    Remark(
        "Figure 4",
        "A raw inner product grows with loudness, so the printed test against Σ h² fails on real "
        "audio. This run normalises the correlation.",
        is_contradiction=False,
    ),
    Remark(
        "Table 2",
        "The text validates on 100 faces of 50 people over both challenges; Table 2 has 100 faces "
        "and 50 people for each challenge, 200 and 100 in all.",
    ),
    Remark(
        "Table 3",
        "The caption says 5 Ekman emotions; the first row is over all 15 expressions.",
    ),
    Remark(
        "Table 4",
        "The text gives 2,447 videos to Face Challenge and 3,981 to Best Emoji Face; Table 4 has "
        "them the other way round.",
    ),
    Remark(
        "Table 4",
        "The rows sum to 6,428 videos, which the abstract and section 4.1 print; the table's total "
        "and section 2 print 6,482.",
    ),
    Remark(
        "Table 4",
        "The rows sum to 91,748 distinct faces; the total is printed as 92,389.",
    ),
    Remark(
        "Table 4",
        "The rows sum to 9,446 individuals; the printed 9,392 is no contradiction if 54 people "
        "took part in both challenges.",
        is_contradiction=False,
    ),
)
"""Every remark that a report makes beside the table or figure it is about."""

NOT_SAID: Final = (
    "number of epochs",
    "batch size",
    "restart period of the learning rate",
    "label smoothing factor",
    "input size",
    "how the data were split",
)
"""What the paper leaves open about training; a run's choices stand in its settings."""


def remarks_on(where: str) -> tuple[Remark, ...]:
    """The remarks about one table or figure, in order."""
    return tuple(remark for remark in REMARKS if remark.where == where)
