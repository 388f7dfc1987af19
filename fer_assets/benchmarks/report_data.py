"""What a reproduction report is made from.

Belongs here: the frozen input of `reproduction_report`. Does not belong here: reading tables.
All of it is aggregate: no face, no video, no uploader, no identity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from fer_assets.challenges.vocabulary import EKMAN
from fer_assets.errors import FerError
from fer_assets.metrics.reliability import ReliabilityBin
from fer_assets.storage.schemas.tiktokfer import (
    BENCHMARK_SCORES,
    CONFUSIONS,
    HUMAN_CEILING,
    VALIDATION_COUNTS,
)


class ReportError(FerError):
    """A report can't be written from what was handed over."""


@dataclass(frozen=True)
class ChallengeResult:
    """One challenge's counts and validations; None where a stage has not run.

    Attributes:
        name: display name of the challenge.
        n_videos: accepted videos.
        n_frames: frames sampled from prompt clips.
        n_distinct_faces: faces without exact copies.
        n_people: identities.
        detection: ``validation_counts`` of the detector.
        identity: ``validation_counts`` of identity resolution.
    """

    name: str
    n_videos: int | None = None
    n_frames: int | None = None
    n_distinct_faces: int | None = None
    n_people: int | None = None
    detection: pl.DataFrame = field(default_factory=VALIDATION_COUNTS.empty)
    identity: pl.DataFrame = field(default_factory=VALIDATION_COUNTS.empty)


@dataclass(frozen=True)
class WeightUse:
    """A file of weights that the run used: its registry name, its task and its licence."""

    name: str
    licence: str
    task: str = ""
    restrictions: str = ""


@dataclass(frozen=True)
class PublicResult:
    """What came of a public benchmark or folder of pictures.

    Attributes:
        name: name in the tables.
        n_scored: pictures scored; 0 where it was skipped.
        left_out: what was left out or skipped, and why.
        notes: what else to know of it.
    """

    name: str
    n_scored: int
    left_out: str = ""
    notes: str = ""


@dataclass(frozen=True)
class ReportData:
    """Everything a report shows.

    Attributes:
        challenges: one entry per challenge, in the order of the tables.
        scores: ``benchmark_scores`` of the run, skipped rows included.
        confusions: ``confusions`` of the run.
        reliability: bins of the reliability diagram of held-out people, by protocol.
        checkpoint: what was scored, as text by name: run, recipe, data, licence.
        public: public benchmarks, scored or not.
        human_ceiling: ``human_ceiling`` of the crowd; empty where nothing could be compared.
        label_counts: labelled faces by expression.
        ekman: the expressions that count as Ekman's; the others go beyond them.
        total_people: people over all challenges, each counted once; None where not resolved.
        are_labels_simulated: crowd answers came from a stated simulation.
        weights: weights used.
        settings: settings by name, as text.
        versions: versions of the software by name.
        notes: further remarks, one sentence each.
        correlation_png: the picture of a found prompt (Figure 4), if wanted.
    """

    challenges: tuple[ChallengeResult, ...]
    scores: pl.DataFrame = field(default_factory=BENCHMARK_SCORES.empty)
    confusions: pl.DataFrame = field(default_factory=CONFUSIONS.empty)
    reliability: Mapping[str, tuple[ReliabilityBin, ...]] = field(default_factory=dict)
    checkpoint: Mapping[str, str] = field(default_factory=dict)
    public: tuple[PublicResult, ...] = ()
    human_ceiling: pl.DataFrame = field(default_factory=HUMAN_CEILING.empty)
    label_counts: Mapping[str, int] = field(default_factory=dict)
    ekman: tuple[str, ...] = EKMAN
    total_people: int | None = None
    are_labels_simulated: bool = False
    weights: tuple[WeightUse, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    correlation_png: bytes | None = None

    def __post_init__(self) -> None:
        BENCHMARK_SCORES.conform(self.scores)
        CONFUSIONS.conform(self.confusions)
        HUMAN_CEILING.conform(self.human_ceiling)
        for challenge in self.challenges:
            VALIDATION_COUNTS.conform(challenge.detection)
            VALIDATION_COUNTS.conform(challenge.identity)
