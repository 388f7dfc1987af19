"""The public benchmarks of the paper, and rows for those whose data is not there.

Belongs here: what each is, where its images are looked for, how to get them. Does not belong here:
reading them (`image_folder.py`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from fer_assets.benchmarks.protocols import EKMAN_5
from fer_assets.benchmarks.scoring import Row, skipped_rows
from fer_assets.storage.schemas.tiktokfer import BENCHMARK_SCORES


@dataclass(frozen=True)
class PublicBenchmark:
    """A benchmark of the paper's Table 3.

    Attributes:
        key: name in the tables; its images lie in benchmarks/KEY/CLASS/.
        title: name for a person.
        access: how to get it.
    """

    key: str
    title: str
    access: str

    def folder(self, root: Path) -> Path:
        """Where its images are looked for, below the data root."""
        return root / "benchmarks" / self.key


PUBLIC_BENCHMARKS: Final = (
    PublicBenchmark("aff-wild2", "Aff-Wild2", "on request from its authors, after signing an EULA"),
    PublicBenchmark("cafe", "CAFE", "on request, for researchers, through Databrary"),
    PublicBenchmark("ck-plus", "CK+", "on request from its authors, after signing an agreement"),
)


def absent_benchmarks(present: Collection[str]) -> pl.DataFrame:
    """BENCHMARK_SCORES rows, all skipped, for the benchmarks whose data is not there.

    Args:
        present: keys of the benchmarks that were found and are scored elsewhere.
    """
    rows: list[Row] = []
    for benchmark in PUBLIC_BENCHMARKS:
        if benchmark.key not in present:
            reason = f"no data at benchmarks/{benchmark.key}; {benchmark.access}"
            rows += skipped_rows(benchmark.key, EKMAN_5.name, reason)
    return BENCHMARK_SCORES.frame(rows)
