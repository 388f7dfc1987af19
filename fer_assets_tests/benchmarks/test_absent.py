"""Benchmarks that are not there have rows that say so, beside the paper's figures."""

from __future__ import annotations

import polars as pl

from fer_assets.benchmarks.absent import absent_benchmarks


def test_every_absent_benchmark_says_where_it_is_looked_for() -> None:
    rows = absent_benchmarks(present=())
    assert set(rows["benchmark"]) == {"aff-wild2", "cafe", "ck-plus"}
    assert set(rows["status"]) == {"skipped"}
    row = rows.filter((pl.col("benchmark") == "ck-plus") & (pl.col("metric") == "macro_f1"))
    assert row["paper_value"].item() == 0.65
    assert row["reason"].item().startswith("no data at benchmarks/ck-plus")
    assert row["value"].item() is None


def test_present_ones_are_left_to_be_scored() -> None:
    assert set(absent_benchmarks(present=("cafe",))["benchmark"]) == {"aff-wild2", "ck-plus"}
    assert absent_benchmarks(present=("cafe", "ck-plus", "aff-wild2")).is_empty()


def test_places_of_the_settings_are_named() -> None:
    rows = absent_benchmarks(("cafe",), {"ck-plus": "/data/ck", "mine": "/data/mine"})
    reasons = dict(rows.select("benchmark", "reason").unique().iter_rows())
    assert set(reasons) == {"aff-wild2", "ck-plus", "mine"}
    assert reasons["mine"] == "no data at /data/mine"
    assert reasons["ck-plus"].startswith("no data at /data/ck; on request")
