"""What of the bare networks' throughput does detect + align + embed reach?

Ours: decoded frames in, aligned crops and embeddings out. The peer gets the very arrays that the
networks take, ready made, and does nothing but run them: both searches and every face, the same
shapes in the same batches. It is tried in both arrangements: the session's own threads on one
call at a time, and one thread a call with as many callers. A throughput of 0.9 is a ratio of 1.11.

Belongs here: the frames, the bare sessions, the comparison. Does not belong here: measuring.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from itertools import cycle, repeat
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.case import Case, Skipped
from fer_assets.compute.device import Device, cuda_obstacle
from fer_assets.compute.pipeline import ahead, chunks, in_order
from fer_assets.compute.sessions import open_session
from fer_assets.compute.threads import cpu_threads, network_callers
from fer_assets.faces.alignment import align
from fer_assets.faces.detections import Detections
from fer_assets.faces.detector import DETECTOR_WEIGHTS, FaceDetector, load_detector
from fer_assets.faces.settings import FaceSettings
from fer_assets.identities.embedding import FaceEmbedder, load_embedder
from fer_assets.media.frames import sample_frames, sample_times
from fer_assets.media.guarded import GuardedDecoder
from fer_assets.media.writer import write_video
from fer_assets.weights.fetching import ensure
from fer_assets.weights.loading import load_onnx

Image = NDArray[np.uint8]
Feed = NDArray[np.float32]
Result = list[tuple[Detections, Feed]]

_BENCH = "face_pipeline"
_EMBEDDER = "sface-128"
_WEIGHTS = Path(os.environ.get("FER_WEIGHTS") or Path(__file__).parents[1] / "fer_data" / "weights")
_ROUNDS = 9
_TARGET = 1.11
# Decoding overlaps with the networks, so together they take no longer than one after the other.
_END_TO_END_TARGET = 1.0
_N_FRAMES = 24
_RATE_HZ = 2.0


@dataclass(frozen=True)
class _Recorder:
    """A session that keeps what it is fed."""

    session: Any
    feeds: list[Feed] = field(default_factory=list)

    def get_inputs(self) -> Any:
        return self.session.get_inputs()

    def get_providers(self) -> Any:
        return self.session.get_providers()

    def run(self, names: Any, feed: dict[str, Feed]) -> Any:
        self.feeds.extend(array.copy() for array in feed.values())
        return self.session.run(names, feed)


@dataclass(frozen=True)
class _Bare:
    """What the networks are fed for one batch of frames."""

    canvases: list[Feed]
    faces: list[Feed]


def cases() -> Iterator[Case | Skipped]:
    """One face at three sizes and a crowd, on the CPU and where there is one on CUDA."""
    faces = _faces()
    if not faces:
        reason = "neither openpeople nor the selfies of FER_TEST_DATA are there"
        yield Skipped(_BENCH, "detect + align + embed", reason)
        return
    for name in (DETECTOR_WEIGHTS, _EMBEDDER):
        ensure(name, _WEIGHTS)
    inputs = {
        "512 x 512, one face": _portraits(faces, 512, 512),
        "720 x 1280, one face": _portraits(faces, 1280, 720),
        "1080 x 1920, one face": _portraits(faces, 1920, 1080),
        "1920 x 1440, 16 faces": _crowds(faces),
    }
    for case, frames in inputs.items():
        yield from _against_bare_sessions(case, frames, "cpu")
    yield from _end_to_end("720 x 1280, one face", inputs["720 x 1280, one face"])
    if obstacle := cuda_obstacle():
        yield Skipped(_BENCH, "on CUDA", obstacle)
        return
    for case, frames in inputs.items():
        yield from _against_bare_sessions(case, frames, "cuda")


def _faces() -> list[Image]:
    """Pictures of one face each: synthetic people, else frames of the test material's selfies."""
    if importlib.util.find_spec("openpeople"):
        import openpeople

        folder = Path(openpeople.__file__).parent / "data" / "curated"
        sheets = [cv2.imread(str(f)) for f in sorted(folder.glob("P*/assets/emotions_sheet.jpg"))]
        return [_cell(sheet, at) for at, sheet in zip(range(_N_FRAMES), cycle(sheets))]
    material = os.environ.get("FER_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data"
    selfies = sorted(Path(material, "videos").glob("selfie_*.mp4"))
    times = sample_times(0.0, 5.0, 1.0)
    return [frame.image for file in selfies for frame in sample_frames(file, times)]


def _cell(sheet: Any, at: int) -> Image:
    """One of the 4 x 4 expressions on a sheet, as RGB."""
    height, width = sheet.shape[0] // 4, sheet.shape[1] // 4
    row, column = divmod(at % 16, 4)
    cell = sheet[row * height : (row + 1) * height, column * width : (column + 1) * width]
    return np.ascontiguousarray(cell[..., ::-1], np.uint8)


def _portraits(faces: Sequence[Image], height: int, width: int) -> list[Image]:
    """One face per frame, over 0.7 of its shorter side, on a background of soft noise."""
    rng = np.random.default_rng(0)
    frames = []
    for _, face in zip(range(_N_FRAMES), cycle(faces)):
        coarse = rng.integers(60, 200, (height // 40, width // 40, 3), dtype=np.uint8)
        frame = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        side = int(0.7 * min(height, width))
        size = (side, side * face.shape[0] // face.shape[1])
        top, left = (height - size[1]) // 3, (width - side) // 2
        pasted = cv2.resize(face, size, interpolation=cv2.INTER_CUBIC)
        frame[top : top + size[1], left : left + side] = pasted
        frames.append(np.asarray(frame, np.uint8))
    return frames


def _crowds(faces: Sequence[Image]) -> list[Image]:
    """Four frames of 4 x 4 faces."""
    cells = [cv2.resize(f, (480, 360), interpolation=cv2.INTER_AREA) for f in faces]
    rows = [np.hstack([cells[(7 * at + k) % len(cells)] for k in range(4)]) for at in range(16)]
    return [np.vstack(rows[at : at + 4]) for at in range(0, 16, 4)]


def _networks(device: Device) -> tuple[FaceDetector, FaceEmbedder]:
    detector = load_detector(_WEIGHTS, device, FaceSettings())
    return detector, load_embedder(_EMBEDDER, _WEIGHTS, device)


def _batch(images: Sequence[Image], detector: FaceDetector, embedder: FaceEmbedder) -> Result:
    """Find, align and embed the faces of one batch of frames."""
    found = detector.detect(images)
    crops = [align(image, faces.landmarks) for image, faces in zip(images, found, strict=True)]
    embedded = embedder.embed(np.concatenate(crops))
    ends = np.cumsum([len(faces) for faces in found])[:-1]
    return list(zip(found, np.split(embedded, ends), strict=True))


def _pipeline(
    frames: Iterator[Image], detector: FaceDetector, embedder: FaceEmbedder, device: Device
) -> Result:
    batches = in_order(
        lambda images: _batch(images, detector, embedder),
        chunks(frames, detector.batch_size),
        network_callers(device),
    )
    return [faces for batch in batches for faces in batch]


def _recorded(
    frames: Sequence[Image], detector: FaceDetector, embedder: FaceEmbedder
) -> list[_Bare]:
    """What our own run feeds the networks, batch by batch."""
    bare = []
    for images in chunks(frames, detector.batch_size):
        canvases, faces = _Recorder(detector._session), _Recorder(embedder.session)
        _batch(
            images,
            FaceDetector(canvases, detector.settings, detector.batch_size),
            FaceEmbedder(
                embedder.name,
                faces,
                embedder.image_input,
                embedder.batch_size,
                embedder.crops_at_once,
            ),
        )
        bare.append(_Bare(canvases.feeds, faces.feeds))
    return bare


def _against_bare_sessions(
    case: str, frames: list[Image], device: Device
) -> Iterator[Case | Skipped]:
    detector, embedder = _networks(device)
    bare = _recorded(frames, detector, embedder)
    where = version("onnxruntime-gpu") if device == "cuda" else f"{version('onnxruntime-gpu')}, CPU"
    for arrangement, callers, threads in (
        ("one thread a call", network_callers(device), 1),
        ("the session's own threads", 1, cpu_threads()),
    ):
        yield Case(
            bench=_BENCH,
            case=f"{case}, {device}, {arrangement}",
            ours=lambda: _pipeline(iter(frames), detector, embedder, device),
            peer=f"bare ONNX sessions ({where})",
            theirs=_bare_run(bare, device, callers, threads),
            target=_TARGET,
            equal=partial(_same_faces, batch_size=detector.batch_size),
            rounds=_ROUNDS,
        )


def _bare_run(
    bare: Sequence[_Bare], device: Device, callers: int, threads: int
) -> Callable[[], list[tuple[list[Any], list[Feed]]]]:
    """Run both networks on arrays that are ready, and keep their outputs."""
    detecting = open_session(load_onnx(DETECTOR_WEIGHTS, _WEIGHTS), device, threads)
    embedding = open_session(load_onnx(_EMBEDDER, _WEIGHTS), device, threads)
    canvas_name, face_name = (s.get_inputs()[0].name for s in (detecting, embedding))

    def one(batch: _Bare) -> tuple[list[Any], list[Feed]]:
        found = [detecting.run(None, {canvas_name: canvas}) for canvas in batch.canvases]
        return found, [embedding.run(None, {face_name: face})[0] for face in batch.faces]

    return lambda: list(in_order(one, bare, callers))


def _same_faces(ours: Result, theirs: list[tuple[list[Any], list[Feed]]], batch_size: int) -> bool:
    """A face in each frame, and for each batch the embeddings of its crops: cosine above 0.999."""
    if not all(len(found) == len(features) > 0 for found, features in ours):
        return False
    cosines = []
    for batch, (_, faces) in zip(chunks(ours, batch_size), theirs, strict=True):
        mine = np.concatenate([features for _, features in batch])
        raw = np.concatenate(faces)[: len(mine)]  # what follows is padding
        cosines.append((mine * raw).sum(axis=1) / np.linalg.norm(raw, axis=1))
    return bool((np.concatenate(cosines) > 0.999).all())


def _end_to_end(case: str, frames: list[Image]) -> Iterator[Case | Skipped]:
    """From a file: decoding in the guarded child, against plain decoding, then bare sessions."""
    detector, embedder = _networks("cpu")
    folder = tempfile.TemporaryDirectory(prefix="bench-faces-")
    path = Path(folder.name) / "people.mp4"
    still = (frame for frame in frames for frame in repeat(frame, round(30 / _RATE_HZ)))
    write_video(path, still, frame_rate_hz=30, audio=None)
    times = sample_times(0.0, len(frames) / _RATE_HZ, _RATE_HZ)
    decoded = [frame.image for frame in sample_frames(path, times)]
    run = _bare_run(_recorded(decoded, detector, embedder), "cpu", cpu_threads(), 1)

    def ours() -> Result:
        with GuardedDecoder() as decoder:
            read = ahead(decoder.sample_frames(path, times), detector.settings.frames_at_once)
            return _pipeline((frame.image for frame in read), detector, embedder, "cpu")

    def theirs() -> list[tuple[list[Any], list[Feed]]]:
        for _ in sample_frames(path, times):
            pass
        return run()

    yield Case(
        bench=_BENCH,
        case=f"{case}, from a video of {len(frames) / _RATE_HZ:.0f} s, cpu, one thread a call",
        ours=ours,
        peer=f"PyAV {version('av')} in this process, then bare ONNX sessions",
        theirs=theirs,
        target=_END_TO_END_TARGET,
        equal=partial(_same_faces, batch_size=detector.batch_size),
        rounds=_ROUNDS,
    )
    folder.cleanup()
