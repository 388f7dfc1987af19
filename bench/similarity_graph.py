"""The exact similarity graph of 50,000 embeddings against faiss.

Belongs here: the embeddings, both calls, peak memory. Does not belong here: clustering the graph
(`chinese_whispers.py`).

`equal` says that both find the same pairs, but for pairs within 1e-5 of the threshold, and that a
process that makes our graph stays under 2 GB. faiss also finds each pair twice and each row with
itself; that is how it is called, so it is in its time. Adding the rows to its index is not.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.case import Case, Skipped
from fer_assets.identities.graph import CsrGraph, similarity_graph

BENCH = "similarity_graph"
_TARGET = 0.5
_N, _WIDTH, _THRESHOLD = 50_000, 512, 0.5
_FACES_PER_PERSON = 6
_TIE = 1e-5
_MEMORY_GB = 2.0


def cases() -> Iterator[Case | Skipped]:
    """One case, and what our side takes in memory in its text."""
    name = f"{_N // 1000}k x {_WIDTH}, cosine >= {_THRESHOLD}"
    if not find_spec("faiss"):
        yield Skipped(BENCH, name, "faiss is not installed: make bench installs faiss-cpu")
        return
    import faiss

    features = made_up_features()
    peak_gb = _peak_of_a_process_gb()
    index = faiss.IndexFlatIP(_WIDTH)
    index.add(features)

    yield Case(
        bench=BENCH,
        case=f"{name}, peak {peak_gb:.2f} GB of at most {_MEMORY_GB:g}",
        ours=lambda: similarity_graph(features, _THRESHOLD),
        peer=f"faiss {version('faiss-cpu')} IndexFlatIP.range_search",
        theirs=lambda: index.range_search(features, _THRESHOLD),
        target=_TARGET,
        equal=lambda ours, theirs: peak_gb < _MEMORY_GB and _same_pairs(ours, theirs),
    )


def made_up_features() -> NDArray[np.float32]:
    """Rows of made-up people, some held together more closely than others; unit length.

    As in real embeddings some directions vary more than others, so that the cosines of different
    people spread; the cosines within a person lie on both sides of the threshold.
    """
    rng = np.random.default_rng(0)
    people = np.arange(_N) % (_N // _FACES_PER_PERSON)
    deviations = (1 + np.arange(_WIDTH)) ** -0.2
    centres = _unit(rng.standard_normal((people.max() + 1, _WIDTH), np.float32) * deviations)
    spread = rng.uniform(0.5, 1.3, len(centres))[people, None]
    noise = _unit(rng.standard_normal((_N, _WIDTH), np.float32) * deviations)
    return _unit(centres[people] + spread * noise).astype(np.float32)


def _unit(rows: NDArray[Any]) -> NDArray[Any]:
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def _same_pairs(ours: CsrGraph, theirs: tuple[Any, Any, Any]) -> bool:
    """Whether the pairs clear of the threshold are the same, and all similarities nearly."""
    starts, cosines, columns = theirs
    rows = np.repeat(np.arange(_N), np.diff(starts.astype(np.int64)))
    upper = rows < columns
    their_pairs, cosines = rows[upper] * _N + columns[upper], cosines[upper]
    a, b, weights = ours.edges()
    our_pairs = a.astype(np.int64) * _N + b
    _, at, their_at = np.intersect1d(
        our_pairs, their_pairs, assume_unique=True, return_indices=True
    )
    alone = np.concatenate([np.delete(weights, at), np.delete(cosines, their_at)])
    differences = np.abs(weights[at] - cosines[their_at])
    is_same_set = len(at) > 0 and np.abs(alone - _THRESHOLD).max(initial=0) <= _TIE
    return bool(is_same_set and differences.max() < _TIE)


def _peak_of_a_process_gb() -> float:
    """Peak resident memory of a fresh process that makes the features and the graph."""
    command = [sys.executable, "-m", __name__]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


if __name__ == "__main__":
    similarity_graph(made_up_features(), _THRESHOLD)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9)
