"""The public benchmarks of the paper, and rows for those whose data is not there.

Belongs here: what each is, where its images are looked for, how to get them. Does not belong here:
reading them (`readers/`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import polars as pl

from fer_assets.benchmarks.protocols import EKMAN_5
from fer_assets.benchmarks.scoring import Row, skipped_rows
from fer_assets.storage.schemas.tiktokfer import BENCHMARK_SCORES


@dataclass(frozen=True)
class PublicBenchmark:
    """A benchmark of the paper's Table 3.

    Attributes:
        key: name in the tables; its data lies where `[benchmarks]` of settings.toml says, or in
            benchmarks/KEY/.
        title: name for a person.
        access: how to get it.
    """

    key: str
    title: str
    access: str


PUBLIC_BENCHMARKS: Final = (
    PublicBenchmark("aff-wild2", "Aff-Wild2", "on request from its authors, after signing an EULA"),
    PublicBenchmark("cafe", "CAFE", "on request, for researchers, through Databrary"),
    PublicBenchmark("ck-plus", "CK+", "on request from its authors, after signing an agreement"),
)


def absent_benchmarks(
    present: Collection[str], looked_for: Mapping[str, str] = MappingProxyType({})
) -> pl.DataFrame:
    """BENCHMARK_SCORES rows, all skipped, for the benchmarks whose data is not there.

    Args:
        present: names of those that were found and are scored elsewhere.
        looked_for: name to the place where settings say that data lies, though there is none.
    """
    access = {benchmark.key: benchmark.access for benchmark in PUBLIC_BENCHMARKS}
    rows: list[Row] = []
    for name in sorted({*access, *looked_for} - set(present)):
        place = looked_for.get(name, f"benchmarks/{name}")
        reason = "; ".join(filter(None, (f"no data at {place}", access.get(name, ""))))
        rows += skipped_rows(name, EKMAN_5.name, reason)
    return BENCHMARK_SCORES.frame(rows)
