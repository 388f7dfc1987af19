"""The faces of a release that can be learned from, with what they should be taken for.

Belongs here: choosing rows and targets, and saying what was left out. Does not belong here: who is
held out (`folds.py`) and decoding (`training/samples.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.errors import FerError
from fer_assets.training.recipes import Recipe
from fer_assets.training.samples import Samples, make_samples

_TARGET_COLUMN: Final = {"prompt": "prompt", "crowd": "label", "crowd_soft": "label"}


class TrainingDataError(FerError):
    """A release that can't be trained on as the recipe asks."""


@dataclass(frozen=True)
class LabelledFaces:
    """Faces with targets, sorted by face.

    Attributes:
        classes: what there is to tell apart, sorted by name.
        frame: face_id, group, target (class name), split, image (encoded bytes), soft_label.
        targets: (n,) int64 class of each face.
        left_out: why rows of the release are not here, with counts.
    """

    classes: tuple[str, ...]
    frame: pl.DataFrame
    targets: NDArray[np.int64]
    left_out: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def groups(self) -> NDArray[Any]:
        """(n,) the person of each face, as strings."""
        return self.frame["group"].to_numpy().astype(str)

    def rows_of(self, splits: Sequence[str]) -> NDArray[np.int64]:
        """Rows whose face is in one of `splits`."""
        return self.frame["split"].is_in(list(splits)).arg_true().to_numpy().astype(np.int64)

    def samples(self, recipe: Recipe) -> Samples:
        """All faces, decoded at the recipe's size, with its kind of target."""
        soft = self._soft_targets() if recipe.target == "crowd_soft" else None
        return make_samples(
            self.frame["image"].to_list(),
            self.targets,
            len(self.classes),
            recipe.image_px,
            view=recipe.view,
            soft_targets=soft,
        )

    def _soft_targets(self) -> NDArray[np.float32]:
        """The crowd's distribution over the classes, renormalised; the label where it has none."""
        soft = np.zeros((len(self), len(self.classes)), dtype=np.float32)
        number = {name: column for column, name in enumerate(self.classes)}
        for row, distribution in enumerate(self.frame["soft_label"]):
            for entry in distribution:
                if entry["expression"] in number:
                    soft[row, number[entry["expression"]]] = entry["prob"]
        empty = soft.sum(1) <= 0
        soft[empty, self.targets[empty]] = 1
        normalised: NDArray[np.float32] = soft / soft.sum(1, keepdims=True)
        return normalised


def labelled_faces(release: pl.DataFrame, recipe: Recipe, group: str) -> LabelledFaces:
    """Choose the faces of a release that the recipe's target is known of.

    Rows of the split "excluded", rows without the target (for crowd and crowd_soft: without a
    convincing majority), rows of classes that the recipe leaves out, and, in a pooled release,
    further copies of a face that is in several challenges, are left out and counted.

    Args:
        release: DATASET_RELEASE or POOLED_RELEASE.
        recipe: its `target` and `classes` are used.
        group: column that names the person: identity_id or person_id.

    Raises:
        TrainingDataError: no row is left, all are of one class, or a class asked for has none.
    """
    if group not in release.columns:
        raise TrainingDataError("release", expected=f"a column {group}", found="none")
    column = _TARGET_COLUMN[recipe.target]
    reasons = [
        ("excluded split", pl.col("split") == "excluded"),
        (f"no {'prompt' if column == 'prompt' else 'crowd label'}", pl.col(column).is_null()),
    ]
    if recipe.classes is not None:
        is_other = ~pl.col(column).is_in(list(recipe.classes))
        reasons.append(("class not in the recipe", is_other))
    kept, left_out = release, {}
    for reason, condition in reasons:
        remaining = kept.filter(~condition)
        left_out[reason] = len(kept) - len(remaining)
        kept = remaining
    distinct = kept.unique("face_id", keep="first", maintain_order=True)
    left_out["same face in another challenge"] = len(kept) - len(distinct)
    frame = distinct.select(
        "face_id",
        "split",
        "soft_label",
        pl.col(group).alias("group"),
        pl.col(column).alias("target"),
        pl.col("image").struct.field("bytes").alias("image"),
    ).sort("face_id")
    classes = tuple(sorted(recipe.classes or frame["target"].unique().to_list()))
    _check(frame, classes, left_out)
    number = {name: row for row, name in enumerate(classes)}
    targets = np.array([number[name] for name in frame["target"]], dtype=np.int64)
    return LabelledFaces(classes, frame, targets, left_out)


def _check(frame: pl.DataFrame, classes: tuple[str, ...], left_out: Mapping[str, int]) -> None:
    counts = ", ".join(f"{count} {reason}" for reason, count in left_out.items() if count)
    if frame.is_empty():
        raise TrainingDataError(
            "release",
            expected="faces with a label",
            found=f"none ({counts or 'the release is empty'})",
            remedy="Collect crowd answers, or train on prompts with target='prompt'.",
        )
    if len(classes) < 2:
        raise TrainingDataError("release", expected="at least two classes", found=classes[0])
    if missing := sorted(set(classes) - set(frame["target"])):
        raise TrainingDataError(
            f"class {missing[0]}",
            expected="at least one face",
            found="none",
            remedy="Take it out of the recipe's classes, or label faces of it.",
        )
