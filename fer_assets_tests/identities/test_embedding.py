from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from fer_assets.compute.sessions import open_session
from fer_assets.identities.embedding import FaceEmbedder, embed_faces, load_embedder
from fer_assets.media.face_template import arcface_view
from fer_assets.media.image_codec import encode_jpeg
from fer_assets.storage.schemas.tiktokfer import FACE_CROPS
from fer_assets.weights.loading import load_onnx
from fer_assets.weights.weight import WeightError
from fer_assets_tests.identities.conftest import Faces


def test_equals_the_network_fed_by_hand(
    embedder: FaceEmbedder, lfw: Faces, weights_folder: Path
) -> None:
    crops = lfw.crops[:3]
    session = open_session(load_onnx(embedder.name, weights_folder), "cpu")
    pixels = arcface_view(crops).astype(np.float64)
    if embedder.name.startswith("arcface"):
        pixels = (pixels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    rows = [
        session.run(None, {session.get_inputs()[0].name: p.transpose(2, 0, 1)[None]})[0][0]
        for p in pixels.astype(np.float32)
    ]
    expected = np.array(rows) / np.linalg.norm(rows, axis=1, keepdims=True)
    found = embedder.embed(crops)
    assert found.shape == (3, 128)
    assert found.dtype == np.float32
    assert np.allclose(found, expected, atol=1e-4)


def test_a_face_gives_the_same_bits_in_any_company(embedder: FaceEmbedder, lfw: Faces) -> None:
    many = embedder.embed(lfw.crops[:21])
    assert np.array_equal(embedder.embed(lfw.crops[:5]), many[:5])
    assert embedder.embed(lfw.crops[:0]).shape == (0, 128)


def test_people_are_apart(lfw_features: NDArray[np.float32], lfw: Faces) -> None:
    features = lfw_features[:80]
    people = lfw.people[:80]
    cosines = features @ features.T
    rows, cols = np.triu_indices(80, 1)
    is_same = people[rows] == people[cols]
    values = cosines[rows, cols]
    assert np.median(values[is_same]) > 0.5
    assert np.quantile(values[~is_same], 0.99) < 0.4


def test_a_table_of_crops(embedder: FaceEmbedder, lfw: Faces) -> None:
    image = [
        {"bytes": encode_jpeg(crop), "path": f"{k}.jpg"} for k, crop in enumerate(lfw.crops[:4])
    ]
    fixed = {
        "video_id": "v",
        "clip_id": "v/p/0",
        "prompt_id": "p",
        "expression": "sad",
        **dict.fromkeys(("x0_px", "y0_px", "x1_px", "y1_px"), 1.0),
        "detection_score": 0.9,
        "landmarks_px": [0.0] * 10,
        "rotation_deg": 0,
        "face_px": 2.0,
        "sharpness": 0.0,
        "roll_deg": 0.0,
        "yaw_ratio": 0.0,
    }
    crops = FACE_CROPS.frame(
        [{**fixed, "face_id": f"v/{k}", "timestamp_ms": k, "image": image[k]} for k in range(4)]
    )
    found = embed_faces(crops.reverse(), embedder)
    direct = embedder.embed(lfw.crops[:4])
    assert found["face_id"].to_list() == [f"v/{k}" for k in range(4)]
    assert found["embedder"].unique().to_list() == [embedder.name]
    cosines = (np.array(found["embedding"].to_list()) * direct).sum(axis=1)
    assert (cosines > 0.97).all()  # JPEG is all that lies between
    assert embed_faces(FACE_CROPS.empty(), embedder).equals(found.clear())
    assert found.schema["embedding"] == pl.List(pl.Float32)


def test_a_detector_embeds_nothing(weights_folder: Path) -> None:
    with pytest.raises(WeightError, match="embeds faces"):
        load_embedder("retinaface-mnet025", weights_folder, "cpu")
