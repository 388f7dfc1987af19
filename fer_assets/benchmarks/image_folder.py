"""Benchmarks that lie in folders: ROOT/CLASS/picture.jpg.

Belongs here: reading such a folder, naming its classes, scoring a classifier on it. Does not belong
here: finding and aligning the face (the caller gives that) and videos.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.benchmarks.protocols import PROTOCOLS
from fer_assets.benchmarks.scoring import (
    ScoredImages,
    ScoringError,
    ScoringSettings,
    score_images,
    skipped_rows,
)
from fer_assets.compute.progress import track
from fer_assets.media.image_codec import ImageError, decode_image
from fer_assets.storage.schemas.tiktokfer import BENCHMARK_SCORES, CONFUSIONS

Image = NDArray[np.uint8]

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png"})

SYNONYMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "anger": "angry",
        "disgusted": "disgust",
        "happiness": "smiling",
        "happy": "smiling",
        "joy": "smiling",
        "sadness": "sad",
        "smile": "smiling",
        "surprised": "surprise",
    }
)
"""What benchmarks call the paper's expressions; a name that is not here stands for itself."""

_CHUNK: Final = 256
"""Pictures in memory at once."""


@dataclass(frozen=True)
class ImageFolder:
    """The pictures of a benchmark that can be scored.

    Attributes:
        paths: the pictures, sorted.
        targets: expression of each.
        left_out: why other files are not here, with counts.
    """

    paths: tuple[Path, ...]
    targets: tuple[str, ...]
    left_out: Mapping[str, int]


def expression_of(folder_name: str) -> str:
    """The project's name for a benchmark's class: lower case, hyphens, synonyms resolved."""
    slug = folder_name.strip().lower().replace("_", "-").replace(" ", "-")
    return SYNONYMS.get(slug, slug)


def read_image_folder(root: Path, classes: Sequence[str]) -> ImageFolder:
    """List the pictures of ROOT/CLASS/ whose class the classifier knows.

    Args:
        root: the benchmark's folder.
        classes: the classifier's classes.

    Raises:
        ScoringError: there is no such folder.
    """
    if not root.is_dir():
        raise ScoringError(
            f"benchmark folder {root.name}",
            expected="a folder with one folder of pictures per class",
            found="none",
            remedy="Put the pictures at benchmarks/NAME/CLASS/ below the data root.",
        )
    found: list[tuple[Path, str]] = []
    left_out: Counter[str] = Counter()
    for path in sorted(root.rglob("*")):
        if path.is_dir():
            continue
        parts = path.relative_to(root).parts
        target = expression_of(parts[0]) if len(parts) > 1 else ""
        if not target:
            left_out["in no class folder"] += 1
        elif path.suffix.lower() not in SUFFIXES:
            left_out["not a JPEG or PNG"] += 1
        elif target not in classes:
            left_out[f"class {target} unknown to the classifier"] += 1
        else:
            found.append((path, target))
    paths, targets = tuple(p for p, _ in found), tuple(t for _, t in found)
    return ImageFolder(paths, targets, dict(sorted(left_out.items())))


@dataclass(frozen=True)
class FolderScores:
    """What scoring a folder gave.

    Attributes:
        scores: BENCHMARK_SCORES; without intervals, since who is in a picture is not known.
        confusions: CONFUSIONS.
        left_out: why pictures were not scored, with counts.
    """

    scores: pl.DataFrame
    confusions: pl.DataFrame
    left_out: Mapping[str, int]


def score_image_folder(
    folder: ImageFolder,
    benchmark: str,
    classes: Sequence[str],
    predict: Callable[[Image], NDArray[np.float32]],
    crop: Callable[[Image], Image | None],
    settings: ScoringSettings | None = None,
) -> FolderScores:
    """Score a classifier on the pictures of a folder.

    Args:
        folder: from `read_image_folder`.
        benchmark: name in the tables.
        classes: the classifier's classes, in the order of its probabilities.
        predict: (n, s, s, 3) uint8 RGB crops to (n, c) probabilities.
        crop: a picture (h, w, 3) to its aligned face crop (s, s, 3), or None without a face.
        settings: how; None for the defaults.
    """
    settings = settings or ScoringSettings()
    left_out = Counter(folder.left_out)
    targets: list[str] = []
    probs: list[NDArray[np.float32]] = []
    for chunk in _crops(folder, crop, left_out, benchmark):
        probs.append(predict(np.stack([face for face, _ in chunk])))
        targets += [target for _, target in chunk]
    if not targets:
        reason = _why_empty(benchmark, left_out)
        rows = [r for p in PROTOCOLS for r in skipped_rows(benchmark, p.name, reason)]
        return FolderScores(BENCHMARK_SCORES.frame(rows), CONFUSIONS.empty(), left_out)
    images = ScoredImages(tuple(classes), targets, np.concatenate(probs), None)
    scores, confusions = score_images(images, benchmark, settings)
    return FolderScores(scores, confusions, dict(sorted(left_out.items())))


def _crops(
    folder: ImageFolder,
    crop: Callable[[Image], Image | None],
    left_out: Counter[str],
    benchmark: str,
) -> Iterator[list[tuple[Image, str]]]:
    """Face crops with their targets, some hundred at a time; counts what gives none."""
    chunk: list[tuple[Image, str]] = []
    pairs = zip(folder.paths, folder.targets, strict=True)
    for path, target in track(pairs, len(folder.paths), f"scoring {benchmark}"):
        try:
            face = crop(decode_image(path.read_bytes()))
        except ImageError:
            left_out["not a readable picture"] += 1
            continue
        if face is None:
            left_out["no face found"] += 1
            continue
        chunk.append((face, target))
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _why_empty(benchmark: str, left_out: Mapping[str, int]) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items()))
    return f"no picture at benchmarks/{benchmark} can be scored ({reasons or 'it is empty'})"
