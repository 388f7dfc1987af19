"""What a classifier says of the faces in pictures and videos: the entrance for notebooks.

Belongs here: `Predictor`: gathering a file's frames, its rotation, tracks, smoothing. Does not
belong here: the pipeline before that (`searching.py`), files and folders (`files.py`), drawing.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_assets.compute.device import PROVIDERS, Device
from fer_assets.compute.threads import network_callers
from fer_assets.faces.detections import Detections
from fer_assets.faces.detector import FaceDetector
from fer_assets.faces.rotation import choose_view, held_rotation
from fer_assets.inference.closeups import find_closeup
from fer_assets.inference.files import DEFAULT_RATE_HZ, Rate, frame_times
from fer_assets.inference.measures import Measure, expression_measure
from fer_assets.inference.results import (
    FacePrediction,
    FilePrediction,
    FramePrediction,
    FrameSource,
)
from fer_assets.inference.searching import End, Looked, look
from fer_assets.inference.smoothing import Smoothing, smooth
from fer_assets.inference.tracks import TrackSettings, link
from fer_assets.media.frames import Frame
from fer_assets.media.guarded import GuardedDecoder
from fer_assets.training.checkpoints import Classifier


class Predictor:
    """Finds the faces in pictures and videos and says what a classifier makes of them.

    Args:
        classifier: from a checkpoint; None where only `measures` are wanted.
        detector: from `faces.detector.load_detector`.
        measures: further functions from crops to columns, after the classifier's.
        tracks: when two boxes are one face.
        workers: threads that search; by default one per core on the CPU.

    Attributes:
        measures: all of them, the classifier's first.
        columns: names of the values of a face, in order.
    """

    def __init__(
        self,
        classifier: Classifier | None,
        detector: FaceDetector,
        *,
        measures: Sequence[Measure] = (),
        tracks: TrackSettings | None = None,
        workers: int | None = None,
    ) -> None:
        own = [] if classifier is None else [expression_measure(classifier)]
        self.measures: tuple[Measure, ...] = (*own, *measures)
        self.columns = tuple(name for measure in self.measures for name in measure.columns)
        self.classes = () if classifier is None else tuple(classifier.classes)
        self.detector = detector
        self._tracks = tracks or TrackSettings()
        device: Device = "cuda" if detector.provider == PROVIDERS["cuda"] else "cpu"
        self._workers = workers or network_callers(device)
        ends = list(itertools.accumulate(len(measure.columns) for measure in self.measures))
        spans = zip([0, *ends[:-1]], ends, self.measures, strict=True)
        self._distributions = tuple(slice(a, b) for a, b, one in spans if one.is_distribution)

    def picture(self, image: NDArray[np.uint8]) -> list[FacePrediction]:
        """The faces of one picture, (h, w, 3) uint8 RGB, the surest first; [] without a face."""
        source = FrameSource("picture", [Frame(0, 0.0, image, False)], 1, self.look_closer)
        [found] = self.files([source], None, 2)
        return list(found.frames[0].faces)

    def video(
        self,
        path: Path,
        rate: Rate = DEFAULT_RATE_HZ,
        smoothing: Smoothing | None = None,
    ) -> Iterator[FramePrediction]:
        """The frames of a video that were looked at, in order of time.

        They come when the whole video was seen, since how it was held, and the smoothing, depend
        on what follows.

        Args:
            path: the video.
            rate: frames looked at per second, or "all".
            smoothing: of each face's values over time; None for none.

        Raises:
            MediaError: the video can't be used.
        """
        with GuardedDecoder() as decoder:
            times = frame_times(decoder.probe(path), rate)
            source = FrameSource(path.name, decoder.sample_frames(path, times), len(times))
            [found] = self.files([source], smoothing, len(times) + 1)
        if found.error is not None:
            raise found.error
        yield from found.frames

    def files(
        self, sources: Iterable[FrameSource], smoothing: Smoothing | None = None, n_items: int = 0
    ) -> Generator[FilePrediction, None, None]:
        """Predict files one after the other; see `searching.look` for what overlaps.

        Args:
            sources: the files; one that can't be used gives a result with its error.
            smoothing: of each face's values over time; None for none.
            n_items: frames of all files and one per file, for the progress.

        Yields:
            Per file, in order, what was found.
        """
        waiting = self.detector.settings.frames_at_once
        items = look(sources, n_items, self.detector, self.measures, self._workers, waiting)
        with closing(items):
            frames: list[Looked] = []
            for item in items:
                if isinstance(item, Looked):
                    frames.append(item)
                    continue
                yield self._gathered(item, frames, smoothing or Smoothing())
                frames = []

    def look_closer(self, image: NDArray[np.uint8]) -> Detections:
        """A further search of a picture in which no face was found: see `closeups.py`."""
        return find_closeup(image, self.detector)

    def _gathered(self, end: End, frames: Sequence[Looked], how: Smoothing) -> FilePrediction:
        """Choose each frame's rotation, number the faces over time, smooth each one's values."""
        if end.error is not None:
            return FilePrediction(end.source.name, (), end.error)
        settings = self.detector.settings
        evidence = [[view.evidence for view in frame.views] for frame in frames]
        held_deg = held_rotation(evidence, settings)
        chosen = [choose_view(seen, held_deg, settings) for seen in evidence]
        pairs = list(zip(frames, chosen, strict=True))
        faces = [frame.views[at].faces for frame, at in pairs]
        times_s = [frame.time_s for frame in frames]
        numbers = link(times_s, [found.boxes for found in faces], self._tracks)
        values = self._smoothed(
            np.repeat(times_s, [len(found) for found in faces]),
            np.concatenate([np.zeros(0, np.int64), *numbers]),
            np.concatenate(
                [np.zeros((0, len(self.columns)), np.float32)]
                + [frame.values[at] for frame, at in pairs]
            ),
            how,
        )
        ends = np.cumsum([len(found) for found in faces]).tolist()
        predicted = tuple(
            FramePrediction(
                at,
                frame.time_s,
                frame.is_corrupt,
                self._faces(found, numbers[at], values[last - len(found) : last]),
            )
            for at, (frame, found, last) in enumerate(zip(frames, faces, ends, strict=True))
        )
        return FilePrediction(end.source.name, predicted)

    def _smoothed(
        self,
        times_s: NDArray[np.float64],
        tracks: NDArray[np.int64],
        values: NDArray[np.float32],
        how: Smoothing,
    ) -> NDArray[np.float32]:
        """(n, c) values, those of each track smoothed over its times."""
        smoothed = values.copy()
        for members in _by_track(tracks):
            smoothed[members] = smooth(times_s[members], values[members], how, self._distributions)
        return smoothed

    def _faces(
        self, found: Detections, tracks: NDArray[np.int64], values: NDArray[np.float32]
    ) -> tuple[FacePrediction, ...]:
        n_classes = len(self.classes)
        return tuple(
            FacePrediction(
                track=int(tracks[at]),
                box=found.boxes[at],
                landmarks=found.landmarks[at],
                detection_score=float(found.scores[at]),
                rotation_deg=found.rotation_deg,
                values=values[at],
                expression=self.classes[int(values[at, :n_classes].argmax())] if n_classes else "",
                prob=float(values[at, :n_classes].max(initial=0.0)),
            )
            for at in range(len(found))
        )


def _by_track(tracks: NDArray[np.int64]) -> list[NDArray[np.intp]]:
    """Per track the rows that are it, in order."""
    order = np.argsort(tracks, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(tracks[order])) + 1) if len(order) else []
