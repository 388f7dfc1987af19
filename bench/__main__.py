"""`python -m bench [QUESTION …]`: one JSON line per case; a table with `--table FILE`.

Belongs here: choosing questions and printing. Does not belong here: measuring (`case.py`).
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from bench.case import Case, Skipped, measure

QUESTIONS = (
    "prompt_search",
    "frame_sampling",
    "face_pipeline",
    "similarity_graph",
    "chinese_whispers",
    "one_new_video",
    "aggregation",
    "metrics",
    "training",
    "prediction",
    "frame_features",
    "affect_smoothing",
    "affect_prediction",
)


def main() -> None:
    """Measure the questions named, all by default; exit 1 if a result is not equal."""
    parser = argparse.ArgumentParser(prog="bench", description="Speed against peers, as ratios.")
    parser.add_argument("questions", nargs="*", metavar="QUESTION", help=", ".join(QUESTIONS))
    parser.add_argument("--table", type=Path, help="also write a Markdown table here")
    given = parser.parse_args()
    if unknown := sorted(set(given.questions) - set(QUESTIONS)):
        parser.error(f"no question {unknown[0]}; there are {', '.join(QUESTIONS)}")
    rows = []
    for row in _measured(given.questions or QUESTIONS):
        print(json.dumps(row), flush=True)
        rows.append(row)
    if given.table:
        given.table.write_text(_table(rows), encoding="utf-8")
    if any(not row.get("equal", True) for row in rows):
        sys.exit("a result differs from the peer's")


def _measured(questions: Iterable[str]) -> Iterator[dict[str, Any]]:
    for question in questions:
        for case in importlib.import_module(f"bench.{question}").cases():
            yield measure(case) if isinstance(case, Case) else _skipped(case)


def _skipped(case: Skipped) -> dict[str, Any]:
    return {"bench": case.bench, "case": case.case, "skipped": case.reason}


def _table(rows: Iterable[dict[str, Any]]) -> str:
    lines = [
        "| question | case | peer | ours | peer's | ratio | target | equal |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        if "skipped" in row:
            lines.append(
                f"| {row['bench']} | {row['case']} | - | - | - | {row['skipped']} | - | - |"
            )
            continue
        verdict = "yes" if row["equal"] else "NO"
        lines.append(
            f"| {row['bench']} | {row['case']} | {row['peer']} | {_seconds(row['ours_s'])} | "
            f"{_seconds(row['peer_s'])} | {row['ratio']:.3f} | {row['target']:.3f} | {verdict} |"
        )
    return "\n".join(lines) + "\n"


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.1f} ms"


if __name__ == "__main__":
    main()
