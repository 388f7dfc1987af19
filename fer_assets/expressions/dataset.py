"""The faces of a release that can be learned from, with what they should be taken for.

Belongs here: choosing rows and targets, and saying what was left out. Does not belong here: who is
held out (`folds.py`) and decoding (`training/pictures.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.errors import FerError
from fer_assets.storage.pictures import StoredPictures
from fer_assets.training.pictures import EncodedPictures, Pictures, read_pictures
from fer_assets.training.recipes import Recipe
from fer_assets.training.samples import Samples

MOST_BROKEN: Final = 0.01
"""Share of the faces whose picture may be broken; beyond it the release is not to be trusted."""

BROKEN: Final = "picture can't be decoded"
"""The reason in `left_out`."""

_TARGET_COLUMN: Final = {"prompt": "prompt", "crowd": "label", "crowd_soft": "label"}


class TrainingDataError(FerError):
    """A release that can't be trained on as the recipe asks."""


@dataclass(frozen=True)
class _Column:
    """The encoded pictures of a table in memory; a file becomes an object when it is read."""

    files: pl.Series

    def __len__(self) -> int:
        return len(self.files)

    def read(self, numbers: NDArray[np.int64]) -> list[bytes]:
        return [data or b"" for data in self.files.gather(numbers)]


@dataclass(frozen=True)
class LabelledFaces:
    """Faces with targets, sorted by face.

    Attributes:
        classes: what there is to tell apart, sorted by name.
        frame: face_id, group, target (class name), split, soft_label.
        targets: (n,) int64 class of each face.
        left_out: why rows of the release are not here, with counts.
        pictures: the decoded or readable pictures.
        numbers: (n,) which of the pictures is whose.
    """

    classes: tuple[str, ...]
    frame: pl.DataFrame
    targets: NDArray[np.int64]
    left_out: Mapping[str, int]
    pictures: Pictures
    numbers: NDArray[np.int64]

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
        """All faces at the recipe's size, with its kind of target."""
        soft = self._soft_targets() if recipe.target == "crowd_soft" else None
        pictures = self.pictures
        if (pictures.image_px, pictures.view) != (recipe.image_px, recipe.view):
            pictures = read_pictures(
                pictures.encoded, pictures.numbers, recipe.image_px, view=recipe.view
            )
        return Samples(self.targets, len(self.classes), soft, self.numbers, pictures)

    def _soft_targets(self) -> NDArray[np.float32]:
        """The crowd's distribution over the classes, renormalised; the label where it has none."""
        soft = np.zeros((len(self), len(self.classes)), dtype=np.float32)
        entries = (
            self.frame.select(row=pl.int_range(pl.len()), entry="soft_label")
            .explode("entry")
            .select("row", pl.col("entry").struct.unnest())
            .filter(pl.col("expression").is_in(list(self.classes)))
        )
        column = _numbered(entries["expression"], self.classes)
        soft[entries["row"].to_numpy(), column] = entries["prob"].to_numpy()
        empty = soft.sum(1) <= 0
        soft[empty, self.targets[empty]] = 1
        normalised: NDArray[np.float32] = soft / soft.sum(1, keepdims=True)
        return normalised


def labelled_faces(
    release: pl.DataFrame, recipe: Recipe, group: str, pictures: StoredPictures | None = None
) -> LabelledFaces:
    """Choose the faces of a release that the recipe's target is known of, and read their pictures.

    Rows of the split "excluded", rows without a person or without the target (for crowd and
    crowd_soft: without a convincing majority), rows of classes that the recipe leaves out,
    further copies of a face that is in several challenges of a pooled release, and faces whose
    picture can't be decoded are left out and counted. Every picture is decoded once here; what
    fits into `training.pictures.MEMORY_LIMIT_BYTES` is kept.

    Args:
        release: DATASET_RELEASE or POOLED_RELEASE; with `pictures` the column image is not needed.
        recipe: its `target`, `classes`, `image_px` and `view` are used.
        group: column that names the person: identity_id or person_id.
        pictures: where the pictures are read from, so that they are never all in memory; None
            takes the release's column.

    Raises:
        TrainingDataError: no row is left, all are of one class, a class asked for has none, or
            more than `MOST_BROKEN` of the pictures, or all of a class, are broken, or a face is
            not among the pictures.
    """
    needed = ("face_id", "split", "soft_label", group, _TARGET_COLUMN[recipe.target])
    if missing := [name for name in needed if name not in release.columns]:
        raise TrainingDataError("release", expected=f"a column {missing[0]}", found="none")
    frame, left_out = _chosen(release, recipe, group)
    classes = tuple(sorted(recipe.classes or frame["target"].unique().to_list()))
    _check(frame, classes, left_out)
    encoded, numbers = _stored(release, frame, pictures)
    read = read_pictures(encoded, numbers, recipe.image_px, view=recipe.view)
    left_out[BROKEN] = int(np.count_nonzero(~read.is_whole))
    if left_out[BROKEN]:
        _check_broken(frame, read.is_whole)
        frame = frame.filter(pl.Series(read.is_whole))
    targets = _numbered(frame["target"], classes)
    kept = np.flatnonzero(read.is_whole)
    return LabelledFaces(classes, frame.drop("row"), targets, left_out, read, kept)


def _chosen(
    release: pl.DataFrame, recipe: Recipe, group: str
) -> tuple[pl.DataFrame, dict[str, int]]:
    """The rows to learn from, sorted by face, and how many are left out for what."""
    column = _TARGET_COLUMN[recipe.target]
    reasons = [
        ("excluded split", pl.col("split") == "excluded"),
        ("no known person", pl.col("group").is_null()),
        (f"no {'prompt' if column == 'prompt' else 'crowd label'}", pl.col("target").is_null()),
    ]
    if recipe.classes is not None:
        is_other = ~pl.col("target").is_in(list(recipe.classes))
        reasons.append(("class not in the recipe", is_other))
    kept = release.with_row_index("row").select(
        "row",
        "face_id",
        "split",
        "soft_label",
        pl.col(group).alias("group"),
        pl.col(column).alias("target"),
    )
    left_out = {}
    for reason, condition in reasons:
        remaining = kept.filter(~condition)
        left_out[reason] = len(kept) - len(remaining)
        kept = remaining
    distinct = kept.unique("face_id", keep="first", maintain_order=True)
    left_out["same face in another challenge"] = len(kept) - len(distinct)
    return distinct.sort("face_id"), left_out


def _stored(
    release: pl.DataFrame, frame: pl.DataFrame, pictures: StoredPictures | None
) -> tuple[EncodedPictures, NDArray[np.int64]]:
    """Where the pictures are, and each face's number there."""
    if pictures is not None:
        try:
            return pictures, pictures.find(frame["face_id"])
        except KeyError as error:
            raise TrainingDataError(
                "pictures of the release",
                expected="one for every face",
                found=str(error.args[0]),
                remedy="The release was rebuilt, or faces withdrawn, while it was read: try again.",
            ) from error
    if "image" not in release.columns:
        raise TrainingDataError(
            "release",
            expected="a column image, or the argument pictures",
            found="neither",
            remedy="Pass pictures=fer_assets.open(ROOT).pictures(ASSET, PARTITION).",
        )
    files = _Column(release["image"].struct.field("bytes"))
    return files, frame["row"].to_numpy().astype(np.int64)


def _numbered(names: pl.Series, classes: tuple[str, ...]) -> NDArray[np.int64]:
    """(n,) the place of each name among the classes."""
    numbers = names.replace_strict(list(classes), list(range(len(classes))), return_dtype=pl.Int64)
    return numbers.to_numpy()


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


def _check_broken(frame: pl.DataFrame, is_whole: NDArray[np.bool_]) -> None:
    """Refuse a release that lost too many pictures."""
    lost = frame.filter(pl.Series(~is_whole))
    per_class = lost.group_by("target").len("n").sort("target")
    whole = set(frame.filter(pl.Series(is_whole))["target"])
    gone = [name for name in per_class["target"] if name not in whole]
    if len(lost) <= MOST_BROKEN * len(frame) and not gone:
        return
    counts = ", ".join(f"{name} {n:,}" for name, n in per_class.iter_rows())
    expected = f"at most {MOST_BROKEN:.0%} that can't be decoded, and not all of a class"
    raise TrainingDataError(
        "pictures of the release",
        expected=expected,
        found=f"{len(lost):,} of {len(frame):,} ({counts})",
        remedy="Its files are damaged: restore them, or materialise face_crops and the release "
        "again.",
    )
