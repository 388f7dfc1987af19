"""How fast features came in the last run, and on what: for people, it decides nothing.

Belongs here: keeping that from the work to its summary. Does not belong here: the work
(`features.py`), the summary (`feature_summary.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from fer_assets.lines.workspace import Workspace


@dataclass(frozen=True)
class Speed:
    """One backbone's share of a run.

    Attributes:
        runtime: what ran the network.
        device: where.
        n_frames: frames that got features.
        frames_per_s: from reading them to having stored them.
    """

    runtime: str
    device: str
    n_frames: int
    frames_per_s: float


def _file(workspace: Workspace, partition: str | None) -> Path:
    return workspace.state / "frame_features" / f"{partition}.json"


def write_speeds(workspace: Workspace, partition: str | None, speeds: Mapping[str, Speed]) -> None:
    """Keep the speed of each backbone that was at work."""
    file = _file(workspace, partition)
    file.parent.mkdir(parents=True, exist_ok=True)
    known = {name: asdict(speed) for name, speed in speeds.items()}
    file.write_text(json.dumps(known, indent=1), encoding="utf-8")


def read_speeds(workspace: Workspace, partition: str | None) -> dict[str, Speed]:
    """Backbone to speed in the run that was finished last; {} where none was."""
    file = _file(workspace, partition)
    if not file.is_file():
        return {}
    found = json.loads(file.read_text(encoding="utf-8"))
    return {name: Speed(**speed) for name, speed in found.items()}
