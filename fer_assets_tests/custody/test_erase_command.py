from __future__ import annotations

import json
import shutil
import zlib
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from fer_assets.commands.erase import erase
from fer_assets.custody.journal import journals
from fer_assets.custody.verify import find_traces
from fer_assets.lines.tiktokfer import names
from fer_assets.storage.layout import Place
from fer_assets.storage.manifests import read_manifest
from fer_assets_tests.custody.looking_for import files_with, tree
from fer_assets_tests.integration.tiny import KEY

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("custody")]


def run(workspace, *arguments):
    return CliRunner().invoke(erase, list(arguments), obj=workspace.store.uri)


@pytest.fixture
def video_id(workspace):
    return workspace.data.table(names.RAW_VIDEOS, KEY, "raw_videos")["video_id"].sort()[1]


def test_it_asks_and_reports_without_a_name(workspace, video_id):
    before = tree(Path(workspace.store.uri), ("state/leases/", "state/labelling/"))
    asked = CliRunner().invoke(erase, ["--video", video_id], obj=workspace.store.uri, input="n\n")
    assert asked.exit_code == 1
    assert tree(Path(workspace.store.uri), ("state/leases/", "state/labelling/")) == before
    shown = run(workspace, "--video", video_id, "--dry-run")
    assert shown.exit_code == 0, shown.output
    assert "Nothing was changed" in shown.output
    told = run(workspace, "--video", video_id, "--yes", "--json", "--reason", "asked by mail")
    assert told.exit_code == 0, told.output
    (report,) = json.loads(told.stdout)
    (journal,) = journals(workspace.store)
    assert journal.reason == "asked by mail"
    assert journal.hashes == {}
    assert report["findings"] == []
    stored = workspace.store.read(f"custody/erasures/{journal.erasure_id}-report.json")
    assert json.loads(stored) == report
    assert video_id not in told.stdout
    assert run(workspace, "--verify").exit_code == 0
    assert run(workspace, "--resume").exit_code == 0
    assert run(workspace, "--video", video_id, "--yes").exit_code != 0  # gone already


def test_wrong_use_is_said(workspace):
    assert run(workspace).exit_code == 2
    assert run(workspace, "--video", "a", "--face", "b").exit_code == 2
    assert run(workspace, "--identity", "id-a").exit_code == 2


def test_what_comes_back_is_found_and_swept(workspace, built, video_id):
    root = Path(workspace.store.uri)
    assert run(workspace, "--video", video_id, "--yes").exit_code == 0
    # A backup is put back over everything but the folder custody.
    for name in ("assets", "answers", "registries", "state", "releases"):
        shutil.rmtree(root / name)
        shutil.copytree(built.root / name, root / name)
    assert (
        not workspace.data.table(names.FACE_CROPS, KEY, "face_crops")["video_id"]
        .is_in([video_id])
        .any()
    )  # nobody reads it
    found = run(workspace, "--verify", "--json")
    assert found.exit_code == 1
    assert len(json.loads(found.stdout)) > 20
    assert run(workspace, "--again").exit_code == 0
    assert files_with(root, [video_id]) == {}
    assert find_traces(workspace) == []


def test_odd_places_are_looked_into(workspace, video_id):
    root, store = Path(workspace.store.uri), workspace.store
    place = Place(names.FACE_EMBEDDINGS, KEY)
    manifest = read_manifest(store, place)
    crops = workspace.data.table(names.FACE_CROPS, KEY, "face_crops", units=[video_id])
    picture = crops["image"][0]["bytes"]
    source = workspace.data.table(names.RAW_VIDEOS, KEY, "raw_videos").filter(
        pl.col("video_id") == video_id
    )["path"][0]
    video = (root / "challenges" / KEY / "videos" / source).read_bytes()
    assert manifest is not None
    assert run(workspace, "--video", video_id, "--yes").exit_code == 0
    dagster = workspace.state / "dagster" / "storage" / "run"
    planted = {
        root / "registries/tiktokfer/old.backups/000001-aa.parquet": None,
        root / place.receipt("whole", "0" * 16): f'{{"unit": "{video_id}"}}'.encode(),
        dagster / "compute_logs/a.err": f"could not open {video_id}".encode(),
        root / "challenges" / KEY / "notes.md": f"ask about {video_id}".encode(),
        root / "custody/erasures/note.txt": source.encode(),
        root / "anywhere/crop.jpg": picture,
        root / "anywhere/renamed.bin": video,
        root / "state/cache.bin": zlib.compress(b"") + video_id.encode(),
        root
        / "assets/tiktokfer/face_crops"
        / KEY
        / ".left.parquet.12345678.tmp": video_id.encode(),
    }
    for path, data in planted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if data is None:
            pl.DataFrame({"face_id": [f"{video_id}/1/2-3"]}).write_parquet(path)
        else:
            path.write_bytes(data)
    places = {finding.place for finding in find_traces(workspace)}
    assert places == {path.relative_to(root).as_posix() for path in planted}
