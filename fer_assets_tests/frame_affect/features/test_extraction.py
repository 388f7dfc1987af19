"""Features of frames: every frame's own, whatever it is worked on with."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fer_assets.compute.device import Device
from fer_assets.compute.threads import cpu_threads
from fer_assets.errors import FerError
from fer_assets.frame_affect.features.extraction import (
    VideoFrames,
    _batches,
    _Frame,
    _Start,
    extract_features,
    feature_rows,
)
from fer_assets.frame_affect.features.source import load_feature_source
from fer_assets.frame_affect.frames.pictures import read_picture
from fer_assets.storage.schemas.frame_affect import FRAME_FEATURES
from fer_assets.training.embedding import Features
from fer_assets.training.samples import shrink
from fer_assets_tests.frame_affect.features.material import InMemory, jpeg

VIDEO = "0123456789abcdef"
BROKEN = b"\xff\xd8 no picture"


@dataclass
class Mean:
    """A network that says how bright each picture's channels are, and keeps its calls' sizes."""

    name: str = "mean"
    image_px: int = 8
    classes: tuple[str, ...] = ("dark", "bright")
    n_embedding: int = 3
    runtime: str = "numpy"
    calls: list[int] = field(default_factory=list)
    is_broken: bool = False

    def features(self, images: NDArray[np.uint8]) -> Features:
        self.calls.append(len(images))
        means = images.mean((1, 2), dtype=np.float32)
        bright = means.mean(1) / 255
        if self.is_broken:
            means = means * np.float32("nan")
        return Features(means, np.stack([1 - bright, bright], 1).astype(np.float32))


def grey(value: int) -> bytes:
    found, data = cv2.imencode(".png", np.full((8, 8, 3), value, np.uint8))
    assert found
    return data.tobytes()


def row(frame: int, data: bytes | None, file: str | None = None) -> dict[str, Any]:
    """A row whose picture is a file below the folder, where `data` is None."""
    image = None if data is None else {"bytes": data, "path": None}
    return {"video_id": VIDEO, "frame": frame, "file": file, "image": image}


def in_folder(folder: Path, lengths: list[list[int | None]]) -> list[VideoFrames]:
    """Videos of grey pictures of 8 px, each brightness once written; None for broken ones."""
    for value in {value for video in lengths for value in video}:
        data = BROKEN if value is None else grey(value)
        (folder / f"{value}.png").write_bytes(data)
    return [
        VideoFrames(
            str(at), len(video), [row(n, None, f"{v}.png") for n, v in enumerate(video, start=1)]
        )
        for at, video in enumerate(lengths)
    ]


@given(st.lists(st.lists(st.none() | st.integers(0, 20), max_size=40), max_size=9))
@settings(max_examples=25, deadline=None)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_every_frame_gets_its_own_features(
    tmp_path_factory: pytest.TempPathFactory, device: Device, lengths: list[list[int | None]]
) -> None:
    folder = tmp_path_factory.mktemp("crops")
    source = Mean()
    found = list(extract_features(in_folder(folder, lengths), source, device, folder))
    assert [one.key for one in found] == [str(at) for at in range(len(lengths))]
    for one, video in zip(found, lengths, strict=True):
        whole = [(frame, v) for frame, v in enumerate(video, start=1) if v is not None]
        assert one.frames.tolist() == [frame for frame, _ in whole]
        assert one.n_unreadable == video.count(None)
        assert one.features.embeddings.tolist() == [[v, v, v] for _, v in whole]
        np.testing.assert_allclose(
            one.features.scores[:, 1], [v / 255 for _, v in whole], atol=1e-6
        )


@given(st.lists(st.sampled_from(["start", "whole", "broken"])), st.integers(1, 7))
def test_batches_are_full_and_lose_nothing(kinds: list[str], size: int) -> None:
    made = {
        "start": _Start("a", 1),
        "whole": _Frame(1, np.zeros((1, 1, 3), np.uint8)),
        "broken": _Frame(2, None),
    }
    items = [made[kind] for kind in kinds]
    batches = list(_batches(items, size))
    assert [item for batch in batches for item in batch] == items
    counts = [sum(item is made["whole"] for item in batch) for batch in batches]
    for batch, count in zip(batches[:-1], counts[:-1], strict=True):
        assert count == size or len(batch) == 4 * size
    assert all(count <= size for count in counts)


def test_short_videos_share_a_batch(tmp_path: Path) -> None:
    """128 videos of one frame are one call on a GPU, not 128."""
    source = Mean()
    list(extract_features(in_folder(tmp_path, [[3]] * 128), source, "cuda", tmp_path))
    assert source.calls == [128]


def test_a_real_network_s_features_are_those_of_each_picture_alone(tmp_path: Path) -> None:
    """Files of 112 px and stored crops, with a real graph; bit by bit."""
    source = load_feature_source(InMemory(), "cpu")
    (tmp_path / "00002.jpg").write_bytes(jpeg(2, 112))
    rows = [row(1, jpeg(1, 224)), row(2, None, "00002.jpg"), row(4, BROKEN), row(7, jpeg(7, 224))]
    (found,) = extract_features([VideoFrames("a", 4, rows)], source, "cpu", tmp_path)
    assert found.frames.tolist() == [1, 2, 7]
    assert found.n_unreadable == 1
    for at, one in enumerate((rows[0], rows[1], rows[3])):
        picture = shrink(read_picture(one, tmp_path), source.image_px)
        alone = source.features(picture[None])
        assert np.array_equal(found.features.embeddings[at], alone.embeddings[0])
        assert np.array_equal(found.features.scores[at], alone.scores[0])


def test_all_waits_for_who_stores(tmp_path: Path) -> None:
    """However long a video is, only so many of its crops are in memory."""
    n_read = 0
    source = Mean()
    (tmp_path / "9.png").write_bytes(grey(9))

    def rows(n: int) -> Iterator[Mapping[str, Any]]:
        nonlocal n_read
        for frame in range(1, n + 1):
            n_read += 1
            yield row(frame, None, "9.png")

    videos = (VideoFrames(str(at), n, rows(n)) for at, n in enumerate([1, 5_000, 1]))
    with closing(extract_features(videos, source, "cpu", tmp_path)) as found:
        next(found)
        before = -1
        while before != n_read:  # until all queues are full
            before = n_read
            time.sleep(0.2)
        n_asked = sum(source.calls)
        assert n_asked <= 16 * (66 + 2 * cpu_threads())  # features are small and may wait
        assert n_read - n_asked <= 16 * (8 + 4 * cpu_threads())  # crops are large
        assert [len(one.frames) for one in found] == [5_000, 1]


def test_stopping_early_ends_all_threads(tmp_path: Path) -> None:
    before = threading.active_count()
    found = extract_features(in_folder(tmp_path, [[1], [2] * 900]), Mean(), "cpu", tmp_path)
    next(found)
    found.close()
    assert threading.active_count() == before


def test_features_that_are_no_numbers_are_an_error(tmp_path: Path) -> None:
    videos = in_folder(tmp_path, [[1, 2]])
    with pytest.raises(FerError, match="finite"):
        list(extract_features(videos, Mean(is_broken=True), "cpu", tmp_path))


def test_fewer_frames_than_announced_are_an_error(tmp_path: Path) -> None:
    (video,) = in_folder(tmp_path, [[1, 2]])
    with pytest.raises(ValueError, match="announced"):
        list(extract_features([VideoFrames("a", 3, video.rows)], Mean(), "cpu", tmp_path))


@pytest.mark.parametrize("kinds", [("embeddings", "scores"), ("embeddings",), ("scores",)])
def test_rows_hold_what_is_asked_for(tmp_path: Path, kinds: tuple[str, ...]) -> None:
    (found,) = extract_features(in_folder(tmp_path, [[4, None, 6]]), Mean(), "cpu", tmp_path)
    rows = feature_rows(found, "mean", VIDEO, kinds)
    assert rows.schema == FRAME_FEATURES.empty().schema
    assert rows["frame"].to_list() == [1, 3]
    assert rows["embedding"].list.len().to_list() == [3 * ("embeddings" in kinds)] * 2
    assert rows["scores"].list.len().to_list() == [2 * ("scores" in kinds)] * 2
    if "embeddings" in kinds:
        assert rows["embedding"].to_list() == [[4.0] * 3, [6.0] * 3]


def test_a_video_without_a_readable_crop_has_no_rows(tmp_path: Path) -> None:
    (found,) = extract_features(in_folder(tmp_path, [[None, None]]), Mean(), "cpu", tmp_path)
    assert found.n_unreadable == 2
    assert feature_rows(found, "mean", VIDEO).height == 0
