"""What Savchenko (CVPRW 2022) prints: Tables 1 to 6, and where the paper contradicts itself.

Belongs here: the paper's figures and remarks on them, as data; which figure stands beside which of
a run's. Does not belong here: this run's figures (`scorer.py`), their page (`ablation_tables.py`).

Figures are text, as printed. All are of Aff-Wild2's validation set, whose annotated frames without
a crop are left out; epochs and tuned thresholds were chosen on that set, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fer_assets.challenges.vocabulary import AFFECT_EXPRESSIONS

PAPER: Final = (
    "A. V. Savchenko, “Video-based frame-level facial analysis of affective behavior on mobile "
    "devices using EfficientNets”, CVPR Workshops 2022"
)

NETWORKS: Final[Mapping[str, tuple[str, ...]]] = {
    "MobileNet": ("mobilenetv1_100", "mobilenetv1_100h"),
    "EfficientNet-B0": ("efficientnet_b0", "tf_efficientnet_b0"),
    "EfficientNet-B2": ("efficientnet_b2", "tf_efficientnet_b2"),
}
"""The paper's name of a network to timm's; another one, a lite version too, is not the paper's."""


@dataclass(frozen=True)
class PaperFigure:
    """One printed figure of the paper's own models, and the setting of a run it stands beside.

    Attributes:
        table: e.g. ``"Table 3"``.
        network: a key of `NETWORKS`.
        task: EXPR, VA, AU or MTL.
        features: embeddings, scores or both.
        head: linear or hidden.
        smoothing: as `smoothing.smoothing_name` gives it.
        thresholds: fixed, tuned, or none where there are no action units.
        metric: as in AFFECT_SCORES.
        printed: the figure.
    """

    table: str
    network: str
    task: str
    features: str
    head: str
    smoothing: str
    thresholds: str
    metric: str
    printed: str

    @property
    def value(self) -> float:
        """The figure as a number."""
        return float(self.printed)


@dataclass(frozen=True)
class Remark:
    """Something to know when reading a table.

    Attributes:
        table: e.g. ``"Table 6"``.
        text: one or two sentences.
        is_contradiction: the paper contradicts itself here.
    """

    table: str
    text: str
    is_contradiction: bool = True


_ONE, _TWO = ("embeddings", "linear"), ("embeddings", "hidden")
_THREE, _FOUR = ("scores", "linear"), ("scores", "hidden")
_BOTH, _BOTH_HIDDEN = ("both", "linear"), ("both", "hidden")
_B0 = "EfficientNet-B0"

_TABLE_1: Final = (  # P_EXPR, accuracy
    ("MobileNet", _ONE, "0.285", "0.398"),
    ("MobileNet", _TWO, "0.338", "0.460"),
    ("MobileNet", _THREE, "0.236", "0.435"),
    ("MobileNet", _FOUR, "0.286", "0.433"),
    ("EfficientNet-B0", _ONE, "0.307", "0.428"),
    ("EfficientNet-B0", _TWO, "0.381", "0.500"),
    ("EfficientNet-B2", _ONE, "0.305", "0.412"),
    ("EfficientNet-B2", _TWO, "0.317", "0.435"),
)

_TABLE_2: Final = ("0.609", "0.151", "0.516", "0.016", "0.477", "0.461", "0.303", "0.512")
"""F1 in the order of `AFFECT_EXPRESSIONS`."""

_TABLE_3: Final = (  # P_AU at 0.5, P_AU tuned
    ("MobileNet", _ONE, "0.473", "0.524"),
    ("MobileNet", _TWO, "0.477", "0.529"),
    ("MobileNet", _THREE, "0.432", "0.442"),
    ("MobileNet", _FOUR, "0.452", "0.487"),
    ("EfficientNet-B0", _ONE, "0.491", "0.518"),
    ("EfficientNet-B0", _TWO, "0.508", "0.537"),
    ("EfficientNet-B2", _ONE, "0.468", "0.503"),
    ("EfficientNet-B2", _TWO, "0.482", "0.512"),
)

_TABLE_4: Final = (  # CCC_V, CCC_A, P_VA
    ("MobileNet", _ONE, "0.303", "0.449", "0.376"),
    ("MobileNet", _THREE, "0.404", "0.423", "0.413"),
    ("EfficientNet-B0", _ONE, "0.309", "0.436", "0.372"),
    ("EfficientNet-B0", _THREE, "0.429", "0.496", "0.463"),
    ("EfficientNet-B2", _ONE, "0.377", "0.474", "0.426"),
    ("EfficientNet-B2", _THREE, "0.408", "0.477", "0.443"),
)

_TABLE_5: Final = (  # validation: P_EXPR, P_AU, CCC_V, CCC_A; then the same on the test set
    ("none", "0.3807", "0.5367", "0.4297", "0.4980", "0.2926", "0.4660", "0.4014", "0.4278"),
    ("mean-5", "0.3914", "0.5447", "0.4375", "0.5132", "0.2973", "0.4718", "0.4083", "0.4389"),
    ("median-5", "0.3888", "0.5430", "0.4354", "0.5072", "0.2964", "0.4705", "0.4061", "0.4349"),
    ("mean-15", "0.4018", "0.5445", "0.4485", "0.5353", "0.3025", "0.4713", "0.4174", "0.4538"),
    ("median-15", "0.3996", "0.5478", "0.4459", "0.5272", "0.3007", "0.4731", "0.4135", "0.4488"),
)

_TABLE_6: Final = (  # thresholds, then P_MTL, P_EXPR, P_VA, P_AU
    ("MobileNet", _BOTH, "fixed", "1.112", "0.358", "0.282", "0.471"),
    ("MobileNet", _BOTH_HIDDEN, "fixed", "1.037", "0.321", "0.252", "0.464"),
    ("EfficientNet-B0", _BOTH, "fixed", "1.123", "0.386", "0.283", "0.455"),
    ("EfficientNet-B0", _BOTH_HIDDEN, "fixed", "1.121", "0.381", "0.272", "0.469"),
    ("EfficientNet-B2", _BOTH, "fixed", "1.147", "0.384", "0.302", "0.461"),
    ("EfficientNet-B2", _BOTH_HIDDEN, "fixed", "1.135", "0.378", "0.298", "0.458"),
    ("EfficientNet-B2", _BOTH, "tuned", "1.150", "0.384", "0.302", "0.490"),
)

_SMOOTHED: Final = (  # Table 5's columns: the best run of each task
    ("EXPR", *_TWO, "none", "P_EXPR"),
    ("AU", *_TWO, "tuned", "P_AU"),
    ("VA", *_THREE, "none", "CCC_V"),
    ("VA", *_THREE, "none", "CCC_A"),
)


def _of_table(
    table: str, rows: tuple[Any, ...], task: str, columns: tuple[tuple[str, str], ...]
) -> list[PaperFigure]:
    """`columns` are metric and thresholds of the figures after network and features."""
    return [
        PaperFigure(table, network, task, features, head, "none", thresholds, metric, printed)
        for network, (features, head), *figures in rows
        for (metric, thresholds), printed in zip(columns, figures, strict=True)
    ]


def _all_figures() -> tuple[PaperFigure, ...]:
    figures = _of_table("Table 1", _TABLE_1, "EXPR", (("P_EXPR", "none"), ("accuracy", "none")))
    figures += [
        PaperFigure("Table 2", _B0, "EXPR", *_TWO, "none", "none", f"F1/{name}", printed)
        for name, printed in zip(AFFECT_EXPRESSIONS, _TABLE_2, strict=True)
    ]
    figures += _of_table("Table 3", _TABLE_3, "AU", (("P_AU", "fixed"), ("P_AU", "tuned")))
    of_affect = (("CCC_V", "none"), ("CCC_A", "none"), ("P_VA", "none"))
    figures += _of_table("Table 4", _TABLE_4, "VA", of_affect)
    figures += [
        PaperFigure("Table 5", _B0, task, features, head, smoothing, thresholds, metric, printed)
        for smoothing, *printed_ones in _TABLE_5
        for (task, features, head, thresholds, metric), printed in zip(
            _SMOOTHED, printed_ones, strict=False
        )
    ]
    for network, settings, thresholds, *printed_ones in _TABLE_6:
        rules = {"P_MTL": thresholds, "P_EXPR": "none", "P_VA": "none", "P_AU": thresholds}
        figures += [
            PaperFigure("Table 6", network, "MTL", *settings, "none", rule, metric, printed)
            for (metric, rule), printed in zip(rules.items(), printed_ones, strict=True)
            if thresholds == "fixed" or rule != "none"  # the last row repeats them
        ]
    return tuple(figures)


FIGURES: Final = _all_figures()
"""Every printed validation figure of the paper's models."""

TEST_FIGURES: Final[Mapping[str, tuple[str, ...]]] = {row[0]: row[5:] for row in _TABLE_5}
"""Smoothing to P_EXPR, P_AU, CCC_V, CCC_A on the test set (Table 5); its annotations are kept by
the organisers."""

TEST_BASELINE: Final = ("0.205", "0.365", "0.18", "0.17")
"""The baseline's row of the same."""

BASELINES: Final[Mapping[str, Mapping[str, str]]] = {
    "Table 1": {"P_EXPR": "0.23"},
    "Table 3": {"P_AU tuned": "0.39"},
    "Table 4": {"CCC_V": "0.31", "CCC_A": "0.17", "P_VA": "0.24"},
    "Table 5": {"P_EXPR": "0.23", "P_AU": "0.39", "CCC_V": "0.31", "CCC_A": "0.17"},
    "Table 6": {"P_MTL": "0.30"},
}
"""The competition's baseline as the paper prints it."""

REMARKS: Final = (
    Remark(
        "Table 1",
        "The layout leaves open which network the two rows on scores belong to; they are read as "
        "MobileNet's, as in Table 3.",
        is_contradiction=False,
    ),
    Remark(
        "Table 3",
        "“10 values {0.1, 0.2, …, 0.9}” are nine; the thresholds were tuned on the set that is "
        "scored, here the paper's protocol.",
    ),
    Remark(
        "Table 4",
        "CCC_A of EfficientNet-B0 on scores is 0.496 here and 0.4980 in Table 5 (frame-level).",
    ),
    Remark(
        "Table 5",
        "The printed window of k frames leaves out the frame itself and so holds k - 1; ours is "
        "centred and holds it. Table 5 calls no smoothing k = 0, section 2 k = 1.",
    ),
    Remark(
        "Table 5",
        "Whether thresholds were tuned anew after smoothing is not said; ours are.",
        is_contradiction=False,
    ),
    Remark(
        "Table 6",
        "The last row's P_EXPR, P_VA and P_AU (0.384, 0.302, 0.490) sum to 1.176; its P_MTL is "
        "printed as 1.150.",
    ),
    Remark(
        "Table 6",
        "On the test set the text gives P_MTL 0.809 to EfficientNet-B0, 0.8083 to B2 and 0.28 to "
        "the baseline.",
        is_contradiction=False,
    ),
)


def network_of(architecture: str) -> str | None:
    """The paper's name of a timm architecture, tags aside; None if the paper has it not."""
    plain = architecture.removeprefix("timm/").split(".")[0]
    return next((name for name, ours in NETWORKS.items() if plain in ours), None)


def paper_figure(architecture: str, row: Mapping[str, Any]) -> PaperFigure | None:
    """The printed figure that a row of AFFECT_SCORES stands beside; the first table that has one.

    Held-out rows have it too: the same model, honestly scored. Thresholds chosen on other frames
    stand beside tuned ones.

    Args:
        architecture: timm's name of the row's backbone.
        row: task, features, head, smoothing, thresholds, frames and metric.
    """
    network = network_of(architecture)
    if network is None or row["frames"] != "crops":
        return None
    thresholds = "tuned" if row["thresholds"] == "chosen" else row["thresholds"]
    wanted = (network, *(row[name] for name in ("task", "features", "head", "smoothing")))
    return _BY_SETTING.get((*wanted, thresholds, row["metric"]))


_BY_SETTING: Final = {
    (f.network, f.task, f.features, f.head, f.smoothing, f.thresholds, f.metric): f
    for f in reversed(FIGURES)
}
"""Reversed, so that of a setting in two tables the first one's figure stays."""
