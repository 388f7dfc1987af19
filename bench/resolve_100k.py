"""100,000 embeddings of about 9,000 made-up people resolved by all three steps.

Belongs here: the challenge and its limits, 180 s and 4 GB on two cores. Does not belong here:
comparisons with peers: there is none that does this. `python -m bench.resolve_100k` prints one
JSON line per width of the embeddings, each measured in a process of its own.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fer_assets.identities.resolution import resolve
from fer_assets.identities.settings import ResolutionSettings, Thresholds
from fer_assets.metrics.clustering import adjusted_rand_index
from fer_assets.storage.schemas.tiktokfer import FACE_EMBEDDINGS, IDENTITY_REGISTRY

_N, _N_PEOPLE = 100_000, 9_000
_WIDTHS = (128, 512)
_LIMIT_S, _LIMIT_GB = 180.0, 4.0
_LEAST_ARI = 0.99
_THRESHOLDS = Thresholds(within_video=0.35, across_videos=0.45, duplicate=0.95)


def made_up_challenge(width: int) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    """FACE_EMBEDDINGS of videos with two to eight frames, every twentieth a duet; who is who.

    A face is its person's direction, off by the video's light and by its own expression.
    """
    rng = np.random.default_rng(0)
    videos: list[int] = []
    times: list[int] = []
    people: list[int] = []
    xs: list[int] = []
    for video in range(_N):
        first = video if video < _N_PEOPLE else int(rng.integers(_N_PEOPLE))
        shown = [first, int(rng.integers(_N_PEOPLE))] if rng.random() < 0.05 else [first]
        for frame in range(int(rng.integers(2, 9))):
            for place, person in enumerate(shown):
                videos.append(video)
                times.append(500 * frame)
                people.append(person)
                xs.append(300 + 400 * place)
        if len(videos) >= _N:
            break
    who = np.array(people[:_N])
    deviations = (1 + np.arange(width)) ** -0.2
    takes = np.unique(np.stack([videos[:_N], xs[:_N]], axis=1), axis=0, return_inverse=True)[1]

    def directions(n: int) -> NDArray[np.float32]:
        return _unit((rng.standard_normal((n, width), np.float32) * deviations).astype(np.float32))

    light = directions(int(takes.max()) + 1)[takes.reshape(-1)]
    features = _unit(directions(_N_PEOPLE)[who] + 0.55 * light + 0.5 * directions(_N))
    names = [f"{video:016x}" for video in videos[:_N]]
    places = zip(names, times[:_N], xs[:_N], strict=True)
    table = pl.DataFrame(
        {
            "face_id": [f"{name}/{time_ms}/{x}-500" for name, time_ms, x in places],
            "video_id": names,
            "timestamp_ms": times[:_N],
            "embedder": ["made-up"] * _N,
            "embedding": pl.Series(features).cast(pl.List(pl.Float32)),
        },
        schema=FACE_EMBEDDINGS.dtypes,
    )
    return table, who


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def _measure(width: int) -> None:
    table, people = made_up_challenge(width)
    start, start_cpu = time.perf_counter(), time.process_time()
    found = resolve(table, _THRESHOLDS, IDENTITY_REGISTRY.empty(), ResolutionSettings())
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    truth = table.select("face_id").with_columns(person=people)
    joined = found.clusters.join(truth, on="face_id")
    ari = adjusted_rand_index(joined["person"].to_numpy(), joined["identity_id"].to_numpy())
    row = {
        "bench": "resolve_100k",
        "case": f"{_N} embeddings of {width} numbers, {_N_PEOPLE} people",
        "ours_s": round(seconds, 2),
        "cpu_s": round(cpu, 2),
        "limit_s": _LIMIT_S,
        "peak_gb": round(peak_gb, 2),
        "limit_gb": _LIMIT_GB,
        "ari": round(ari, 4),
        "equal": seconds < _LIMIT_S and peak_gb < _LIMIT_GB and ari >= _LEAST_ARI,
    }
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _measure(int(sys.argv[1]))
    else:
        for one in _WIDTHS:
            subprocess.run([sys.executable, "-m", "bench.resolve_100k", str(one)], check=True)
