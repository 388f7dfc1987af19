"""The step frame_features: one new video costs one video, a new backbone only itself."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from fer_assets.errors import FerError
from fer_assets.frame_affect.features.source import load_feature_source
from fer_assets.frame_affect.frames.pictures import read_picture
from fer_assets.lines.frame_affect.features import (
    FRAME_FEATURES_STEP,
    stored_kinds,
    unit_key,
)
from fer_assets.lines.frame_affect.names import (
    ANNOTATED_FRAMES,
    EXPRESSION_BACKBONE,
    FRAME_FEATURES,
)
from fer_assets.lines.frame_affect.settings import AffectSettings
from fer_assets.lines.frame_affect.stored_backbones import stored_backbone
from fer_assets.lines.step import StepReport, plan_step, run_step
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output, rebuild
from fer_assets.storage.planning import Build, Unit
from fer_assets.storage.reader import NotMaterializedError
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.schemas.frame_affect import ANNOTATED_FRAMES as FRAMES_TABLE
from fer_assets.storage.tombstones import add_tombstones
from fer_assets_tests.frame_affect.features.material import backbone_bytes, jpeg

KEY = "street-faces"
FILM, CROPS, OTHER = "a" * 16, "b" * 16, "c" * 16
BROKEN = b"no picture"


def put_backbones(workspace: Workspace, **seeds: int) -> None:
    """Store untrained backbones by name; another seed is another network."""
    outputs = []
    for name, seed in seeds.items():
        tensors, card = backbone_bytes(name, seed)
        outputs.append(Output(name, {}, {f"{name}.safetensors": tensors, f"{name}.json": card}))
    place = Place(EXPRESSION_BACKBONE)
    build = Build(place, ASSET_TABLES[EXPRESSION_BACKBONE], 1)
    units = [Unit(name, {"seed": str(seed)}) for name, seed in seeds.items()]
    due = {output.key: output for output in outputs}
    rebuild(workspace.store, build, units, lambda asked: [due[unit.key] for unit in asked])


def put_frames(workspace: Workspace, **videos: list[tuple[int, bytes, bool]]) -> None:
    """Store annotated frames: number, picture, whether it is a file of the official kind."""
    folder = workspace.catalog.load(KEY).frames
    assert folder is not None
    outputs = {}
    for video_id, frames in videos.items():
        rows = []
        for frame, data, is_file in frames:
            file = f"{video_id}/{frame:05d}.jpg" if is_file else None
            if file:
                (folder / video_id).mkdir(parents=True, exist_ok=True)
                (folder / file).write_bytes(data)
            rows.append(
                {
                    "face_id": f"{video_id}/frame-{frame}",
                    "video_id": video_id,
                    "frame": frame,
                    "time_s": frame / 30,
                    "file": file,
                    "detection_score": None,
                    "image": None if is_file else {"bytes": data, "path": f"{frame}.jpg"},
                }
            )
        outputs[video_id] = Output(video_id, {"annotated_frames": FRAMES_TABLE.frame(rows)})
    build = Build(Place(ANNOTATED_FRAMES, KEY), ASSET_TABLES[ANNOTATED_FRAMES], 1)
    units = [Unit(video_id, {"frames": str(frames)}) for video_id, frames in videos.items()]
    rebuild(workspace.store, build, units, lambda asked: [outputs[unit.key] for unit in asked])


def film(n: int, seed: int = 0) -> list[tuple[int, bytes, bool]]:
    """Stored crops of every second frame."""
    return [(2 * at + 1, jpeg(seed + at, 224), False) for at in range(n)]


def crops(n: int, seed: int = 100) -> list[tuple[int, bytes, bool]]:
    """Files of 112 px."""
    return [(at + 1, jpeg(seed + at, 112), True) for at in range(n)]


def write_challenge(root: Path, affect: str) -> None:
    folder = root / "challenges" / KEY
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "challenge.toml").write_text(
        f'name = "Street faces"\nkind = "affect"\n\n[settings.affect]\n{affect}\n'
    )


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("FER_DEVICE", "cpu")
    write_challenge(tmp_path, 'backbones = ["tiny"]')
    made = open_workspace(tmp_path)
    put_backbones(made, tiny=0)
    put_frames(made, **{FILM: film(5), CROPS: crops(4)})
    return made


def run(workspace: Workspace) -> StepReport:
    return run_step(FRAME_FEATURES_STEP, workspace, KEY)


def features(workspace: Workspace) -> pl.DataFrame:
    return workspace.data.table(FRAME_FEATURES, KEY)


def test_every_frame_is_seen_as_the_backbone_sees_it(workspace: Workspace) -> None:
    report = run(workspace)
    rows = features(workspace)
    assert rows.select("video_id", "frame").rows() == [
        *((FILM, frame) for frame in (1, 3, 5, 7, 9)),
        *((CROPS, frame) for frame in (1, 2, 3, 4)),
    ]
    source = load_feature_source(stored_backbone(workspace, "tiny"), "cpu")
    folder = workspace.catalog.load(KEY).frames
    for kind, number, (frame, data, is_file) in ((0, 2, film(5)[2]), (5, 3, crops(4)[3])):
        file = f"{CROPS}/{frame:05d}.jpg" if is_file else None
        image = None if is_file else {"bytes": data, "path": None}
        picture = read_picture(
            {"video_id": "", "frame": frame, "file": file, "image": image}, folder
        )
        seen = source.features(picture[None])
        assert rows["embedding"][kind + number].to_list() == seen.embeddings[0].tolist()
        assert rows["scores"][kind + number].to_list() == seen.scores[0].tolist()
    figures = report.summary.figures
    assert (figures["frames"], figures["unreadable crops"]) == (9, 0)
    assert figures["device"] == "cpu"
    assert figures["frames/s, tiny"] > 0
    (row,) = report.summary.tables["features"].rows(named=True)
    assert row["ran on"].startswith("ONNX Runtime")
    assert (row["embedding"], row["expressions"]) == (len(rows["embedding"][0]), 3)
    assert report.summary.tables["expressions seen"]["share"].sum() == pytest.approx(1, abs=1e-3)
    assert all(check.passed for check in report.summary.checks)
    assert {check.name for check in report.summary.checks} == set(FRAME_FEATURES_STEP.checks)


def test_a_second_run_does_nothing_and_a_new_video_costs_one(workspace: Workspace) -> None:
    run(workspace)
    before = features(workspace)
    again = run(workspace)
    assert (again.build.processed, again.build.reused) == (0, 2)
    assert "frames/s, tiny" not in again.summary.figures
    put_frames(workspace, **{FILM: film(5), CROPS: crops(4), OTHER: crops(2, 300)})
    report = run(workspace)
    assert (report.build.processed, report.build.reused) == (1, 2)
    assert features(workspace).filter(pl.col("video_id") != OTHER).equals(before)


def test_a_new_backbone_costs_only_itself(workspace: Workspace, tmp_path: Path) -> None:
    run(workspace)
    before = features(workspace)
    put_backbones(workspace, tiny=0, wide=1)
    write_challenge(tmp_path, 'backbones = ["tiny", "wide"]')
    report = run(workspace)
    assert (report.build.processed, report.build.reused) == (2, 2)
    rows = features(workspace)
    assert rows.filter(pl.col("backbone") == "tiny").equals(before)
    assert rows.filter(pl.col("backbone") == "wide").height == 9
    # and one that was trained again, itself
    put_backbones(workspace, tiny=0, wide=2)
    report = run(workspace)
    assert (report.build.processed, report.build.reused) == (2, 2)
    assert report.build.reasons == {"backbone changed": 2}


def test_videos_together_or_one_by_one_give_the_same_rows(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FER_THREADS", "3")
    run(workspace)
    together = features(workspace)
    monkeypatch.setenv("FER_THREADS", "1")
    root = tmp_path / "other"
    write_challenge(root, 'backbones = ["tiny"]')
    alone = open_workspace(root)
    put_backbones(alone, tiny=0)
    for videos in ({FILM: film(5)}, {FILM: film(5), CROPS: crops(4)}):
        put_frames(alone, **videos)
        assert run(alone).build.processed == 1
    assert features(alone).equals(together)


def test_crops_that_cannot_be_decoded_are_counted(workspace: Workspace) -> None:
    broken = [(9, BROKEN, True)]
    put_frames(
        workspace,
        **{FILM: [*film(5), (21, BROKEN, False)], CROPS: crops(4) + broken, OTHER: broken},
    )
    report = run(workspace)
    assert report.build.quarantined == 1
    assert workspace.data.quarantined(FRAME_FEATURES, KEY) == {
        unit_key(OTHER, "tiny"): "no crop can be decoded"
    }
    assert features(workspace).height == 9
    assert report.summary.figures["unreadable crops"] == 3
    checks = {check.name: check for check in report.summary.checks}
    assert not checks["all_frames_have_features"].passed
    assert "3 crops" in checks["all_frames_have_features"].description


def test_only_what_heads_ask_for_is_stored(workspace: Workspace, tmp_path: Path) -> None:
    write_challenge(tmp_path, 'backbones = ["tiny"]\nfeatures = ["scores"]')
    run(workspace)
    rows = features(workspace)
    assert rows["embedding"].list.len().max() == 0
    assert rows["scores"].list.len().unique().to_list() == [3]
    assert stored_kinds(AffectSettings()) == ("embeddings", "scores")
    assert stored_kinds(AffectSettings(features=("both",))) == ("embeddings", "scores")
    assert stored_kinds(AffectSettings(features=("embeddings",))) == ("embeddings",)


def test_the_summary_names_no_video(workspace: Workspace) -> None:
    summary = run(workspace).summary
    text = json.dumps(dict(summary.figures)) + "".join(
        table.write_csv() for table in summary.tables.values()
    )
    for video_id in (FILM, CROPS):
        assert video_id not in text


def test_a_withdrawn_video_has_no_features(workspace: Workspace) -> None:
    run(workspace)
    add_tombstones(workspace.store, "video", [FILM])
    assert plan_step(FRAME_FEATURES_STEP, workspace, KEY).withdrawn == 1
    assert set(features(workspace)["video_id"]) == {CROPS}
    assert run(workspace).build.withdrawn == 1
    keys = workspace.data.manifest(FRAME_FEATURES, KEY).units
    assert set(keys) == {unit_key(CROPS, "tiny")}


def test_without_backbones_it_says_what_to_do(tmp_path: Path) -> None:
    write_challenge(tmp_path, 'backbones = ["tiny"]')
    empty = open_workspace(tmp_path)
    put_frames(empty, **{CROPS: crops(1)})
    with pytest.raises(NotMaterializedError, match="materialize frame_affect/expression_backbone"):
        run(empty)


def test_a_backbone_that_is_not_there_is_named(workspace: Workspace, tmp_path: Path) -> None:
    write_challenge(tmp_path, 'backbones = ["tiny", "wide"]')
    with pytest.raises(FerError, match=r"backbone wide.*one of tiny"):
        run(workspace)


def test_a_backbone_of_timm_s_is_kept_without_the_slash(
    workspace: Workspace, tmp_path: Path
) -> None:
    put_backbones(workspace, **{"timm-tiny": 1})
    write_challenge(tmp_path, 'backbones = ["timm/tiny"]')
    report = run(workspace)
    keys = workspace.data.manifest(FRAME_FEATURES, KEY).units
    assert set(keys) == {unit_key(video, "timm/tiny") for video in (FILM, CROPS)}
    assert set(features(workspace)["backbone"]) == {"timm-tiny"}
    assert report.summary.figures["frames"] == 9
