"""What networks say of the faces in pictures and videos: the entrance for notebooks.

Belongs here: `Predictor`: gathering a file's frames, its rotation, tracks, filling, smoothing. Does
not belong here: the pipeline before that (`searching.py`), files and folders (`files.py`), drawing.
"""

from __future__ import annotations

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
from fer_assets.inference.files import (
    DEFAULT_RATE_HZ,
    Given,
    Rate,
    count_frames,
    frame_sources,
    roomy_decoder,
    wanted_times,
)
from fer_assets.inference.gaps import filled_gaps
from fer_assets.inference.measures import Measure, expression_measure
from fer_assets.inference.results import (
    FacePrediction,
    FilePrediction,
    FramePrediction,
    FrameSource,
)
from fer_assets.inference.searching import End, Looked, look
from fer_assets.inference.smoothing import Smoothing, smooth
from fer_assets.inference.tracked_faces import TrackedFaces
from fer_assets.inference.tracks import TrackSettings, link
from fer_assets.inference.value_layout import ValueLayout
from fer_assets.media.frames import Frame
from fer_assets.media.guarded import GuardedDecoder
from fer_assets.training.checkpoints import Classifier


class Predictor:
    """Finds the faces in pictures and videos and says what networks make of them.

    Args:
        classifier: from a checkpoint; None where only `measures` are wanted.
        detector: from `faces.detector.load_detector`.
        measures: further functions from crops to columns, after the classifier's.
        tracks: when two boxes are one face.
        workers: threads that search; by default one per core on the CPU.
        fills_gaps: say of a face that was missed within its track what lies between the frames
            before and after, and smooth over that, too.

    Attributes:
        measures: all of them, the classifier's first.
        layout: which of a face's values mean what.
        columns: names of the values of a face, in order.
        classes: the expressions it tells apart; () if it tells none.
        fills_gaps: as given.
    """

    def __init__(
        self,
        classifier: Classifier | None,
        detector: FaceDetector,
        *,
        measures: Sequence[Measure] = (),
        tracks: TrackSettings | None = None,
        workers: int | None = None,
        fills_gaps: bool = False,
    ) -> None:
        own = [] if classifier is None else [expression_measure(classifier)]
        self.measures: tuple[Measure, ...] = (*own, *measures)
        self.layout = ValueLayout.of(self.measures)
        self.columns = self.layout.columns
        self.classes = self.layout.classes
        self.detector = detector
        self.fills_gaps = fills_gaps
        self._tracks = tracks or TrackSettings()
        device: Device = "cuda" if detector.provider == PROVIDERS["cuda"] else "cpu"
        self._workers = workers or network_callers(device)

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
        with GuardedDecoder() as usual:
            facts = usual.probe(path)
            given = [Given(path, path.name, facts, wanted_times(path, facts, rate, usual))]
            with roomy_decoder(given, usual) as decoder:
                sources = frame_sources(given, decoder, self.look_closer)
                [found] = self.files(sources, smoothing, count_frames(given) + 1)
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
        """Choose each frame's rotation, number the faces over time, fill gaps, smooth."""
        if end.error is not None:
            return FilePrediction(end.source.name, (), end.error)
        settings = self.detector.settings
        evidence = [[view.evidence for view in frame.views] for frame in frames]
        held_deg = held_rotation(evidence, settings)
        chosen = [choose_view(seen, held_deg, settings) for seen in evidence]
        faces = [frame.views[at].faces for frame, at in zip(frames, chosen, strict=True)]
        values = [frame.values[at] for frame, at in zip(frames, chosen, strict=True)]
        times_s = np.array([frame.time_s for frame in frames], np.float64)
        numbers = link(times_s.tolist(), [found.boxes for found in faces], self._tracks)
        seen = TrackedFaces.found(faces, numbers, values, len(self.columns))
        if self.fills_gaps:
            seen = seen.with_more(filled_gaps(times_s, seen))
        smoothed = self._smoothed(times_s, seen, how)
        by_frame: list[list[FacePrediction]] = [[] for _ in frames]
        for at, frame_at in enumerate(seen.frames.tolist()):
            by_frame[frame_at].append(self._face(seen, at, smoothed[at]))
        predicted = tuple(
            FramePrediction(at, frame.time_s, frame.is_corrupt, tuple(by_frame[at]))
            for at, frame in enumerate(frames)
        )
        return FilePrediction(end.source.name, predicted)

    def _smoothed(
        self, times_s: NDArray[np.float64], seen: TrackedFaces, how: Smoothing
    ) -> NDArray[np.float32]:
        """(n, c) values, those of each track smoothed over its times."""
        smoothed = seen.values.copy()
        for members in seen.by_track():
            at_s, values = times_s[seen.frames[members]], seen.values[members]
            smoothed[members] = smooth(at_s, values, how, self.layout.distributions)
        return smoothed

    def _face(self, seen: TrackedFaces, at: int, values: NDArray[np.float32]) -> FacePrediction:
        probs = values[self.layout.classes_at]
        return FacePrediction(
            track=int(seen.tracks[at]),
            box=seen.boxes[at],
            landmarks=seen.landmarks[at],
            detection_score=float(seen.scores[at]),
            rotation_deg=int(seen.rotations_deg[at]),
            values=values,
            expression=self.classes[int(probs.argmax())] if len(probs) else "",
            prob=float(probs.max(initial=0.0)),
            is_filled=bool(seen.is_filled[at]),
        )
