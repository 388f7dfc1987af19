from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from fer_assets.compute.sessions import open_session
from fer_assets.identities.embedding import FaceEmbedder, embed_parts, load_embedder
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


def _table(lfw: Faces, faces: range, video: str) -> pl.DataFrame:
    """FACE_CROPS of some of the crops, as one video's."""
    fixed = {
        "video_id": video,
        "clip_id": f"{video}/p/0",
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
    rows = [
        {
            **fixed,
            "face_id": f"{video}/{k:03d}",
            "timestamp_ms": k,
            "image": {"bytes": encode_jpeg(lfw.crops[k]), "path": f"{k}.jpg"},
        }
        for k in faces
    ]
    return FACE_CROPS.frame(rows)


def test_a_table_of_crops(embedder: FaceEmbedder, lfw: Faces) -> None:
    crops = _table(lfw, range(4), "v")
    (key, found), (_, none) = embed_parts(
        [("v", crops.reverse()), ("w", FACE_CROPS.empty())], embedder
    )
    assert key == "v"
    direct = embedder.embed(lfw.crops[:4])
    assert found["face_id"].to_list() == [f"v/{k:03d}" for k in range(4)]
    assert found["embedder"].unique().to_list() == [embedder.name]
    cosines = (np.array(found["embedding"].to_list()) * direct).sum(axis=1)
    assert (cosines > 0.97).all()  # JPEG is all that lies between
    assert none.equals(found.clear())
    assert found.schema["embedding"] == pl.List(pl.Float32)


@pytest.mark.parametrize("crops_at_once", [3, 16])
def test_batches_across_videos_change_no_bit(
    embedder: FaceEmbedder, lfw: Faces, crops_at_once: int
) -> None:
    """Padded batches of three, of one or two videos, against each video alone."""
    batched = replace(embedder, batch_size=3, crops_at_once=crops_at_once)
    spans = {"a": range(4), "b": range(0), "c": range(4, 5), "d": range(2, 9), "e": range(0)}
    parts = {key: _table(lfw, span, key) for key, span in spans.items()}
    for network in (embedder, batched):
        together = dict(embed_parts(parts.items(), network, workers=3))
        assert list(together) == list(parts)
        for key, crops in parts.items():
            assert together[key].height == len(spans[key])
            ((_, alone),) = embed_parts([(key, crops)], network)
            assert together[key].equals(alone)
    twice = [together[key]["embedding"].to_list() for key in ("a", "d")]
    assert twice[0][2:4] == twice[1][:2]  # the same crops at other places of other batches


def test_parts_are_read_a_little_ahead_and_closed(embedder: FaceEmbedder, lfw: Faces) -> None:
    read: list[str] = []

    def parts() -> Iterator[tuple[str, pl.DataFrame]]:
        try:
            for at in range(1000):
                read.append(str(at))
                yield str(at), _table(lfw, range(1), str(at))
        finally:
            read.append("closed")

    one = replace(embedder, crops_at_once=1)
    with closing(embed_parts(parts(), one)) as found:
        assert next(found)[0] == "0"
    assert read[-1] == "closed"
    assert len(read) <= 8


def test_workers_change_no_bit(embedder: FaceEmbedder, lfw: Faces) -> None:
    some = replace(embedder, crops_at_once=4)
    assert np.array_equal(some.embed(lfw.crops[:9], workers=3), some.embed(lfw.crops[:9]))
    assert embedder.provider == "CPUExecutionProvider"


def test_a_detector_embeds_nothing(weights_folder: Path) -> None:
    with pytest.raises(WeightError, match="embeds faces"):
        load_embedder("retinaface-mnet025", weights_folder, "cpu")
