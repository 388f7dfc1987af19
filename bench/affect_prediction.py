"""Is every frame's expression, valence, arousal and action units said faster than the video plays?

Ours: from the file to the written table, every frame, with the default detector, the default
backbone and heads of the published kind. Against the video's own length, which is simply waited
for. Networks are made up, since what they say costs the same whatever it is. Loading them is done
before and not counted; starting the decoding process is.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bench.case import Case, Skipped
from bench.prediction import write_clip
from fer_assets.compute.torch_setup import import_torch
from fer_assets.faces.alignment import align
from fer_assets.faces.detector import DETECTOR_WEIGHTS, FaceDetector, load_detector
from fer_assets.faces.settings import FaceSettings
from fer_assets.frame_affect.affect_model import AffectModel
from fer_assets.frame_affect.backbone.specs import DEFAULT_BACKBONE, find_spec
from fer_assets.frame_affect.heads.head import OUTPUTS, Features, Head
from fer_assets.frame_affect.predictions.smoothing import smooth_frames
from fer_assets.inference.measures import affect_measure
from fer_assets.inference.predictor import Predictor
from fer_assets.inference.runs import PredictSettings, predict_path
from fer_assets.inference.smoothing import PAPER_SMOOTHING
from fer_assets.media.frames import sample_frames
from fer_assets.training.embedding import embedding_bytes, load_embedding_network
from fer_assets.training.embedding_onnx import OnnxEmbedding, embedding_to_onnx, open_embedding
from fer_assets.training.networks import build_network
from fer_assets.weights.fetching import ensure

_REPOSITORY = Path(__file__).parents[1]

BENCH = "affect_prediction"
TARGET = 1.0
SIZE = (640, 360)
N_FRAMES, RATE_HZ = 180, 30
EXPRESSIONS = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "other")
HIDDEN = 128


def cases() -> Iterator[Case | Skipped]:
    """6 s of one face at 30 frames per second."""
    data = Path(os.environ.get("FER_TEST_DATA") or _REPOSITORY.parent / "shared" / "data")
    source = data / "videos" / "distress_to_smile.mp4"
    weights = Path(os.environ.get("FER_WEIGHTS") or _REPOSITORY / "fer_data" / "weights")
    case = f"{N_FRAMES} frames of {SIZE[0]}x{SIZE[1]} at {RATE_HZ} Hz, one face"
    if not source.is_file():
        yield Skipped(BENCH, case, f"no {source.name}: set FER_TEST_DATA")
        return
    ensure(DETECTOR_WEIGHTS, weights)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_clip(source, path, SIZE, N_FRAMES)
        detector = load_detector(weights, "cpu", FaceSettings())
        yield _case(case, path, detector, made_up_model())


def made_up_model() -> AffectModel:
    """The default backbone and heads of the published kind, their weights drawn, not learned."""
    import_torch()
    spec = find_spec(DEFAULT_BACKBONE, {"weights": "random"})
    recipe = spec.recipe("all")
    network = build_network(recipe, len(EXPRESSIONS), Path("none"))
    stored = embedding_bytes(spec.name, network, recipe, EXPRESSIONS)
    graph = embedding_to_onnx(load_embedding_network(*stored))
    source = open_embedding(graph.data)
    kinds: dict[str, tuple[Features, bool]] = {
        "EXPR": ("embeddings", True),
        "VA": ("scores", False),
        "AU": ("embeddings", True),
    }
    heads = {
        task: _head(task, features, has_hidden, source, seed)
        for seed, (task, (features, has_hidden)) in enumerate(kinds.items())
    }
    return AffectModel("made up", source, heads)


def _head(
    task: str, features: Features, has_hidden: bool, source: OnnxEmbedding, seed: int
) -> Head:
    rng = np.random.default_rng(seed)
    n_in = source.n_embedding if features == "embeddings" else len(source.classes)
    sizes = [n_in, *([HIDDEN] if has_hidden else []), len(OUTPUTS[task])]
    layers = []
    for before, after in pairwise(sizes):
        weights = rng.normal(size=(after, before)) / np.sqrt(before)
        layers.append((weights.astype(np.float32), np.zeros(after, np.float32)))
    return Head(task, features, tuple(layers))


def _case(case: str, path: Path, detector: FaceDetector, model: AffectModel) -> Case:
    predictor = Predictor(None, detector, measures=[affect_measure(model)], fills_gaps=True)
    settings = PredictSettings("all", PAPER_SMOOTHING, annotates=False, replaces=True)
    expected = _in_turn(path, detector, model)

    def ours() -> NDArray[np.float64]:
        out = path.with_name("out")
        predict_path(path, out, predictor, settings, {})
        table = pl.read_parquet(out / "predictions.parquet")
        probs = [f"prob_{name}" for name in (*model.expressions, *model.action_units)]
        return table.select(*probs, "valence", "arousal").to_numpy()

    def as_long_as_it_plays() -> NDArray[np.float64]:
        time.sleep(N_FRAMES / RATE_HZ)
        return expected

    return Case(BENCH, case, ours, "its own length", as_long_as_it_plays, TARGET, _equal, 3)


def _in_turn(path: Path, detector: FaceDetector, model: AffectModel) -> NDArray[np.float64]:
    """(T, 22) the same by the line's own parts: frame by frame, then a mean over 15 frames."""
    times = (np.arange(N_FRAMES) + 0.5) / RATE_HZ
    rows = []
    for frame in sample_frames(path, times):
        found = detector.detect([frame.image])[0]
        rows.append(model.values(align(frame.image, found.landmarks))[0])
    values = smooth_frames(np.array(rows), "mean", 15)
    n_expressions = len(model.expressions)
    moods = slice(n_expressions, n_expressions + 2)
    return np.column_stack([values[:, :n_expressions], values[:, moods.stop :], values[:, moods]])


def _equal(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> bool:
    """The same rows but for rounding."""
    return ours.shape == theirs.shape and bool(np.allclose(ours, theirs, atol=1e-5))
