"""Step `expression_backbone`: folders of pictures to a stored network, anew if needed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from fer_assets.compute.progress import shown_to
from fer_assets.errors import FerError
from fer_assets.frame_affect.backbone.data import BROKEN
from fer_assets.lines.frame_affect.backbone import (
    EXPRESSION_BACKBONE_STEP,
    backbone_names,
    stored_backbone,
)
from fer_assets.lines.frame_affect.backbone_sources import ABSENT
from fer_assets.lines.frame_affect.names import EXPRESSION_BACKBONE
from fer_assets.lines.frame_affect.picture_digests import UNREAD
from fer_assets.lines.step import plan_step, run_step
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets.public_data.affectnet import RESEARCH_ONLY
from fer_assets.storage.reader import NotMaterializedError
from fer_assets_tests.frame_affect.backbone.material import EXPRESSIONS, put, write_pictures
from fer_assets_tests.training.tiny import bars

SETTINGS = """
[frame_affect.backbones.tiny]
architecture = "test_efficientnet"
weights = "random"
image_px = 32
{data}
identity = {{ max_epochs = 1, batch_size = 16 }}
head = {{ max_epochs = 1, batch_size = 16 }}
all = {{ max_epochs = 1, batch_size = 16 }}
"""
DATA = 'identities = "people"\nexpressions = "faces"'


def _workspace(root: Path, data: str = DATA) -> Workspace:
    root.mkdir(exist_ok=True)
    (root / "settings.toml").write_text(SETTINGS.format(data=data))
    return open_workspace(root)


@pytest.fixture
def taught(tmp_path: Path) -> Workspace:
    """A workspace with people and expressions, nothing built."""
    write_pictures(tmp_path / "people", ("a", "b", "c"), 30, 1)
    write_pictures(tmp_path / "faces", EXPRESSIONS, 30, 2)
    (tmp_path / "faces" / "happy" / "broken.jpg").write_bytes(b"none")
    return _workspace(tmp_path)


def _due(workspace: Workspace) -> list[str]:
    return sorted(plan_step(EXPRESSION_BACKBONE_STEP, workspace, None).due)


def test_pictures_become_a_network_and_stay_one(taught: Workspace, tmp_path: Path) -> None:
    seen: list[str] = []
    assert EXPRESSION_BACKBONE_STEP.units(taught, None)[0].inputs["identities"] == UNREAD
    with shown_to(
        lambda title, draw: seen.append(title) if draw().startswith(b"\x89PNG") else None
    ):
        report = run_step(EXPRESSION_BACKBONE_STEP, taught, None)
    assert set(seen) == {"learning curve so far, tiny"}
    assert _due(taught) == []
    backbone = stored_backbone(taught, "tiny")
    network = backbone.load()
    assert network.classes == ("happiness", "fear", "anger")
    assert network.features(bars(2, 0)[0]).scores.shape == (2, 3)
    assert backbone.sha256 == network.card["sha256"]
    assert backbone_names(taught) == ["tiny"]
    assert {check.name for check in report.summary.checks} == set(EXPRESSION_BACKBONE_STEP.checks)
    left_out = report.summary.tables["pictures left out"]
    assert left_out.rows() == [("tiny", "all", BROKEN, 1)]
    assert "learning curve, tiny" in report.summary.pictures
    running = taught.store.list(f"assets/{EXPRESSION_BACKBONE}/_all/running")
    assert not list(running)
    assert run_step(EXPRESSION_BACKBONE_STEP, taught, None).build.reused == 1


def test_content_decides_what_is_due_not_names_of_places(taught: Workspace, tmp_path: Path) -> None:
    run_step(EXPRESSION_BACKBONE_STEP, taught, None)
    picture = next((tmp_path / "people" / "a").glob("*.jpg"))
    os.utime(picture, ns=(1, 1))  # another time, the same content: known once it was read
    assert _due(taught) == ["tiny"]
    EXPRESSION_BACKBONE_STEP.prepare(taught, None)
    assert _due(taught) == []
    (tmp_path / "people").rename(tmp_path / "elsewhere")
    moved = _workspace(tmp_path, DATA.replace('"people"', '"elsewhere"'))
    EXPRESSION_BACKBONE_STEP.prepare(moved, None)
    assert _due(moved) == []
    put(tmp_path / "elsewhere" / "a" / picture.name, np.zeros((40, 40, 3), np.uint8))
    EXPRESSION_BACKBONE_STEP.prepare(moved, None)
    assert _due(moved) == ["tiny"]


def test_without_data_the_start_weights_are_the_backbone(tmp_path: Path) -> None:
    workspace = _workspace(tmp_path, "")
    report = run_step(EXPRESSION_BACKBONE_STEP, workspace, None)
    assert report.summary.figures["without scores"] == 1
    assert "embeddings only" in report.summary.tables["to be known of them"]["note"].str.join("")[0]
    assert stored_backbone(workspace, "tiny").load().classes == ()


def test_affect_challenges_name_the_backbones_they_need(tmp_path: Path) -> None:
    workspace = _workspace(tmp_path, "")
    folder = workspace.catalog.folder / "films"
    folder.mkdir(parents=True)
    (folder / "annotations").mkdir()
    (folder / "challenge.toml").write_text(
        'name = "Films"\nkind = "affect"\n[settings.affect]\n'
        'backbones = ["timm/resnet18", "tiny"]\n'
    )
    units = EXPRESSION_BACKBONE_STEP.units(workspace, None)
    assert [unit.key for unit in units] == ["timm-resnet18", "tiny"]
    assert units[0].inputs["timm/resnet18"] == "hub"
    (tmp_path / "settings.toml").unlink()
    with pytest.raises(FerError, match="backbone tiny"):
        EXPRESSION_BACKBONE_STEP.units(open_workspace(tmp_path), None)


def test_default_is_the_packaged_backbone(tmp_path: Path) -> None:
    units = EXPRESSION_BACKBONE_STEP.units(open_workspace(tmp_path), None)
    assert [unit.key for unit in units] == ["affect-lite0"]
    assert "efficientnet-lite0-imagenet" in units[0].inputs


def test_absent_pictures_and_backbones_are_named(tmp_path: Path) -> None:
    workspace = _workspace(tmp_path, 'identities = "gone"')
    with pytest.raises(NotMaterializedError):
        stored_backbone(workspace, "tiny")
    assert EXPRESSION_BACKBONE_STEP.units(workspace, None)[0].inputs["identities"] == ABSENT
    with pytest.raises(FerError, match=r"gone.*nothing there"):
        run_step(EXPRESSION_BACKBONE_STEP, workspace, None)
    run_step(EXPRESSION_BACKBONE_STEP, _workspace(tmp_path, ""), None)
    with pytest.raises(FerError, match="one of tiny"):
        stored_backbone(workspace, "affect-b7")


def test_settings_of_another_form_are_refused(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('[frame_affect]\nbackbones = ["affect-b0"]\n')
    with pytest.raises(FerError, match=r"\[frame_affect\.backbones\.NAME\]"):
        EXPRESSION_BACKBONE_STEP.units(open_workspace(tmp_path), None)


def test_affectnet_forbids_commercial_use(tmp_path: Path) -> None:
    header = "subDirectory_filePath,face_x,face_y,face_width,face_height,expression"
    images, targets = bars(24, 0, size=40)
    for part in ("training", "validation"):
        rows = [header]
        for number, (image, target) in enumerate(zip(images, targets.tolist(), strict=True)):
            shown = image if part == "training" else image[::-1, ::-1]
            put(tmp_path / "net" / part / f"{number}.jpg", shown)
            rows.append(f"{part}/{number}.jpg,2,2,36,36,{target}")
        (tmp_path / "net" / f"{part}.csv").write_text("\n".join(rows))
    workspace = _workspace(tmp_path, 'expressions = "net"')
    report = run_step(EXPRESSION_BACKBONE_STEP, workspace, None)
    (check,) = report.summary.checks
    assert not check.passed
    assert "tiny" in check.description
    assert RESEARCH_ONLY in stored_backbone(workspace, "tiny").card["notes"]
    curve = workspace.data.table(EXPRESSION_BACKBONE, None, "backbone_curve")
    assert set(curve["phase"]) == {"head", "all"}
