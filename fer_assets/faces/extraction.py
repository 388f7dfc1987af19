"""Sampled frames of videos to the face crop and frame tables, one video after the other.

Belongs here: the pipeline from decoded frames to a video's two tables. Does not belong here: which
frames are sampled (`prompts/`), decoding them (`media/`), finding faces (`detector.py`), a face's
row (`crops.py`).

Three things overlap: a thread reads frames (they are decoded in a child process), of the next
video too; several threads find, align and encode faces; the caller writes finished videos. On a
GPU a thread takes a batch of frames, which may come from several videos.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import polars as pl

from fer_assets.compute.pipeline import ahead, chunks, in_order
from fer_assets.compute.progress import track
from fer_assets.faces.crops import Row, face_rows, timestamp_ms
from fer_assets.faces.detector import FaceDetector
from fer_assets.faces.rotation import Evidence, View, choose_view, held_rotation
from fer_assets.faces.settings import FaceSettings
from fer_assets.media.errors import MediaError
from fer_assets.media.frames import Frame
from fer_assets.storage.schemas.tiktokfer import FACE_CROPS, FRAMES


@dataclass(frozen=True)
class VideoFrames:
    """A video to look for faces in.

    Attributes:
        video_id: the video's id.
        targets: clip_id, prompt_id, expression and time_s of each frame asked for.
        frames: decoded frames in order; `Frame.index` is the row of `targets`. Read once, and
            closed, on a thread that reads all videos; it may raise `MediaError`.
    """

    video_id: str
    targets: pl.DataFrame
    frames: Iterable[Frame]


@dataclass(frozen=True)
class FaceTables:
    """What one video gives.

    Attributes:
        face_crops: conforms to `FACE_CROPS`.
        frames: conforms to `FRAMES`; a frame without a face has a row here only.
    """

    face_crops: pl.DataFrame
    frames: pl.DataFrame


@dataclass(frozen=True)
class _Sampled:
    """A frame on its way to be searched."""

    video_id: str
    target: Row
    frame: Frame


@dataclass(frozen=True)
class _Searched:
    """A frame after the search: for each of its rotations what it shows and the faces' rows."""

    row: Row
    views: tuple[tuple[Evidence, list[Row]], ...]


@dataclass(frozen=True)
class _End:
    """No more frames of a video."""

    video_id: str
    error: MediaError | None


def extract_faces(
    videos: Sequence[VideoFrames],
    detector: FaceDetector,
    settings: FaceSettings,
    workers: int = 1,
) -> Generator[tuple[str, FaceTables | MediaError], None, None]:
    """Find, align and encode every face in the sampled frames of videos.

    A frame that is the nearest to several targets counts once, for the first of them. Detections
    in frames flagged as corrupt are kept; their frames say so. How a video was held is decided by
    all its frames (`rotation.held_rotation`).

    Memory holds at most `settings.frames_at_once` frames (or a batch) that wait, twice as many
    batches as workers, and what the tables of the video being gathered need. The result depends
    neither on `workers` nor on which videos come together.

    Args:
        videos: in the order in which they are worked on.
        detector: from `load_detector`; batches are of its size.
        settings: how many frames are held at a time, and the rule of rotations.
        workers: threads that search.

    Yields:
        Per video, in order, its id and its conformed tables, or why it could not be decoded.
    """
    total = sum(video.targets.height + 1 for video in videos)  # each video's end counts, too

    def search(chunk: list[_Sampled | _End]) -> list[_Searched | _End]:
        frames = [item for item in chunk if isinstance(item, _Sampled)]
        views = iter(detector.views([item.frame.image for item in frames]))
        return [item if isinstance(item, _End) else _searched(item, next(views)) for item in chunk]

    limit = max(settings.frames_at_once, detector.batch_size)
    with closing(ahead(_sampled(videos), limit)) as frames:
        batches = chunks(frames, detector.batch_size)
        searched = (item for batch in in_order(search, batches, workers) for item in batch)
        yield from _by_video(searched, total, settings)


def _sampled(videos: Iterable[VideoFrames]) -> Iterator[_Sampled | _End]:
    """The frames of all videos, each video's followed by its end."""
    for video in videos:
        targets = list(video.targets.iter_rows(named=True))
        error: MediaError | None = None
        try:
            for frame in _distinct(video.frames):
                yield _Sampled(video.video_id, targets[frame.index], frame)
        except MediaError as raised:
            error = raised
        finally:
            # Whoever holds `videos` holds an unfinished generator, too; the decoder must be free.
            if close := getattr(video.frames, "close", None):
                close()
        yield _End(video.video_id, error)


def _distinct(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Each presentation time once: frames that follow several close targets come repeatedly."""
    times: set[int] = set()
    for frame in frames:
        if timestamp_ms(frame) not in times:
            times.add(timestamp_ms(frame))
            yield frame


def _searched(item: _Sampled, views: Sequence[View]) -> _Searched:
    """Cut out the faces of every view, since which one counts is known when the video ends."""
    row = {
        "video_id": item.video_id,
        "clip_id": item.target["clip_id"],
        "timestamp_ms": timestamp_ms(item.frame),
        "is_corrupt": item.frame.is_corrupt,
    }
    faces = [face_rows(item.video_id, item.target, item.frame, view.faces) for view in views]
    seen = [view.evidence for view in views]
    return _Searched(row, tuple(zip(seen, faces, strict=True)))


def _by_video(
    searched: Iterable[_Searched | _End], total: int, settings: FaceSettings
) -> Iterator[tuple[str, FaceTables | MediaError]]:
    """Gather a video's frames until its end."""
    frames: list[_Searched] = []
    for item in track(searched, total, "finding faces"):
        if isinstance(item, _Searched):
            frames.append(item)
            continue
        found = item.error or _tables(frames, settings)
        frames = []
        yield item.video_id, found


def _tables(frames: Sequence[_Searched], settings: FaceSettings) -> FaceTables:
    evidence = [[seen for seen, _ in frame.views] for frame in frames]
    held_deg = held_rotation(evidence, settings)
    crops: list[Row] = []
    rows: list[Row] = []
    for frame, shown in zip(frames, evidence, strict=True):
        seen, faces = frame.views[choose_view(shown, held_deg, settings)]
        crops.extend(faces)
        rows.append({**frame.row, "n_faces": len(faces), "rotation_deg": seen.rotation_deg})
    return FaceTables(FACE_CROPS.frame(crops), FRAMES.frame(rows))
