"""The frame_affect demo, whole but tiny: everything that training does not decide must be right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fer_assets.defs.affect_demo import AffectDemoOutcome, run_frame_affect_demo
from fer_assets.defs.demo_outcome import REPORT_FILE
from fer_assets.demo.affect.scoring import FLOORS, SCORE_OF_TASK
from fer_assets_tests.demo.affect.tiny import TINY

SETTINGS = """\
[frame_affect.backbones.affect-lite0]
architecture = "test_efficientnet"
weights = "random"
image_px = 32
identities = "photos/identities"
expressions = "photos/expressions"
identity = { max_epochs = 1, patience = 1 }
head = { max_epochs = 1 }
all = { max_epochs = 1 }
"""

DECIDED_BY_TRAINING = {
    *SCORE_OF_TASK.values(),
    "CCC_V",
    "CCC_A",
    "gap_filled_right",
    *(name for name in FLOORS if name.startswith("control")),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, weights_folder: Path) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    (folder / "settings.toml").write_text(SETTINGS, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def outcome(root: Path) -> AffectDemoOutcome:
    return run_frame_affect_demo(root, TINY)


def test_what_training_does_not_decide_is_right(outcome: AffectDemoOutcome) -> None:
    assert set(outcome.report) == set(FLOORS)
    for name, line in outcome.report.items():
        if name not in DECIDED_BY_TRAINING:
            assert line["ok"], (name, line)


def test_every_score_and_every_control_is_a_number(outcome: AffectDemoOutcome) -> None:
    assert set(outcome.control) == set(SCORE_OF_TASK.values())
    for name in SCORE_OF_TASK.values():
        assert outcome.report[name]["value"] is not None, name


def test_the_report_is_written_as_it_is_told(root: Path, outcome: AffectDemoOutcome) -> None:
    assert json.loads((root / REPORT_FILE).read_text(encoding="utf-8")) == outcome.report


def test_a_second_run_finds_everything_up_to_date(root: Path, outcome: AffectDemoOutcome) -> None:
    again = run_frame_affect_demo(root, TINY)
    assert again.report == outcome.report
    assert again.control == outcome.control
    counts = [count for run in again.runs for count in run.materialised.values()]
    assert counts
    assert all(count["processed"] == 0 for count in counts)
