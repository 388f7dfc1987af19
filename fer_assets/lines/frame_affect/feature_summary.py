"""What a person should see of `frame_features`.

Belongs here: figures, tables and findings about stored features. Does not belong here: making them
(`features.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.lines.frame_affect.feature_speeds import Speed, read_speeds
from fer_assets.lines.frame_affect.names import ANNOTATED_FRAMES, FRAME_FEATURES
from fer_assets.lines.frame_affect.settings import affect_settings
from fer_assets.lines.frame_affect.stored_backbones import stored_backbone
from fer_assets.lines.inputs import challenge
from fer_assets.lines.step import Check, Summary
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.ledger import BuildReport
from fer_assets.storage.manifests import Manifest

_LOOKED_AT: Final = 20_000
_VIDEOS_LOOKED_AT: Final = 16


@dataclass(frozen=True)
class _Look:
    """What some of a backbone's features are like.

    Attributes:
        n_values: length of an embedding; 0 if none is stored.
        norm: mean length of the vectors.
        deviation: mean over the values of their standard deviation over frames.
        n_silent: values that are the same in every frame.
        expressions: class to number of frames in which it is the most probable one.
    """

    n_values: int = 0
    norm: float = 0.0
    deviation: float = 0.0
    n_silent: int = 0
    expressions: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Seen:
    """What came of one backbone."""

    name: str
    classes: tuple[str, ...]
    n_frames: int
    n_unreadable: int
    look: _Look
    speed: Speed | None

    @property
    def is_constant(self) -> bool:
        """Whether it says the same of every frame."""
        return 0 < self.look.n_values == self.look.n_silent

    def row(self) -> dict[str, object]:
        """Its row of the table."""
        return {
            "backbone": self.name,
            "frames": self.n_frames,
            "unreadable crops": self.n_unreadable,
            "embedding": self.look.n_values,
            "expressions": len(self.classes),
            "mean length": self.look.norm,
            "mean deviation": self.look.deviation,
            "values that never change": self.look.n_silent,
            "ran on": self.speed.runtime if self.speed else "",
            "frames/s": self.speed.frames_per_s if self.speed else None,
        }

    def expressions(self) -> Iterator[dict[str, object]]:
        """How often each of its expressions is the most probable one."""
        total = sum(self.look.expressions.values())
        for number, name in enumerate(self.classes if total else ()):
            share = self.look.expressions.get(number, 0) / total
            yield {"backbone": self.name, "expression": name, "share": round(share, 4)}


def features_summary(workspace: Workspace, partition: str | None, report: BuildReport) -> Summary:
    """Frames, speed, what could not be read, and what the features of each backbone are like."""
    seen = _seen(workspace, partition, report)
    speeds = {each.name: each.speed for each in seen if each.speed}
    expressions = [row for each in seen for row in each.expressions()]
    return Summary(
        figures={
            "frames": sum(each.n_frames for each in seen),
            "unreadable crops": sum(each.n_unreadable for each in seen),
            "backbones": ", ".join(each.name for each in seen),
            **{f"frames/s, {name}": speed.frames_per_s for name, speed in speeds.items()},
            **({"device": next(iter(speeds.values())).device} if speeds else {}),
        },
        tables={
            "features": pl.DataFrame(
                [each.row() for each in seen], schema_overrides={"frames/s": pl.Float64}
            ),
            **({"expressions seen": pl.DataFrame(expressions)} if expressions else {}),
        },
        checks=_checks(seen),
    )


def _seen(workspace: Workspace, partition: str | None, report: BuildReport) -> list[_Seen]:
    frames = workspace.data.manifest(ANNOTATED_FRAMES, partition)
    speeds = read_speeds(workspace, partition) if report.processed else {}
    found = []
    for asked in affect_settings(challenge(workspace, partition)).backbones:
        stored = stored_backbone(workspace, asked)
        classes = tuple(str(each) for each in stored.card["classes"])
        counts = _counts(frames, report.manifest, stored.name)
        look = _look(workspace, partition, report.manifest, stored.name)
        found.append(_Seen(stored.name, classes, *counts, look, speeds.get(stored.name)))
    return found


def _checks(seen: Sequence[_Seen]) -> list[Check]:
    n_missing = sum(each.n_unreadable for each in seen)
    constant = [each.name for each in seen if each.is_constant]
    return [
        Check(
            "all_frames_have_features",
            not n_missing,
            f"{n_missing} crops can't be decoded and have no features"
            if n_missing
            else "every crop was seen by every backbone",
        ),
        Check(
            "features_differ",
            not constant,
            f"the same for every frame: {', '.join(constant)}"
            if constant
            else "features differ between frames",
        ),
    ]


def _counts(frames: Manifest, features: Manifest, backbone: str) -> tuple[int, int]:
    """Frames with features of a backbone, and frames without."""
    n_features = n_without = 0
    for key, unit in features.units.items():
        video_id, _, name = key.partition("-")
        if name != backbone:
            continue
        n_found = unit.tables["frame_features"].rows or 0
        asked = frames.units.get(video_id)
        n_asked = (asked.tables["annotated_frames"].rows or 0) if asked else n_found
        n_features += n_found
        n_without += max(0, n_asked - n_found)
    return n_features, n_without


def _look(workspace: Workspace, partition: str | None, manifest: Manifest, backbone: str) -> _Look:
    """Features of some videos, evenly spread, at most some 20,000 frames."""
    embeddings, scores = [], []
    for rows in _some_videos(workspace, partition, manifest, backbone):
        embeddings.append(_matrix(rows["embedding"]))
        scores.append(_matrix(rows["scores"]))
    if not embeddings:
        return _Look()
    seen, probs = np.concatenate(embeddings), np.concatenate(scores)
    deviation = seen.std(0, dtype=np.float64)
    best = probs.argmax(1) if probs.shape[1] else np.empty(0, np.int64)
    values, counts = np.unique(best, return_counts=True)
    return _Look(
        seen.shape[1],
        round(float(np.linalg.norm(seen, axis=1).mean()), 4),
        round(float(deviation.mean()), 6) if len(deviation) else 0.0,
        int((deviation == 0).sum()) if len(seen) > 1 else 0,
        dict(zip(values.tolist(), counts.tolist(), strict=True)),
    )


def _matrix(lists: pl.Series) -> NDArray[np.float32]:
    """n lists of one length as (n, d)."""
    length = int(lists.list.len()[0])
    if not length:
        return np.empty((len(lists), 0), np.float32)
    found: NDArray[np.float32] = lists.list.to_array(length).to_numpy()
    return found


def _some_videos(
    workspace: Workspace, partition: str | None, manifest: Manifest, backbone: str
) -> Iterator[pl.DataFrame]:
    keys = [
        key
        for key, unit in manifest.units.items()
        if key.partition("-")[2] == backbone and unit.tables["frame_features"].rows
    ]
    spread = keys[:: max(1, len(keys) // _VIDEOS_LOOKED_AT)][:_VIDEOS_LOOKED_AT]
    n_seen = 0
    for key in spread:
        rows = workspace.data.table(
            FRAME_FEATURES, partition, columns=["embedding", "scores"], units=[key]
        ).head(_LOOKED_AT - n_seen)
        n_seen += rows.height
        if rows.height:
            yield rows
