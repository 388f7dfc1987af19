from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest

from fer_assets.compute.device import cuda_device_count
from fer_assets.compute.staging import Staging, pin


@pytest.mark.parametrize("is_pinned", [False, True])
def test_the_same_shape_is_the_same_memory(is_pinned: bool) -> None:
    staging = Staging(is_pinned)
    first = staging.array(2, 3, 4)
    assert (first.shape, first.dtype) == ((2, 3, 4), np.float32)
    assert staging.array(2, 3, 5) is not first
    assert staging.array(2, 3, 4) is first


def test_old_shapes_are_let_go() -> None:
    staging = Staging()
    old, used = weakref.ref(staging.array(1)), staging.array(2)
    for side in range(3, 12):
        staging.array(side)
        assert staging.array(2) is used
    gc.collect()
    assert old() is None


def test_each_thread_has_its_own() -> None:
    staging = Staging()
    mine = staging.array(3)
    theirs: list[np.ndarray] = []
    thread = threading.Thread(target=lambda: theirs.append(staging.array(3)))
    thread.start()
    thread.join()
    assert theirs[0] is not mine


@pytest.mark.skipif(cuda_device_count() > 0, reason="there is a GPU to pin memory for")
def test_without_a_gpu_nothing_is_pinned() -> None:
    assert pin(np.zeros(10)) is False


@pytest.mark.skipif(cuda_device_count() == 0, reason="no GPU")
def test_with_a_gpu_memory_is_pinned_once_and_let_go() -> None:
    array = np.zeros(1 << 16, np.float32)
    assert pin(array)
    assert not pin(array)
    del array
    assert pin(np.zeros(1 << 16, np.float32))
