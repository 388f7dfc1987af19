from __future__ import annotations

import datetime

import dagster as dg
import pytest

from fer_assets.defs.resources import WorkspaceResource
from fer_assets.defs.schedules import schedules_of
from fer_assets.defs.sensors import sensors_of
from fer_assets.lines.catalog import lines

LINE = lines()[0]
TOML = '[[prompts]]\nid = "angry"\naudio = "angry.wav"\n'


@pytest.fixture
def root(tmp_path):
    for key in ("one", "two"):
        folder = tmp_path / "challenges" / key
        (folder / "videos").mkdir(parents=True)
        (folder / "challenge.toml").write_text(TOML)
        (folder / "angry.wav").write_bytes(b"RIFF")
    broken = tmp_path / "challenges" / "broken"
    broken.mkdir()
    (broken / "challenge.toml").write_text("nonsense")
    return tmp_path


@pytest.fixture
def look(root):
    with dg.DagsterInstance.ephemeral() as instance:

        def evaluate(name: str):
            sensor = next(s for s in sensors_of(LINE) if s.name == f"tiktokfer_{name}")
            context = dg.build_sensor_context(
                instance=instance, resources={"workspace": WorkspaceResource(root=str(root))}
            )
            result = sensor(context)
            if isinstance(result, dg.SensorResult):
                for request in result.dynamic_partitions_requests or []:
                    instance.add_dynamic_partitions(
                        "prompted_challenges", list(request.partition_keys)
                    )
            return result

        yield evaluate


def _keys(result):
    return [(request.partition_key, request.run_key) for request in result.run_requests]


def test_a_new_folder_becomes_a_partition(look):
    result = look("new_videos")
    assert list(result.dynamic_partitions_requests[0].partition_keys) == ["one", "two"]
    assert result.run_requests == []
    assert isinstance(look("new_videos"), dg.SkipReason)


def test_only_challenges_with_a_change_get_a_new_run(look, root):
    look("new_videos")
    videos = root / "challenges" / "one" / "videos"
    (videos / "a.mp4").write_bytes(b"a")
    (root / "challenges" / "two" / "videos" / "b.mp4").write_bytes(b"b")
    first = dict(_keys(look("new_videos")))
    assert set(first) == {"one", "two"}
    assert dict(_keys(look("new_videos"))) == first
    (videos / "a.mp4").write_bytes(b"changed")
    second = dict(_keys(look("new_videos")))
    assert second["two"] == first["two"]
    assert second["one"] != first["one"]


def test_a_removed_and_returned_video_is_a_change_each_time(look, root):
    video = root / "challenges" / "one" / "videos" / "a.mp4"
    other = video.with_name("b.mp4")
    video.write_bytes(b"a")
    seen = {dict(_keys(look("new_videos")))["one"]}
    other.write_bytes(b"b")
    seen.add(dict(_keys(look("new_videos")))["one"])
    other.unlink()
    seen.add(dict(_keys(look("new_videos")))["one"])
    assert len(seen) == 3


def test_a_changed_manifest_requests_a_run_and_what_it_brings_does_not(look, root):
    look("new_videos")
    folder = root / "challenges" / "one"
    seen = []
    for text in ("url,uploader,date,caption\n", "url,uploader,date,caption\nhttp://e.org/1,,,\n"):
        (folder / "manifest.csv").write_text(text)
        seen += [dict(_keys(look("new_videos")))["one"]]
    assert len(set(seen)) == 2
    (folder / "videos" / "downloaded" / ".records").mkdir(parents=True)
    (folder / "videos" / "downloaded" / "abc.mp4").write_bytes(b"video")
    assert dict(_keys(look("new_videos")))["one"] == seen[1]


def test_new_answers_request_the_labelling_job(look, root):
    look("new_videos")
    assert isinstance(look("new_answers"), dg.SkipReason)
    (root / "answers" / "two").mkdir(parents=True)
    (root / "answers" / "two" / "batch.csv").write_text("task_id,worker\n")
    assert [key for key, _ in _keys(look("new_answers"))] == ["two"]


def test_an_unmounted_video_folder_requests_nothing(look, root):
    look("new_videos")
    (root / "challenges" / "one" / "videos").rename(root / "away")
    assert isinstance(look("new_videos"), dg.SkipReason)


def test_every_challenge_is_rebuilt_nightly(root):
    nightly = schedules_of(LINE)[0]
    context = dg.build_schedule_context(
        scheduled_execution_time=datetime.datetime(2026, 1, 2, 2, tzinfo=datetime.UTC),
        resources={"workspace": WorkspaceResource(root=str(root))},
    )
    requests = list(nightly(context))
    assert [(r.partition_key, r.run_key) for r in requests] == [
        ("one", "2026-01-02:one"),
        ("two", "2026-01-02:two"),
    ]
