"""Faces in the films of an affect challenge: every frame of each, the main face cut out.

Belongs here: wiring of the decoder, `faces` and `frame_affect.frames`. Does not belong here:
their work, folders of crops.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.lines.frame_affect.videos import Source
from fer_assets.lines.inputs import challenge, with_settings
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.digests import sha256_json
from fer_assets.storage.schemas.frame_affect import ANNOTATED_FRAMES

if TYPE_CHECKING:
    from fer_assets.faces.extraction import FaceTables
    from fer_assets.faces.settings import FaceSettings
    from fer_assets.media.errors import MediaError
    from fer_assets.media.frames import Frame
    from fer_assets.media.guarded import GuardedDecoder
    from fer_assets.sources.settings import SourceSettings

DETECTOR: Final = "retinaface-mnet025"

TOO_CORRUPT: Final = "too many corrupt frames"
NO_FACE: Final = "no face found"
NO_PAIR: Final = "never two faces at a time: left and right can't be told apart"

_START_S: Final = 120.0
_FRAME_S: Final = 0.2
_FRAME_BYTES: Final = 128 << 20
"""All frames of a film are asked for at once, so the decoder's limits grow with their number."""


@dataclass(frozen=True)
class FilmFrames:
    """One film, or one of two people in it.

    Attributes:
        frames: conforms to ANNOTATED_FRAMES; empty where `reason` says why.
        n_frames: frames of the film.
        frame_rate_hz: their mean rate; None for a single frame.
        reason: why it can't be used; None if it can.
    """

    frames: pl.DataFrame
    n_frames: int = 0
    frame_rate_hz: float | None = None
    reason: str | None = None


def face_settings(workspace: Workspace, partition: str | None) -> tuple[FaceSettings, str]:
    """Settings of the search for faces, and a digest of all that its result follows from."""
    from fer_assets.faces import CODE_VERSION
    from fer_assets.faces.settings import FaceSettings
    from fer_assets.weights.registry import WEIGHTS

    found = challenge(workspace, partition)
    settings = with_settings(FaceSettings(), found, "faces")
    parts = [CODE_VERSION, sha256_json(settings), sha256_json(_sources(workspace, partition))]
    return settings, sha256_json([*parts, str(WEIGHTS[DETECTOR].sha256)])


def _sources(workspace: Workspace, partition: str | None) -> SourceSettings:
    from fer_assets.sources.settings import SourceSettings

    return with_settings(SourceSettings(), challenge(workspace, partition), "sources")


def film_length(decoder: GuardedDecoder, place: Path) -> int:
    """Frames of a film; 0 where it can't be read."""
    from fer_assets.media.errors import MediaError

    try:
        return len(decoder.frame_times(place))
    except MediaError:
        return 0


def film_faces(
    workspace: Workspace, partition: str | None, sources: Sequence[Source]
) -> Generator[tuple[Source, FilmFrames], None, None]:
    """The main face of every frame of films; a film with two people is searched once.

    Args:
        workspace: where settings and weights are.
        partition: the challenge.
        sources: films.
    """
    from fer_assets.compute.device import choose_device
    from fer_assets.compute.threads import network_callers
    from fer_assets.faces.detector import load_detector
    from fer_assets.faces.extraction import VideoFrames, extract_faces
    from fer_assets.media.guarded import DecodeLimits, GuardedDecoder
    from fer_assets.weights.fetching import ensure

    settings, _ = face_settings(workspace, partition)
    most_corrupt = _sources(workspace, partition).max_corrupt_share
    by_film: dict[str, list[Source]] = {}
    for source in sources:
        by_film.setdefault(source.sha256, []).append(source)
    times, reasons = _all_times({film: same[0].place for film, same in by_film.items()})
    for film, reason in reasons.items():
        for source in by_film[film]:
            yield source, FilmFrames(ANNOTATED_FRAMES.empty(), reason=reason)
    if not times:
        return
    ensure(DETECTOR, workspace.weights)
    device = choose_device()
    detector = load_detector(workspace.weights, device, settings)
    longest = max(map(len, times.values()), default=0)
    limits = DecodeLimits(_START_S + _FRAME_S * longest, output_bytes=_FRAME_BYTES * (1 + longest))
    with GuardedDecoder(limits) as decoder:
        videos = [
            VideoFrames(film, _targets(at), _frames(decoder, by_film[film][0].place, at))
            for film, at in times.items()
        ]
        with closing(
            extract_faces(videos, detector, settings, network_callers(device))
        ) as extracted:
            for film, found in extracted:
                for source in by_film[film]:
                    yield source, _result(source, found, times[film], most_corrupt)


def _all_times(
    films: Mapping[str, Path],
) -> tuple[dict[str, NDArray[np.float64]], dict[str, str]]:
    """Times of the frames of films, and why there are none."""
    from fer_assets.media.errors import MediaError
    from fer_assets.media.guarded import GuardedDecoder

    times: dict[str, NDArray[np.float64]] = {}
    reasons: dict[str, str] = {}
    with GuardedDecoder() as decoder:
        for film, place in films.items():
            try:
                times[film] = decoder.frame_times(place)
            except MediaError as error:
                reasons[film] = error.reason
    return times, reasons


def _result(
    source: Source,
    found: FaceTables | MediaError,
    times_s: NDArray[np.float64],
    most_corrupt: float,
) -> FilmFrames:
    from fer_assets.media.errors import MediaError

    if isinstance(found, MediaError):
        return _unusable(times_s, found.reason)
    n_shown = found.frames.filter(~pl.col("is_corrupt")).height
    if len(times_s) - n_shown > most_corrupt * len(times_s):
        return _unusable(times_s, TOO_CORRUPT)
    return _main_face(source, found.face_crops, times_s)


def _frames(decoder: GuardedDecoder, place: Path, times_s: NDArray[np.float64]) -> Iterator[Frame]:
    """Ask for a film's frames when the first is wanted: the decoder does one film at a time."""
    yield from decoder.sample_frames(place, times_s)


def _targets(times_s: NDArray[np.float64]) -> pl.DataFrame:
    """Every frame, its number in place of the clip: no prompt was heard."""
    numbers = pl.Series("clip_id", np.arange(1, len(times_s) + 1)).cast(pl.String)
    return pl.DataFrame({"clip_id": numbers, "time_s": times_s}).with_columns(
        prompt_id=pl.lit(""), expression=pl.lit("")
    )


def _unusable(times_s: NDArray[np.float64], reason: str) -> FilmFrames:
    return FilmFrames(ANNOTATED_FRAMES.empty(), len(times_s), _rate_hz(times_s), reason)


def _rate_hz(times_s: NDArray[np.float64]) -> float | None:
    return float((len(times_s) - 1) / (times_s[-1] - times_s[0])) if len(times_s) > 1 else None


def _main_face(source: Source, crops: pl.DataFrame, times_s: NDArray[np.float64]) -> FilmFrames:
    from fer_assets.frame_affect.frames.main_face import main_faces

    faces = crops.with_columns(frame=pl.col("clip_id").cast(pl.Int32)).sort("frame", "face_id")
    boxes = faces.select("x0_px", "y0_px", "x1_px", "y1_px").to_numpy().astype(np.float64)
    rows = main_faces(faces["frame"].to_numpy().astype(np.int64), boxes, source.side)
    if rows is None or not len(rows):
        return _unusable(times_s, NO_PAIR if rows is None and len(boxes) else NO_FACE)
    chosen = faces[rows.tolist()]
    # Of two people in one film each is a video of its own.
    rest = pl.col("face_id").str.extract(r"^[^/]+(/.*)$", 1)
    moments = times_s[chosen["frame"].to_numpy() - 1]
    named = chosen.with_columns(face_id=pl.lit(source.video_id) + rest)
    path = pl.col("face_id").str.replace_all("/", "_") + ".jpg"
    frames = named.select(
        "face_id",
        pl.lit(source.video_id).alias("video_id"),
        "frame",
        pl.Series("time_s", moments),
        pl.lit(None, pl.String).alias("file"),
        "detection_score",
        pl.struct(pl.col("image").struct.field("bytes"), path.alias("path")).alias("image"),
    )
    return FilmFrames(ANNOTATED_FRAMES.conform(frames), len(times_s), _rate_hz(times_s))
