from __future__ import annotations

import dagster as dg
import polars as pl

from fer_assets.defs.reporting import (
    PICTURE_LIMIT_BYTES,
    live_pictures,
    log_reporter,
    materialize_result,
    waiting_results,
)
from fer_assets.lines.step import Check, StepReport, Summary
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import BuildReport
from fer_assets.storage.manifests import Manifest


def _report(summary: Summary) -> StepReport:
    manifest = Manifest(Place("line/asset"), "none", {})
    return StepReport(BuildReport(manifest, 3, 2, 1, 0, 0, {}), summary)


def test_a_summary_becomes_metadata():
    summary = Summary(
        figures={"people": 3},
        pictures={"curve": b"png"},
        tables={"counts": pl.DataFrame({"label": ["a|b", None], "share": [0.12345, 1.0]})},
        files={"sheet": "assets/x.jpg"},
        checks=[Check("fine", passed=False, description="is not")],
    )
    result = materialize_result(_report(summary), "cpu")
    assert result.metadata["processed"] == 3
    assert result.metadata["people"] == 3
    assert result.metadata["device"] == "cpu"
    assert result.metadata["curve"].md_str == "![curve](data:image/png;base64,cG5n)"
    assert "| a/b | 0.123 |" in result.metadata["counts"].md_str
    assert "| - | 1 |" in result.metadata["counts"].md_str
    assert result.check_results[0].check_name == "fine"
    assert not result.check_results[0].passed
    assert result.data_version.value == _report(summary).build.manifest.data_version


def test_a_picture_too_large_for_the_event_log_is_named():
    large = b"x" * PICTURE_LIMIT_BYTES
    result = materialize_result(_report(Summary(pictures={"curve": large})), None)
    assert "is over" in result.metadata["curve"].md_str
    assert "device" not in result.metadata


def test_waiting_tells_every_check():
    results = list(waiting_results(("a", "b"), "5 answers are missing"))
    assert [result.check_name for result in results] == ["a", "b"]
    assert all("5 answers" in result.description for result in results)


def test_progress_is_logged_sparsely():
    lines: list[str] = []
    report = log_reporter(lines.append)
    for done in range(1001):
        report("detecting", done, 1000)
    assert lines == ["detecting: 0 of 1000", "detecting: 1000 of 1000"]


def test_pictures_of_work_that_goes_on_become_observations():
    events: list[dg.AssetObservation] = []
    view = live_pictures(dg.AssetKey(["line", "asset"]), "key", events.append)
    view("curve", lambda: b"png")
    view("curve", lambda: b"too soon")
    view("other", lambda: b"x" * PICTURE_LIMIT_BYTES)
    assert [event.partition for event in events] == ["key", "key"]
    assert events[0].metadata["curve"].md_str == "![curve](data:image/png;base64,cG5n)"
    assert "over 65536 bytes" in events[1].metadata["other"].md_str
