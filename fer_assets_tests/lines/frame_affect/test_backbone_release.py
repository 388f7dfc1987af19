"""A backbone that learns expressions from this project's own release."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from fer_assets.frame_affect.backbone.release_pictures import SIMULATED, release_pictures
from fer_assets.frame_affect.backbone.specs import BackboneError
from fer_assets.lines.frame_affect.backbone import EXPRESSION_BACKBONE_STEP, stored_backbone
from fer_assets.lines.frame_affect.names import EXPRESSION_BACKBONE
from fer_assets.lines.step import plan_step, run_step
from fer_assets.lines.tiktokfer.names import POOLED_RELEASE
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output, rebuild
from fer_assets.storage.planning import WHOLE, Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.schemas.tiktokfer import POOLED_RELEASE as RELEASE
from fer_assets_tests.expressions.faces import tiny_release
from fer_assets_tests.lines.frame_affect.test_backbone import SETTINGS

FROM_RELEASE = SETTINGS.format(data='expressions = "pooled_release"')


def _put(workspace: Workspace, **changes: object) -> pl.DataFrame:
    release = tiny_release(n_people=5, faces_each=9, **changes).with_columns(
        challenge=pl.lit("one"), person_id=pl.col("identity_id")
    )
    release = RELEASE.conform(release)
    build = Build(Place(POOLED_RELEASE, None), ASSET_TABLES[POOLED_RELEASE], 1)
    output = Output(WHOLE, {"pooled_release": release})
    units = [Unit(WHOLE, {"rows": str(release.drop("image").hash_rows().sum())})]
    rebuild(workspace.store, build, units, lambda due: [output])
    return release


def test_the_releases_people_stay_on_their_sides(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(FROM_RELEASE)
    workspace = open_workspace(tmp_path)
    assert EXPRESSION_BACKBONE_STEP.waiting(workspace, None) is not None
    _put(workspace, label=None)
    assert "label" in str(EXPRESSION_BACKBONE_STEP.waiting(workspace, None))
    release = _put(workspace)
    assert EXPRESSION_BACKBONE_STEP.waiting(workspace, None) is None
    run_step(EXPRESSION_BACKBONE_STEP, workspace, None)
    backbone = stored_backbone(workspace, "tiny")
    assert backbone.load().classes == ("happiness", "sadness", "anger")
    assert SIMULATED in backbone.card["notes"]
    unit = workspace.data.manifest(EXPRESSION_BACKBONE).units["tiny"]
    version = workspace.data.manifest(POOLED_RELEASE).data_version
    assert unit.provenance.inputs["release"] == version
    found = release_pictures(release, workspace.data.pictures(POOLED_RELEASE))
    splits = dict(release.select("face_id", "split").iter_rows())
    assert found.is_held_out == tuple(splits[face] != "train" for face in found.digests)
    assert found.view == pytest.approx(0.8)
    assert not plan_step(EXPRESSION_BACKBONE_STEP, workspace, None).due
    _put(workspace, agreement=0.5)
    assert list(plan_step(EXPRESSION_BACKBONE_STEP, workspace, None).due) == ["tiny"]


def test_a_release_without_affectnets_expressions_teaches_nothing(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path)
    release = _put(workspace, label="kiss")
    with pytest.raises(BackboneError, match="none of AffectNet's"):
        release_pictures(release, workspace.data.pictures(POOLED_RELEASE))
