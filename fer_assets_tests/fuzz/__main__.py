"""`python -m fer_assets_tests.fuzz`: thousands of damaged files through the guarded decoder.

Belongs here: options, printing, the exit code. Does not belong here: the campaign itself.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from fer_assets.compute.progress import reporting_to, track
from fer_assets_tests.fuzz.campaign import LIMITS, Summary, mutants, run
from fer_assets_tests.fuzz.seeds import sound_seeds, video_seeds


def main() -> None:
    """Run both campaigns; exit 1 if anything happened that may not."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--videos", type=int, default=2000, help="damaged videos")
    parser.add_argument("--sounds", type=int, default=500, help="damaged sound tracks")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other damage")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    summaries = {}
    with reporting_to(_report), tempfile.TemporaryDirectory(prefix="fer-fuzz-") as made:
        for kind, count in (("videos", given.videos), ("sounds", given.sounds)):
            whole, work = Path(made) / kind, Path(made) / f"{kind}-work"
            whole.mkdir()
            work.mkdir()
            seeds = video_seeds(whole) if kind == "videos" else sound_seeds(whole)
            files = track(mutants(seeds, count, given.seed), count, kind)
            summaries[kind] = run(files, work, LIMITS, has_pictures=kind == "videos")
    if given.json:
        print(json.dumps({kind: asdict(found) for kind, found in summaries.items()}))
    else:
        for kind, found in summaries.items():
            print(_text(kind, found))
    sys.exit(any(found.problems for found in summaries.values()))


def _report(label: str, done: int, total: int) -> None:
    if done % 100 == 0 or done == total:
        print(f"{label}: {done} of {total}", file=sys.stderr, flush=True)


def _text(kind: str, found: Summary) -> str:
    lines = [f"{found.files} {kind}, slowest {found.slowest_s:.1f} s ({found.slowest})"]
    lines += [f"  {count:5}  {outcome}" for outcome, count in found.outcomes.most_common()]
    lines += [f"  {found.restarts:5}  children replaced", f"  {len(found.problems):5}  problems"]
    return "\n".join(lines + [f"         {problem}" for problem in found.problems])


if __name__ == "__main__":
    main()
