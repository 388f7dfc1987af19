"""The thresholds of the three steps: defaults per embedder, and the choice on a labelled subset.

Belongs here: cross-validation over people. Does not belong here: one trial
(`threshold_trials.py`), picking from a curve (`plateau.py`), truth files (`validation.py`).

The paper chooses its threshold by cross-validation on a labelled subset and leaves open how; here:

- The labelled people are dealt into folds, several times over. Each candidate threshold is tried
  on each fold's people and scored with the adjusted Rand index.
- All thresholds within one standard error of the best mean (or a hundredth) form the plateau. Its
  middle is taken, not its best point: what is not labelled yet will not be exactly like what is.
- Few labelled people show few look-alikes. From the largest similarity of each pair of labelled
  people the largest among all people is extrapolated (Gumbel), and the plateau's lower end is
  raised to it where it lies inside.
- The unlabelled videos have a say too: within the middle half of the plateau, step 2 takes the
  threshold where the similarities of all tracks are sparsest, for there fewest pairs are in doubt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.compute.progress import track
from fer_assets.identities.plateau import Doubts, expected_largest, middle_of_plateau
from fer_assets.identities.resolution import FaceSet, face_set, find_tracks
from fer_assets.identities.settings import ResolutionSettings, Thresholds
from fer_assets.identities.threshold_trials import (
    TracksFound,
    pair_maxima,
    score_joining,
    score_tracking,
    track_cosines,
    track_table,
)
from fer_assets.weights.registry import find_weight
from fer_assets.weights.weight import WeightError


@dataclass(frozen=True)
class ChoiceSettings:
    """How thresholds are chosen.

    Attributes:
        low: smallest candidate.
        high: largest candidate.
        step: distance of the candidates.
        n_folds: folds of people, fewer where a fold would hold under two people.
        n_rounds: how often people are dealt into folds.
        min_people: with fewer labelled people the defaults stay.
        seed: how people are dealt.
        resolution: how each trial clusters.
    """

    low: float = 0.2
    high: float = 0.94
    step: float = 0.02
    n_folds: int = 5
    n_rounds: int = 3
    min_people: int = 4
    seed: int = 0
    resolution: ResolutionSettings = field(default_factory=ResolutionSettings)

    def candidates(self) -> NDArray[np.float64]:
        """The thresholds tried, ascending."""
        return np.round(np.arange(self.low, self.high + self.step / 2, self.step), 4)


@dataclass(frozen=True)
class ThresholdChoice:
    """Chosen thresholds and why.

    Attributes:
        thresholds: to use.
        curve: step, threshold, fold, ari: one row per trial; empty if nothing was tried.
        reason: one sentence per step; names no face and no person.
    """

    thresholds: Thresholds
    curve: pl.DataFrame
    reason: str


CURVE_DTYPES = {
    "step": pl.String(),
    "threshold": pl.Float64(),
    "fold": pl.Int32(),
    "ari": pl.Float64(),
}


def default_thresholds(embedder: str) -> Thresholds:
    """The registry's thresholds of an embedder.

    Raises:
        WeightError: the registry has none; the challenge must set them.
    """
    defaults = find_weight(embedder).thresholds
    if defaults is None:
        raise WeightError(
            f"weights {embedder}",
            expected="thresholds for identities",
            found="none in the registry",
            remedy="Set all three in the challenge's challenge.toml.",
        )
    return Thresholds(defaults.within_video, defaults.across_videos, defaults.duplicate)


def choose_thresholds(
    embeddings: pl.DataFrame,
    truth: pl.DataFrame,
    default: Thresholds,
    settings: ChoiceSettings,
) -> ThresholdChoice:
    """Choose `within_video` and `across_videos` on the faces whose person is known.

    `duplicate` keeps its default: who somebody is does not say which faces are copies.

    Args:
        embeddings: FACE_EMBEDDINGS, labelled or not.
        truth: face_id, person.
        default: what holds where the truth is too small.
        settings: candidates and folds.
    """
    known = embeddings.join(truth.select("face_id", "person"), on="face_id", how="inner")
    n_people = known.get_column("person").n_unique()
    if n_people < settings.min_people:
        reason = f"{n_people} labelled people, fewer than {settings.min_people}: the defaults stay."
        return ThresholdChoice(default, pl.DataFrame(schema=CURVE_DTYPES), reason)
    faces = face_set(known.drop("person"))
    person_of = dict(zip(known["face_id"], known["person"], strict=True))
    names = np.array([person_of[face] for face in faces.face_ids], dtype=str)
    _, people = np.unique(names, return_inverse=True)
    people = people.reshape(-1).astype(np.int64)
    videos_known = known.get_column("video_id").n_unique()
    n_everybody = n_people * embeddings.get_column("video_id").n_unique() / videos_known
    chooser = _Chooser(faces, people, n_everybody, settings)
    within, within_curve, within_reason = chooser.within_video(default.within_video)
    doubts = Doubts(track_cosines(face_set(embeddings), within, settings.resolution))
    across, across_curve, across_reason = chooser.across_videos(
        within, default.across_videos, doubts
    )
    chosen = replace(default, within_video=within, across_videos=across)
    return ThresholdChoice(
        chosen, pl.concat([within_curve, across_curve]), f"{within_reason} {across_reason}"
    )


class _Chooser:
    """The two cross-validations over one labelled set."""

    def __init__(
        self,
        faces: FaceSet,
        people: NDArray[np.int64],
        n_everybody: float,
        settings: ChoiceSettings,
    ) -> None:
        self._faces = faces
        self._people = people
        self._n_everybody = n_everybody
        self._settings = settings
        self._folds = _deal(int(people.max()) + 1, settings)

    def within_video(self, default: float) -> tuple[float, pl.DataFrame, str]:
        """Step 1, on each labelled person's videos and on two people's faces in one."""
        pairs = np.stack([self._people, self._faces.videos], axis=1)
        _, sizes = np.unique(pairs, axis=0, return_counts=True)
        n_several = int((sizes > 1).sum())
        if n_several < self._settings.min_people:
            return self._keep("within_video", default, f"{n_several} videos show a person twice")

        known: TracksFound = {}

        def score(threshold: float, fold: NDArray[np.int64]) -> float:
            return score_tracking(
                self._faces, self._people, fold, threshold, self._settings.resolution, known
            )

        # Strangers in one video mostly meet in a frame, which keeps them apart at any threshold:
        # no margin for unseen look-alikes is needed here.
        return self._choose("within_video", score, default, None, None)

    def across_videos(
        self, within: float, default: float, doubts: Doubts
    ) -> tuple[float, pl.DataFrame, str]:
        """Step 2, on the tracks that step 1 gives at its chosen threshold."""
        tracks = find_tracks(self._faces, within, self._settings.resolution)
        table = track_table(self._faces, tracks, self._people)
        pairs = np.unique(np.stack([self._people, self._faces.videos], axis=1), axis=0)
        n_returning = int((np.bincount(pairs[:, 0]) > 1).sum())
        if n_returning < 2:
            known = f"{n_returning} labelled people are in two videos"
            return self._keep("across_videos", default, known)

        def score(threshold: float, fold: NDArray[np.int64]) -> float:
            return score_joining(table, fold, threshold, self._settings.resolution)

        floor = expected_largest(pair_maxima(table), self._n_everybody)
        return self._choose("across_videos", score, default, floor, doubts)

    def _choose(
        self,
        step: str,
        score: Callable[[float, NDArray[np.int64]], float],
        default: float,
        floor: float | None,
        doubts: Doubts | None,
    ) -> tuple[float, pl.DataFrame, str]:
        candidates = self._settings.candidates()
        aris = np.array(
            [
                [score(float(threshold), fold) for fold in self._folds]
                for threshold in track(candidates, len(candidates), f"trying {step} thresholds")
            ]
        )
        chosen, said = middle_of_plateau(candidates, aris, floor, doubts)
        held_out = [
            np.interp(
                middle_of_plateau(candidates, np.delete(aris, fold, axis=1), floor, doubts)[0],
                candidates,
                aris[:, fold],
            )
            for fold in range(len(self._folds) if len(self._folds) > 1 else 0)
        ]
        reason = f"{step}: {said}; {chosen:.2f} (default {default:.2f})"
        if held_out:
            reason += (
                f"; chosen so on the other folds, the adjusted Rand index on a fold of people is "
                f"{np.mean(held_out):.3f} on average over {len(held_out)}"
            )
        return chosen, _curve(step, candidates, aris), f"{reason}."

    def _keep(self, step: str, default: float, known: str) -> tuple[float, pl.DataFrame, str]:
        reason = f"{step}: {known}, too few: {default:.2f} by default."
        return default, pl.DataFrame(schema=CURVE_DTYPES), reason


def _deal(n_people: int, settings: ChoiceSettings) -> list[NDArray[np.int64]]:
    """Folds of people, each with at least two, dealt `n_rounds` times."""
    rng = np.random.default_rng(settings.seed)
    n_folds = max(1, min(settings.n_folds, n_people // 2))
    return [
        np.sort(fold)
        for _ in range(settings.n_rounds)
        for fold in np.array_split(rng.permutation(n_people), n_folds)
    ]


def _curve(step: str, candidates: NDArray[np.float64], aris: NDArray[np.float64]) -> pl.DataFrame:
    rows = [
        (step, float(threshold), fold, float(ari))
        for threshold, row in zip(candidates, aris, strict=True)
        for fold, ari in enumerate(row)
    ]
    return pl.DataFrame(rows, schema=CURVE_DTYPES, orient="row")
