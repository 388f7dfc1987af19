"""What is noticed of an affect challenge, and that the backbone comes before its challenges."""

from __future__ import annotations

import os

import dagster as dg
import pytest

from fer_assets.defs.automation import rebuilds_by_itself
from fer_assets.defs.resources import WorkspaceResource
from fer_assets.defs.sensors import sensors_of
from fer_assets.lines.catalog import lines
from fer_assets.lines.frame_affect.names import EXPRESSION_BACKBONE
from fer_assets.sources.changes import folder_signature
from fer_assets.storage.ledger import Output, rebuild
from fer_assets.storage.planning import Build, Place, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.store import LocalStore

LINE = next(line for line in lines() if line.name == "frame_affect")
PROMPTED = '[[prompts]]\nid = "angry"\naudio = "angry.wav"\n'


@pytest.fixture
def root(tmp_path):
    prompted = tmp_path / "challenges" / "faces"
    (prompted / "videos").mkdir(parents=True)
    (prompted / "videos" / "a.mp4").write_bytes(b"a")
    (prompted / "challenge.toml").write_text(PROMPTED)
    (prompted / "angry.wav").write_bytes(b"RIFF")
    moods = tmp_path / "challenges" / "moods"
    (moods / "annotations" / "VA_Set").mkdir(parents=True)
    (moods / "cropped_aligned" / "one").mkdir(parents=True)
    (moods / "cropped_aligned" / "one" / "00001.jpg").write_bytes(b"crop")
    (moods / "annotations" / "VA_Set" / "one.txt").write_text("valence,arousal\n0,0\n")
    (moods / "challenge.toml").write_text('kind = "affect"\n')
    return tmp_path


@pytest.fixture
def look(root):
    with dg.DagsterInstance.ephemeral() as instance:

        def evaluate():
            sensor = next(s for s in sensors_of(LINE) if s.name == "frame_affect_new_videos")
            context = dg.build_sensor_context(
                instance=instance, resources={"workspace": WorkspaceResource(root=str(root))}
            )
            return sensor(context)

        yield evaluate


def _store_backbone(root):
    asset = EXPRESSION_BACKBONE
    build = Build(Place(asset), ASSET_TABLES[asset], 1)
    rebuild(LocalStore(root), build, [Unit("b", {})], lambda due: [Output(u.key, {}) for u in due])


def _asked(result):
    return [(r.job_name, r.partition_key, r.run_key) for r in result.run_requests]


def test_a_challenge_becomes_a_partition_of_its_own_kind(look):
    (request,) = look().dynamic_partitions_requests
    assert request.partitions_def_name == "affect_challenges"
    assert list(request.partition_keys) == ["moods"]


def test_the_backbone_comes_before_the_challenges_that_read_it(look, root):
    first = _asked(look())
    assert [(job, key) for job, key, _ in first] == [("frame_affect_pooled", None)]
    assert _asked(look()) == first  # Dagster drops a run key that it has seen
    _store_backbone(root)
    assert [(job, key) for job, key, _ in _asked(look())] == [("frame_affect_ingest", "moods")]


def test_what_changes_requests_a_run_each_time(look, root):
    _store_backbone(root)
    folder = root / "challenges" / "moods"
    crops, annotations = folder / "cropped_aligned", folder / "annotations" / "VA_Set"
    seen = [_asked(look())[0][2]]
    assert _asked(look())[0][2] == seen[0]
    for path in (
        crops / "one" / "00002.jpg", crops / "two" / "00001.jpg", annotations / "two.txt",
        folder / "videos" / "film.mp4", folder / "uploads.csv",
    ):  # fmt: skip
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"new")
        seen.append(_asked(look())[0][2])
    (crops / "one" / "00002.jpg").unlink()
    seen.append(_asked(look())[0][2])
    assert len(set(seen)) == len(seen)


def test_unmounted_folders_request_nothing(look, root):
    _store_backbone(root)
    folder = root / "challenges" / "moods"
    (folder / "cropped_aligned").rename(root / "away")
    assert look().run_requests == []
    (root / "away").rename(folder / "cropped_aligned")
    (folder / "annotations").rename(root / "away")
    assert look().run_requests == []


def test_crops_are_looked_at_one_folder_deep(tmp_path, monkeypatch):
    for name in ("one", "two", ".hidden"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "00001.jpg").write_bytes(b"x")
    asked = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: asked.append(str(folder)) or scandir(folder))
    before = folder_signature([], shallow=[tmp_path])
    assert asked == [str(tmp_path)]
    (tmp_path / ".hidden" / "00002.jpg").write_bytes(b"x")
    assert folder_signature([], shallow=[tmp_path]) == before
    (tmp_path / "one" / "00002.jpg").write_bytes(b"x")
    assert folder_signature([], shallow=[tmp_path]) != before
    assert folder_signature([], shallow=[tmp_path / "nowhere"]) is None


@pytest.fixture
def assets():
    versions = {"frames": "1", "backbone": "1"}
    keys = dg.DynamicPartitionsDefinition(name="affect_challenges")

    @dg.asset(key=["frame_affect", "annotated_frames"], partitions_def=keys)
    def frames() -> dg.MaterializeResult:
        return dg.MaterializeResult(data_version=dg.DataVersion(versions["frames"]))

    @dg.asset(key=["frame_affect", "expression_backbone"])
    def backbone() -> dg.MaterializeResult:
        return dg.MaterializeResult(data_version=dg.DataVersion(versions["backbone"]))

    @dg.asset(
        key=["frame_affect", "frame_features"],
        deps=[frames, backbone],
        partitions_def=keys,
        automation_condition=rebuilds_by_itself("frame_affect/frame_features"),
    )
    def features() -> dg.MaterializeResult:
        return dg.MaterializeResult(data_version=dg.DataVersion("x"))

    return [frames, backbone, features], versions


def test_features_follow_both_their_frames_and_the_backbone(assets):
    (frames, backbone, features), versions = assets
    defs = dg.Definitions(assets=[frames, backbone, features])
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("affect_challenges", ["a", "b"])

        def evaluate(cursor=None):
            return dg.evaluate_automation_conditions(defs=defs, instance=instance, cursor=cursor)

        dg.materialize([backbone], instance=instance)
        for key in ("a", "b"):
            dg.materialize([frames, features], instance=instance, partition_key=key,
                           selection=[frames, features])  # fmt: skip
        result = evaluate()
        assert result.total_requested == 0
        versions["frames"] = "2"
        dg.materialize([frames], instance=instance, partition_key="a")
        result = evaluate(result.cursor)
        assert result.total_requested == 1
        dg.materialize([frames, features], instance=instance, partition_key="a",
                       selection=[features])  # fmt: skip
        result = evaluate(result.cursor)
        assert result.total_requested == 0
        versions["backbone"] = "2"
        dg.materialize([backbone], instance=instance)
        result = evaluate(result.cursor)
        assert result.total_requested == 2, "every challenge reads the backbone"
        dg.materialize([backbone], instance=instance)
        assert evaluate(result.cursor).total_requested == 0, "the same content again"
