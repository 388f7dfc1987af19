"""The loader: each step the same however it is reached; threads end; errors come through."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest
import torch

from fer_assets.compute.seeds import seed_from
from fer_assets.training.augmentation import augment
from fer_assets.training.loader import Batch, batches
from fer_assets.training.pictures import Pictures
from fer_assets.training.predicting import predict_probs, to_tensor
from fer_assets.training.recipes import Augmentation
from fer_assets.training.samples import Samples
from fer_assets_tests.training.tiny import bar_samples, tiny_recipe

VARIED = Augmentation(blur=0.5, noise=0.05, erase_prob=0.5)
RECIPE = tiny_recipe(augmentation=VARIED, seed=3)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before


def all_of(samples: Samples, first: int, last: int) -> list[Batch]:
    return list(batches(samples, RECIPE, first, last, "cpu"))


def same(a: Batch, b: Batch) -> bool:
    is_same_goal = torch.equal(a.goal, b.goal) and np.array_equal(a.rows, b.rows)
    return is_same_goal and torch.equal(a.images, b.images)


def test_batches_are_what_they_say() -> None:
    samples = bar_samples(40, 0)
    found = all_of(samples, 0, 5)
    assert len(found) == 5
    for step, batch in enumerate(found):
        assert batch.images.shape == (16, 3, 32, 32)
        assert batch.images.dtype == torch.float32
        assert batch.images.is_contiguous(memory_format=torch.channels_last)
        assert 0 <= batch.images.min() < batch.images.max() <= 1
        np.testing.assert_array_equal(batch.goal, samples.targets[batch.rows])
        generator = torch.Generator().manual_seed(seed_from(3, "augmentation", step))
        expected = augment(to_tensor(samples.images(batch.rows), "cpu"), VARIED, generator)
        assert torch.equal(batch.images, expected)


def test_going_on_at_a_step_gives_what_an_uninterrupted_run_sees() -> None:
    samples = bar_samples(40, 0)
    whole = all_of(samples, 0, 7)
    assert all(same(a, b) for a, b in zip(whole[4:], all_of(samples, 4, 7), strict=True))
    assert not all_of(samples, 7, 7)


def test_pictures_decoded_on_demand_give_the_same_batches() -> None:
    kept, on_demand = bar_samples(40, 0), bar_samples(40, 0, memory_limit_bytes=1)
    assert all(same(a, b) for a, b in zip(all_of(kept, 0, 4), all_of(on_demand, 0, 4), strict=True))


def test_soft_targets_are_the_goal() -> None:
    soft = np.random.default_rng(0).dirichlet(np.ones(3), 40).astype(np.float32)
    batch = all_of(bar_samples(40, 0, soft_targets=soft), 2, 3)[0]
    np.testing.assert_array_equal(batch.goal, soft[batch.rows])


def test_on_the_cpu_no_thread_takes_the_network_s_cores() -> None:
    with closing(batches(bar_samples(40, 0), RECIPE, 0, 10_000, "cpu")) as ready:
        next(ready)
        assert not any(thread.name.startswith("ahead") for thread in threading.enumerate())
    assert next(ready, None) is None


class Failing(Pictures):
    """Fails at the third batch."""

    def images(self, rows: object) -> np.ndarray:
        calls.append(1)
        if len(calls) == 3:
            raise OSError("the disk is gone")
        return super().images(rows)  # type: ignore[arg-type]


calls: list[int] = []


def test_an_error_comes_in_the_place_of_its_batch() -> None:
    calls.clear()
    samples = bar_samples(40, 0)
    failing = Failing(**samples.pictures.__dict__)
    broken = Samples(samples.targets, 3, None, samples.numbers, failing)
    seen = []
    with pytest.raises(OSError, match="the disk is gone"):
        for batch in batches(broken, RECIPE, 0, 9, "cpu"):
            seen.append(batch)
    assert len(seen) == 2


def test_predictions_of_a_failing_reader_fail_and_leave_no_thread() -> None:
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2))

    def images(rows: np.ndarray) -> np.ndarray:
        if rows[0] >= 8:
            raise OSError("gone")
        return np.full((len(rows), 2, 2, 3), 9, np.uint8)

    found = predict_probs(network, images, 8, flip_average=True, device="cpu", batch_size=3)
    assert found.shape == (8, 2)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-6)
    assert (found == found[0]).all()
    with pytest.raises(OSError, match="gone"):
        predict_probs(network, images, 20, flip_average=True, device="cpu", batch_size=4)
