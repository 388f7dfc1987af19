"""Scoring trained checkpoints on a benchmark's data: for the step and for `fer-assets score`.

Belongs here: bringing reader, detector and classifiers together. Does not belong here: where data
lies (`benchmark_folders.py`), and any of their work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_assets.errors import FerError
from fer_assets.lines.tiktokfer.faces import DETECTOR
from fer_assets.lines.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fer_assets.benchmarks.face_search import FaceTools
    from fer_assets.benchmarks.picture_scores import Ensemble, PictureScores
    from fer_assets.faces.detections import Detections
    from fer_assets.training.checkpoints import Classifier


def score_benchmark(
    name: str,
    path: Path,
    options: Mapping[str, Any],
    ensemble: Ensemble,
    tools: FaceTools,
) -> PictureScores:
    """Read a benchmark of any layout and score classifiers on it.

    Args:
        name: its key in the tables.
        path: its folder or table.
        options: fields of `ReadingSettings`, and `whole_picture`.
        ensemble: from `ensemble_of`.
        tools: from `face_tools`.

    Raises:
        PublicDataError: the data is not there or not what it should be; an option is unknown.
    """
    from fer_assets.benchmarks.face_search import SearchSettings
    from fer_assets.benchmarks.picture_scores import score_pictures
    from fer_assets.compute.device import choose_device
    from fer_assets.compute.threads import network_callers
    from fer_assets.public_data.reading import read_labelled_pictures, settings_from

    given = dict(options)
    search = SearchSettings(whole_picture=given.pop("whole_picture", "auto"))
    images = read_labelled_pictures(path, settings_from(given, f"benchmarks.{name}"))
    workers = network_callers(choose_device())
    return score_pictures(images, name, ensemble, tools, search=search, workers=workers)


def ensemble_of(classifiers: Sequence[Classifier]) -> Ensemble:
    """One classifier, or several seeds of one.

    Raises:
        FerError: they don't have the same classes in the same order.
    """
    from fer_assets.benchmarks.picture_scores import Ensemble

    classes = classifiers[0].classes
    for other in classifiers[1:]:
        if other.classes != classes:
            raise FerError(
                "checkpoints of several seeds",
                expected=f"classes {', '.join(classes)}",
                found=", ".join(other.classes),
                remedy="Train all seeds on one release.",
            )
    return Ensemble(classes, tuple(one.predict for one in classifiers))


def face_tools(workspace: Workspace) -> FaceTools:
    """The line's own detector and alignment, so that crops are what the networks learned from."""
    from fer_assets.benchmarks.face_search import FaceTools
    from fer_assets.compute.device import choose_device
    from fer_assets.faces.alignment import align
    from fer_assets.faces.detector import load_detector
    from fer_assets.faces.rotation import uprightness
    from fer_assets.faces.settings import FaceSettings
    from fer_assets.weights.fetching import ensure

    ensure(DETECTOR, workspace.weights)
    detector = load_detector(workspace.weights, choose_device(), FaceSettings())

    def certainty(faces: Detections) -> NDArray[np.float64]:
        # Where the picture was turned to find them, they stand upright there.
        return uprightness(faces.upright(0, 0))

    return FaceTools(detector.detect, certainty, align)
