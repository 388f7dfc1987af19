"""`dataset_release` from tables written by hand: near duplicates, versions, what stands beside."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from fer_assets.errors import FerError
from fer_assets.lines.step import plan_step, run_step
from fer_assets.lines.tiktokfer.publications import publish_current
from fer_assets.lines.tiktokfer.release import (
    DATASET_RELEASE_STEP,
    LeakError,
    refuse_leaks,
    refuse_near_duplicates,
)
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets.release.near_duplicates import Resolved, resolve_near_duplicates
from fer_assets.release.verification import verify
from fer_assets.release.versions import read_rows, versions
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output, rebuild
from fer_assets.storage.planning import WHOLE, Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets_tests.release.conftest import Tables, make_release, make_tables, picture

KEY = "one"
CHALLENGE = """
name = "One"
kind = "prompted"
[settings.release]
publish = "{publish}"
[[prompts]]
id = "angry"
expression = "angry"
group = "ekman"
audio = "angry.wav"
"""


def _write(workspace: Workspace, asset: str, **tables: pl.DataFrame) -> None:
    name = f"tiktokfer/{asset}"
    rebuild(
        workspace.store,
        Build(Place(name, KEY), ASSET_TABLES[name], 1),
        [Unit(WHOLE, {"x": "1"})],
        lambda due: [Output(WHOLE, tables)],
    )


def _with_pictures(tables: Tables, copies: dict[str, int]) -> pl.DataFrame:
    """Crops with a picture each; `copies` gives faces the picture of another number."""
    images = [
        {"bytes": picture(copies.get(face, at), 90 if face in copies else 95), "path": "x.jpg"}
        for at, face in enumerate(tables.face_crops["face_id"])
    ]
    return tables.face_crops.with_columns(
        image=pl.Series(images, dtype=tables.face_crops.schema["image"])
    )


@pytest.fixture
def make(tmp_path: Path):
    def workspace(publish: str = "on-request", copies: dict[str, int] | None = None) -> Workspace:
        folder = tmp_path / "root" / "challenges" / KEY
        folder.mkdir(parents=True)
        (folder / "challenge.toml").write_text(CHALLENGE.format(publish=publish))
        (folder / "angry.wav").write_bytes(b"")
        (folder / "videos").mkdir()
        found, tables = open_workspace(tmp_path / "root"), make_tables()
        _write(found, "raw_videos", raw_videos=tables.raw_videos)
        _write(found, "prompt_clips")
        crops = _with_pictures(tables, copies or {})
        _write(found, "face_crops", face_crops=crops, frames=tables.frames)
        _write(found, "face_embeddings")
        _write(found, "identity_clusters", identity_clusters=tables.clusters)
        labels, people = tables.labels, tables.demographics
        _write(found, "crowd_labels", crowd_labels=labels, demographics=people)
        return found

    return workspace


def test_what_is_built(make) -> None:
    workspace = make()
    report = run_step(DATASET_RELEASE_STEP, workspace, KEY)
    data = workspace.data
    release = data.table("tiktokfer/dataset_release", KEY)
    assert release.height == 24
    assert data.table("tiktokfer/dataset_release", KEY, "losses_by_group").height > 0
    assert all(check.passed for check in report.summary.checks)
    assert {check.name for check in report.summary.checks} == set(DATASET_RELEASE_STEP.checks)
    about = json.loads(data.blob("tiktokfer/dataset_release", KEY, "version.json"))
    assert report.summary.figures["version"] == about["version"]
    assert report.summary.figures["published"] is False
    assert versions(workspace.store, KEY) == []
    card = data.blob("tiktokfer/dataset_release", KEY, "dataset_card.md").decode()
    stored = [
        path.rsplit("/", 1)[1] for path in data.blobs("tiktokfer/dataset_release", KEY).values()
    ]
    links = [line.split("](")[1][:-1] for line in card.splitlines() if line.startswith("![")]
    assert len(links) == 5
    assert set(links) <= set(stored)
    assert plan_step(DATASET_RELEASE_STEP, workspace, KEY).is_current
    version, is_new = publish_current(workspace, KEY)
    assert (version.name, is_new) == (about["version"], True)
    assert verify(workspace.store, version) == []
    again = run_step(DATASET_RELEASE_STEP, workspace, KEY)
    assert again.build.processed == 0
    assert again.summary.figures["published"] is True


def test_a_build_can_publish(make) -> None:
    workspace = make(publish="always")
    report = run_step(DATASET_RELEASE_STEP, workspace, KEY)
    (version,) = versions(workspace.store, KEY)
    assert report.summary.figures["published"] is True
    assert read_rows(workspace.store, version).height == 24
    run_step(DATASET_RELEASE_STEP, workspace, KEY)
    assert len(versions(workspace.store, KEY)) == 1


def test_one_picture_in_two_splits(make) -> None:
    """Every person's face 3 is the same picture: one split keeps it."""
    tables = make_tables()
    faces = tables.face_crops.filter(pl.col("timestamp_ms") == 1500)["face_id"].to_list()
    workspace = make(copies=dict.fromkeys(faces, 1000))
    report = run_step(DATASET_RELEASE_STEP, workspace, KEY)
    release = workspace.data.table("tiktokfer/dataset_release", KEY)
    same = release.filter(pl.col("face_id").is_in(faces) & (pl.col("split") != "excluded"))
    assert same["split"].n_unique() == 1
    n_out = report.summary.figures["faces left out for them"]
    assert n_out == 5 - same.height > 0  # the sixth is excluded for another reason
    assert release.filter(pl.col("split") == "excluded").height == 4 + n_out
    assert all(check.passed for check in report.summary.checks)


def test_leaks_block() -> None:
    release = make_release()
    pair = {"face_id": release["face_id"][0], "other_id": release["face_id"][15]}
    found = resolve_near_duplicates(release)
    pairs = found.pairs.vstack(
        pl.DataFrame(
            [{**pair, "video_id": "v", "bits": 0, "cosine": None, "split": "train",
              "other_split": "test", "is_excluded": False, "other_is_excluded": False}],
            schema=found.pairs.schema,
        )
    )  # fmt: skip
    two_splits = release.with_columns(identity_id=pl.lit("id00"))
    refuse_leaks(release, "identity_id", "here")
    refuse_near_duplicates(found, "here")
    split = dict(release.select("face_id", "split").iter_rows())
    assert split[pair["face_id"]] != split[pair["other_id"]]
    with pytest.raises(LeakError, match=r"1 pairs of near duplicates.*identity_corrections\.csv"):
        refuse_near_duplicates(Resolved(release, pairs), "here")
    with pytest.raises(LeakError, match="1 in several") as caught:
        refuse_leaks(two_splits, "identity_id", "here")
    assert "id00" not in str(caught.value)


def test_a_setting_off_the_list(make) -> None:
    with pytest.raises(FerError, match="on-request or always"):
        run_step(DATASET_RELEASE_STEP, make(publish="never"), KEY)
