"""Batches of one fixed shape.

Belongs here: cutting work into padded batches and running them. Does not belong here: what is
in a batch. A network's sums may be ordered differently for another batch size, so a short last
batch is padded: the same item in the same place always gives the same bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fer_assets.compute.staging import Staging


class Session(Protocol):
    """The part of an ONNX Runtime session that is used here."""

    def get_inputs(self) -> Any: ...  # noqa: D102

    def get_providers(self) -> Any: ...  # noqa: D102

    def run(self, output_names: Any, input_feed: dict[str, NDArray[Any]]) -> Any: ...  # noqa: D102


def padded_batches(n: int, batch_size: int) -> Iterator[tuple[slice, int]]:
    """Cut `n` items into batches of `batch_size`.

    Yields:
        The slice of the items that are in the batch, and how many items of padding follow them
        (0 for all but the last).

    Raises:
        ValueError: `batch_size` is below 1 or `n` below 0.
    """
    if batch_size < 1 or n < 0:
        raise ValueError(f"batch_size must be at least 1 and n at least 0, not {batch_size}, {n}")
    for start in range(0, n, batch_size):
        stop = min(start + batch_size, n)
        yield slice(start, stop), batch_size - (stop - start)


def run_padded(
    session: Session, array: NDArray[Any], batch_size: int, staging: Staging | None = None
) -> tuple[NDArray[np.float32], ...]:
    """Run a one-input network over `array` in batches of exactly `batch_size`.

    Args:
        session: an ONNX Runtime session whose first axis is the batch.
        array: ``(n, ...)``, of the dtype the network takes.
        batch_size: items per call; a short last batch is padded with zeros.
        staging: float32 memory to hand batches over in, pinned for a GPU; without it, a batch is
            a view of `array` where it can be.

    Returns:
        The network's outputs in its order, each ``(n, ...)``. With ``n = 0`` the network runs
        once on padding, so that the outputs have their true shapes.
    """
    name = session.get_inputs()[0].name
    n = len(array)
    parts: list[list[NDArray[Any]]] = []
    for span, padding in padded_batches(n, batch_size) if n else [(slice(0, 0), batch_size)]:
        batch = array[span]
        if staging is not None:
            filled = staging.array(batch_size, *array.shape[1:])
            filled[: len(batch)], filled[len(batch) :] = batch, 0
            batch = filled
        elif padding:
            batch = np.concatenate([batch, np.zeros((padding, *array.shape[1:]), array.dtype)])
        outputs = session.run(None, {name: np.ascontiguousarray(batch)})
        parts.append([output[: batch_size - padding] for output in outputs])
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))
