"""Which heads a challenge gets, and what each follows from.

Belongs here: tasks, backbones and features that are there, the runs, their inputs' digests. Does
not belong here: training them (`heads.py`), finding stored ones (`stored_heads.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, cast

import polars as pl

from fer_assets.challenges.vocabulary import AFFECT_TASKS
from fer_assets.frame_affect.heads.head import Features
from fer_assets.frame_affect.heads.specs import Protocol, RunSpec
from fer_assets.lines.frame_affect.features import unit_key
from fer_assets.lines.frame_affect.names import ANNOTATED_FRAMES, FRAME_FEATURES
from fer_assets.lines.frame_affect.settings import AffectSettings, affect_settings
from fer_assets.lines.inputs import challenge, parts
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.digests import sha256_json
from fer_assets.storage.planning import Unit

HeadSet = Literal["train", "validation"]
Combination = tuple[str, str]

SETS: Final[Mapping[Protocol, tuple[HeadSet, ...]]] = {
    "held-out": ("train",),
    "paper": ("train", "validation"),
    "final": ("train", "validation"),
}
"""The sets that a protocol reads."""

_EMBEDDINGS: Final = (("embeddings", "hidden"), ("embeddings", "linear"))

PUBLISHED: Final[Mapping[str, tuple[Combination, ...]]] = {
    "EXPR": _EMBEDDINGS,
    "AU": _EMBEDDINGS,
    "VA": (("scores", "linear"), ("embeddings", "linear")),
    "MTL": (("both", "linear"), ("embeddings", "linear")),
}
"""Features and head whose outputs are published, the paper's best first."""


@dataclass(frozen=True)
class HeadPlan:
    """What there is of one challenge, read from the assets before.

    Attributes:
        workspace: where it is.
        partition: the challenge.
    """

    workspace: Workspace
    partition: str | None

    @cached_property
    def settings(self) -> AffectSettings:
        """The challenge's settings."""
        return affect_settings(challenge(self.workspace, self.partition))

    @cached_property
    def sets(self) -> dict[str, dict[str, HeadSet]]:
        """Task to the set of each of its videos that has a frame to learn from or to choose by."""
        rows = self.workspace.data.table(
            ANNOTATED_FRAMES,
            self.partition,
            "video_tasks",
            columns=["video_id", "task", "set", "status", "n_usable"],
        ).filter(
            (pl.col("status") == "used") & (pl.col("n_usable") > 0) & (pl.col("set") != "test")
        )
        found: dict[str, dict[str, HeadSet]] = {task: {} for task in AFFECT_TASKS}
        for video, task, own in rows.select("video_id", "task", "set").iter_rows():
            found[task][video] = own
        return found

    @cached_property
    def backbones(self) -> tuple[str, ...]:
        """Names that the challenge's backbones are kept under, the published one first."""
        from fer_assets.frame_affect.backbone.specs import backbone_key

        return tuple(dict.fromkeys(backbone_key(name) for name in self.settings.backbones))

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that were asked for, or those with annotations."""
        return self.settings.tasks or tuple(task for task in AFFECT_TASKS if self.sets[task])

    @cached_property
    def features(self) -> dict[str, str]:
        """Unit key to content digest of the features that are there."""
        return parts(self.workspace, self.partition, FRAME_FEATURES, "frame_features")

    @cached_property
    def annotations(self) -> dict[str, str]:
        """Video id to content digest of its annotations."""
        return parts(self.workspace, self.partition, ANNOTATED_FRAMES, "frame_annotations")

    @cached_property
    def with_scores(self) -> frozenset[str]:
        """The backbones that were taught expressions, as their first stored features say."""
        return frozenset(name for name in self.backbones if self._has_scores(name))

    def _has_scores(self, backbone: str) -> bool:
        keys = (key for key in self.features if key.partition("-")[2] == backbone)
        first = next(keys, None)
        if first is None:
            return False
        scores = self.workspace.data.table(
            FRAME_FEATURES, self.partition, columns=["scores"], units=[first]
        )["scores"]
        return bool(len(scores)) and scores.list.len()[0] > 0

    def combinations(self, backbone: str) -> list[Combination]:
        """Features and head of each head that can be trained on a backbone."""
        return [
            (features, head)
            for features in self.settings.features
            for head in self.settings.heads
            if features == "embeddings" or backbone in self.with_scores
        ]

    def published(self, task: str, protocol: Protocol = "held-out") -> RunSpec | None:
        """The run whose outputs are published: of the first backbone, the paper's best head.

        Where the challenge leaves that one out, the first one that there is; None if none is.
        """
        backbone = self.backbones[0]
        there = self.combinations(backbone)
        wanted = [*PUBLISHED[task], *there]
        chosen = next((one for one in wanted if one in there), None)
        return self._spec(task, backbone, chosen, protocol) if chosen else None

    def runs(self) -> list[RunSpec]:
        """All runs: every head held-out and by the paper's protocol, the published ones finally."""
        found = []
        for task in self.tasks:
            for backbone in self.backbones:
                for combination in self.combinations(backbone):
                    first = self._spec(task, backbone, combination, "held-out")
                    found += [first, first.by("paper")]
                    if first == self.published(task):
                        found.append(first.by("final"))
        return found

    def _spec(
        self, task: str, backbone: str, combination: Combination, protocol: Protocol
    ) -> RunSpec:
        features = cast("Features", combination[0])
        head = cast('Literal["linear", "hidden"]', combination[1])
        return RunSpec(task, backbone, features, head, protocol, self.settings.seed)

    def unit(self, spec: RunSpec) -> Unit:
        """A run as a unit of work: it follows from the videos of the sets that it reads."""
        videos = sorted(self.videos(spec.task, spec.backbone, SETS[spec.protocol]).items())
        features = [
            [video, own, self.features[unit_key(video, spec.backbone)]] for video, own in videos
        ]
        annotations = [[video, self.annotations.get(video, "none")] for video, _ in videos]
        return Unit(
            spec.name,
            {"features": sha256_json(features), "annotations": sha256_json(annotations)},
        )

    def videos(self, task: str, backbone: str, sets: Collection[HeadSet]) -> dict[str, HeadSet]:
        """Video id to set of the task's videos in some sets that have features."""
        return {
            video: own
            for video, own in self.sets[task].items()
            if own in sets and unit_key(video, backbone) in self.features
        }
