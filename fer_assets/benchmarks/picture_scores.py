"""Scoring classifiers on the pictures of a public benchmark.

Belongs here: picture to crop to probabilities, in bounded memory, and what was left out on the
way. Does not belong here: reading layouts (`readers/`), finding a face (`face_search.py`), figures
(`scoring.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.benchmarks.face_search import (
    FaceTools,
    Image,
    Located,
    SearchSettings,
    WholePictures,
    cut,
    locate,
)
from fer_assets.benchmarks.protocols import PROTOCOLS, shared_classes
from fer_assets.benchmarks.scoring import ScoredImages, ScoringSettings, score_images, skipped_rows
from fer_assets.compute.pipeline import ahead, chunks, in_order
from fer_assets.compute.progress import track
from fer_assets.media.errors import MediaError
from fer_assets.media.guarded import GuardedDecoder
from fer_assets.public_data.class_names import expression_of
from fer_assets.public_data.pictures import LabelledPictures, added, in_words
from fer_assets.storage.schemas.tiktokfer import BENCHMARK_SCORES, CONFUSIONS

Predict = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

NO_FACE: Final = "no face found"
UNREADABLE: Final = "not a readable picture"
WHOLE: Final = "no face found: whole picture used"

_CHUNK: Final = 128
"""Crops classified at once; as many again may wait."""


@dataclass(frozen=True)
class Ensemble:
    """The classifiers that are scored: one per training seed, all of the same classes.

    Attributes:
        classes: class names in the order of the probabilities.
        predict: each (n, s, s, 3) uint8 RGB crops to (n, c) probabilities.
    """

    classes: tuple[str, ...]
    predict: tuple[Predict, ...]

    def probs(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(seeds, n, c) probabilities."""
        return np.stack([one(crops) for one in self.predict])


@dataclass(frozen=True)
class PictureScores:
    """What scoring a benchmark's pictures gave.

    Attributes:
        scores: BENCHMARK_SCORES.
        confusions: CONFUSIONS.
        layout: the layout it was read as.
        n_scored: pictures behind the widest protocol.
        n_whole: those of them that were taken as a face crop because no face was found.
        left_out: why pictures were not scored, with counts.
        notes: what a reader of the scores should know.
        error: why the data could not be read; empty if it could.
        unknown_names: folders or labels that mean no expression, for the user's eyes only.
    """

    scores: pl.DataFrame
    confusions: pl.DataFrame
    layout: str
    n_scored: int
    n_whole: int
    left_out: Mapping[str, int]
    notes: tuple[str, ...] = ()
    error: str = ""
    unknown_names: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """All but the tables and the unknown names, as plain JSON values."""
        return {
            "layout": self.layout,
            "n_scored": self.n_scored,
            "n_whole": self.n_whole,
            "left_out": dict(self.left_out),
            "notes": list(self.notes),
            "error": self.error,
        }


def unreadable(benchmark: str, error: str) -> PictureScores:
    """Rows that say why a benchmark could not be read: expected and found."""
    rows = [row for p in PROTOCOLS for row in skipped_rows(benchmark, p.name, error)]
    scores = BENCHMARK_SCORES.frame(rows)
    return PictureScores(scores, CONFUSIONS.empty(), "", 0, 0, {}, error=error)


@dataclass
class _Found:
    """Rows that have probabilities, and those that have not."""

    rows: list[int] = field(default_factory=list)
    probs: list[NDArray[np.float32]] = field(default_factory=list)
    faceless: list[int] = field(default_factory=list)
    unreadable: int = 0


def score_pictures(
    images: LabelledPictures,
    benchmark: str,
    ensemble: Ensemble,
    tools: FaceTools,
    settings: ScoringSettings | None = None,
    search: SearchSettings | None = None,
    workers: int = 1,
) -> PictureScores:
    """Score classifiers on a benchmark.

    Pictures are read, searched and cut on several threads while crops are classified; memory holds
    some hundred crops. Nothing depends on the number of threads.

    Protocols are those of `settings` and `shared-classes`: among the classes that occur in the
    benchmark and that the classifiers know, where that is another choice than the others'.

    Args:
        images: from `reading.read_labelled_pictures`.
        benchmark: name in the tables.
        ensemble: what is scored.
        tools: what finds and cuts faces.
        settings: how figures are computed; None for the defaults.
        search: how faces are looked for; None for the defaults.
        workers: threads that look for faces.
    """
    settings, search = settings or ScoringSettings(), search or SearchSettings()
    classes, notes = project_names(ensemble.classes)
    known = images.known_to(classes)
    found, n_whole = _probabilities(known, benchmark, ensemble, tools, search, workers)
    n_faceless = len(found.faceless)
    left_out = added(known.left_out, {NO_FACE: n_faceless, UNREADABLE: found.unreadable})
    notes = (*images.notes, *notes)
    if not found.rows:
        scores = _nothing_scored(benchmark, images, left_out, settings)
        return PictureScores(
            scores, CONFUSIONS.empty(), images.layout, 0, 0, left_out, notes,
            unknown_names=images.unknown_names,
        )  # fmt: skip
    order = sorted(range(len(found.rows)), key=found.rows.__getitem__)
    kept = known.take([found.rows[at] for at in order])
    scored = ScoredImages(
        classes,
        kept.targets,
        np.concatenate(found.probs, axis=1)[:, order],
        None if kept.people is None else np.array(kept.people),
        kept.attributes,
    )
    wanted = _with_shared(settings, classes, kept.targets)
    scores, confusions = score_images(scored, benchmark, wanted)
    return PictureScores(
        scores, confusions, images.layout, len(kept), n_whole, left_out,
        (*notes, *_missing(classes, kept.targets, wanted)), unknown_names=images.unknown_names,
    )  # fmt: skip


def project_names(classes: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A checkpoint's classes under the project's names, and a note for each that changed.

    A name that two classes would share stays as it is for both.
    """
    means = [expression_of(name) or name for name in classes]
    count = Counter(means)
    named = tuple(
        mean if count[mean] == 1 else name for name, mean in zip(classes, means, strict=True)
    )
    notes = tuple(
        f"class {name} of the checkpoint is scored as {of}"
        for name, of in zip(classes, named, strict=True)
        if name != of
    )
    return named, notes


def _with_shared(
    settings: ScoringSettings, classes: tuple[str, ...], targets: Sequence[str]
) -> ScoringSettings:
    """The settings with the protocol of shared classes, unless another one is the same."""
    shared = shared_classes(classes, set(targets))
    others = [set(protocol.classes or classes) for protocol in settings.protocols]
    if set(shared.classes or ()) in others:
        return settings
    return replace(settings, protocols=(*settings.protocols, shared))


def _missing(
    classes: Sequence[str], targets: Sequence[str], settings: ScoringSettings
) -> tuple[str, ...]:
    """A note for each protocol with classes of which the benchmark has no picture."""
    notes = []
    for protocol in settings.protocols:
        absent = sorted(set(protocol.classes or classes) - set(targets))
        if absent:
            notes.append(
                f"{protocol.name}: no picture of {', '.join(absent)}; a prediction of them counts "
                "as wrong, and as an F1 of 0 in the macro F1"
            )
    return tuple(notes)


def _nothing_scored(
    benchmark: str, images: LabelledPictures, left_out: Mapping[str, int], settings: ScoringSettings
) -> pl.DataFrame:
    reason = f"no picture can be scored ({in_words(left_out) or 'there is none'})"
    rows = [r for p in settings.protocols for r in skipped_rows(benchmark, p.name, reason)]
    return BENCHMARK_SCORES.frame(rows)


def _probabilities(
    images: LabelledPictures,
    benchmark: str,
    ensemble: Ensemble,
    tools: FaceTools,
    search: SearchSettings,
    workers: int,
) -> tuple[_Found, int]:
    """Probabilities of the pictures, and how many of them count as whole face crops."""
    whole = WholePictures(search)
    found = _Found()

    def look(picture: tuple[int, Image | None]) -> _Cut:
        row, image = picture
        located = None if image is None else locate(image, tools, search)
        if image is None or located is None:
            return _Cut(row, None if image is None else image.shape)
        return _Cut(row, image.shape, located, cut(image, located.landmarks, tools))

    def take_whole(picture: tuple[int, Image | None]) -> _Cut:
        row, image = picture
        if image is None:
            return _Cut(row, None)
        return _Cut(row, image.shape, None, cut(image, whole.landmarks(image.shape), tools))

    label, n = f"scoring {benchmark}", len(images)
    with closing(_pictures(images, range(n))) as pictures:
        _classify(in_order(look, pictures, workers), label, n, ensemble, found, whole)
    if not found.faceless or not whole.are_used():
        return found, 0
    again, found.faceless = found.faceless, []
    label = f"scoring {benchmark}, pictures without a found face"
    with closing(_pictures(images, again)) as pictures:
        cuts = in_order(take_whole, pictures, workers)
        _classify(cuts, label, len(again), ensemble, found, whole)
    return found, len(again)


@dataclass(frozen=True)
class _Cut:
    """A picture after the search.

    Attributes:
        row: which picture.
        shape: its height, width and channels; None if it could not be read.
        located: its face; None if none was found.
        crop: what is classified.
    """

    row: int
    shape: tuple[int, ...] | None
    located: Located | None = None
    crop: Image | None = None


def _classify(
    cuts: Iterable[_Cut],
    label: str,
    total: int,
    ensemble: Ensemble,
    found: _Found,
    whole: WholePictures,
) -> None:
    """Classify crops while the next ones are cut on other threads."""
    with closing(ahead(cuts, _CHUNK)) as waiting:
        for chunk in chunks(track(waiting, total, label), _CHUNK):
            crops = []
            for item in chunk:
                if item.shape is None:
                    found.unreadable += 1
                elif item.crop is None:
                    found.faceless.append(item.row)
                else:
                    crops.append((item.row, item.crop))
                if item.shape is not None and item.located is not None:
                    whole.see(item.shape, item.located)
            if crops:
                found.rows += [row for row, _ in crops]
                found.probs.append(ensemble.probs(np.stack([crop for _, crop in crops])))


def _pictures(
    images: LabelledPictures, rows: Iterable[int]
) -> Generator[tuple[int, Image | None], None, None]:
    """Row and picture, upright as its EXIF says; None if it is none. Decoded in a child."""
    with GuardedDecoder() as decoder:
        for row in rows:
            try:
                yield row, decoder.read_picture(images.paths[row])
            except MediaError:
                yield row, None
