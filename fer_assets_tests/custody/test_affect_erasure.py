"""Erasure of annotated video: folders of crops, annotations, features, heads, scores."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from fer_assets.commands.erase import erase as erase_command
from fer_assets.custody.checkpoints import stale_checkpoints
from fer_assets.custody.erasure import Wishes, apply_again, erase, preview, resume, running
from fer_assets.custody.reporting import make_report
from fer_assets.custody.subjects import Asked, SubjectError, find_subject
from fer_assets.custody.verify import find_traces
from fer_assets.lines.catalog import find_steps, lines
from fer_assets.lines.frame_affect import names
from fer_assets.lines.status import step_states
from fer_assets.lines.step import run_step
from fer_assets.lines.workspace import open_workspace
from fer_assets.public_data.abaw.submission import HEADERS, LISTED_HEADERS
from fer_assets.storage.digests import sha256_file
from fer_assets.storage.leases import lease
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.tombstones import read_tombstones
from fer_assets_tests.custody.affect_root import KEY, SETS, build, draw_crops
from fer_assets_tests.custody.looking_for import files_with, tree
from fer_assets_tests.custody.made_up import put

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("affect_custody")]

NOW = Wishes(wait_s=0.0)
CHANGES_WITH_TIME = ("custody/erasures/", "state/leases/", "state/hashes/")
ASSETS = tuple(step.asset for step in find_steps(["frame_affect"]) if step.is_partitioned)


@pytest.fixture
def workspace(built_affect, tmp_path):
    root = tmp_path / "root"
    # Times are kept: a folder that was hashed is not hashed again.
    shutil.copytree(built_affect, root)
    return open_workspace(root)


def videos(workspace) -> dict[str, str]:
    rows = workspace.data.table(names.ANNOTATED_FRAMES, KEY, "affect_videos")
    return dict(rows.filter(pl.col("status") == "accepted").select("name", "video_id").iter_rows())


def folder(workspace) -> Path:
    return Path(workspace.store.uri) / "challenges" / KEY


def everything(workspace) -> dict[tuple[str, str], pl.DataFrame]:
    return {
        (asset, table): workspace.data.table(asset, KEY, table)
        for asset in ASSETS
        for table in ASSET_TABLES[asset]
    }


def erased(workspace, name, wishes=NOW):
    subject = find_subject(workspace, Asked("video", videos(workspace)[name]))
    return erase(workspace, subject, wishes)


def test_a_video_leaves_everything_it_was_in(workspace):
    root, name = Path(workspace.store.uri), "clip-two"
    video_id = videos(workspace)[name]
    words = [video_id, name]
    before = everything(workspace)
    assert len(files_with(root, words)) > 20  # the reference sees them
    journal = erased(workspace, name)
    assert journal.done["crop folders"] == {"crop folders": 1}
    assert journal.done["annotation files"] == {"files": 1, "rows": 11}  # one of uploads
    assert files_with(root, words) == {}
    report = make_report(workspace, journal, find_traces(workspace))
    assert report.is_clean
    assert not any(word in json.dumps([report.left_to_do, report.touched]) for word in words)
    # Nobody else's rows are another; figures over everybody are gone until they are made anew.
    for (asset, table), rows in before.items():
        after = workspace.data.table(asset, KEY, table)
        if asset == names.AFFECT_SCORES:
            assert after.is_empty()
        elif "video_id" in rows.columns:
            assert after.equals(rows.filter(pl.col("video_id") != video_id)), table
        else:
            assert after.equals(rows), table
    assert not workspace.data.blobs(names.AFFECT_SCORES, KEY)
    kept = {path.name for path in (folder(workspace) / "cropped_aligned").iterdir()}
    assert kept == set(SETS) - {name}


def test_runs_that_learned_from_it_are_stale_and_due(workspace):
    own = videos(workspace)["clip-two"]
    rows = workspace.data.table(names.AFFECT_HEADS, KEY, "head_videos")
    learned = set(rows.filter(pl.col("video_id") == own)["run"])
    assert learned
    erased(workspace, "clip-two")
    assert {s.run for s in stale_checkpoints(workspace.store)} == learned
    line = next(line for line in lines() if line.name == "frame_affect")
    states = {s.asset: s for s in step_states(workspace, line.partitioned(), KEY)}
    assert set(states[names.AFFECT_HEADS].due) >= learned
    assert states[names.AFFECT_SCORES].due
    assert states[names.FRAME_FEATURES].state == "up to date"
    assert states[names.ANNOTATED_FRAMES].removed == ()


def test_a_video_that_only_chose_epochs_or_was_scored_makes_those_runs_stale(workspace):
    own = videos(workspace)["clip-five"]
    rows = workspace.data.table(names.AFFECT_HEADS, KEY, "head_videos")
    parts = dict(rows.filter(pl.col("video_id") == own).select("run", "part").iter_rows())
    assert set(parts.values()) == {"train", "dev"}  # final runs and the paper's protocol
    erased(workspace, "clip-five")
    assert {s.run for s in stale_checkpoints(workspace.store)} == set(parts)


def test_it_stays_out_of_every_rebuild_even_if_its_files_are_put_back(workspace, built_affect):
    root, name = Path(workspace.store.uri), "clip-two"
    video_id = videos(workspace)[name]
    erased(workspace, name)
    build(workspace)
    assert stale_checkpoints(workspace.store) == []  # trained anew without it
    assert not workspace.data.table(names.AFFECT_SCORES, KEY, "affect_scores").is_empty()
    assert files_with(root, [video_id, name]) == {}
    assert find_traces(workspace) == []
    rebuilt = {asset: workspace.data.manifest(asset, KEY).data_version for asset in ASSETS}
    # Everything of the challenge is put back, and the crops a second time under another name.
    original = built_affect / "challenges" / KEY
    shutil.copytree(original, folder(workspace), dirs_exist_ok=True)
    crops = folder(workspace) / "cropped_aligned"
    shutil.copytree(crops / name, crops / "other-name")
    expressions = folder(workspace) / "annotations" / "EXPR_Classification_Challenge" / "Train_Set"
    shutil.copyfile(expressions / f"{name}.txt", expressions / "other-name.txt")
    build(replace(workspace, confirms_removal=True))
    for asset in ASSETS:
        for table, schema in ASSET_TABLES[asset].items():
            rows = workspace.data.table(asset, KEY, table)
            if "video_id" in schema.subjects:
                assert not rows["video_id"].is_in([video_id]).any()
    heads = workspace.data.manifest(names.AFFECT_HEADS, KEY).data_version
    assert heads == rebuilt[names.AFFECT_HEADS]
    assert find_traces(workspace)
    apply_again(workspace, 0.0)
    assert not (crops / name).exists()
    assert not (crops / "other-name").exists()
    assert files_with(root, [video_id, name]) == {}
    left = {finding.place for finding in find_traces(workspace)}
    assert left == set()


def test_crops_of_the_same_name_made_anew_stay_out_too(workspace):
    name = "clip-two"
    erased(workspace, name)
    draw_crops(folder(workspace) / "cropped_aligned" / name, seed=99)
    run_step(*find_steps([names.ANNOTATED_FRAMES]), replace(workspace, confirms_removal=True), KEY)
    assert name not in videos(workspace)
    assert len(videos(workspace)) == len(SETS) - 1


def test_an_uploader_takes_all_own_videos(workspace):
    root = Path(workspace.store.uri)
    known = videos(workspace)
    erase(workspace, find_subject(workspace, Asked("uploader", "ann")), NOW)
    own = ["7-30-one", "clip-two"]
    assert files_with(root, [*own, *(known[name] for name in own)]) == {}
    listed = (folder(workspace) / "uploads.csv").read_text()
    assert listed == "file,uploader\nclip-three,ben\nclip-four,cem\n"
    assert find_traces(workspace, ["ann,"]) == []
    assert set(videos(workspace)) == set(SETS) - set(own)


def test_one_frame_goes_and_those_beside_it_stay(workspace):
    root = Path(workspace.store.uri)
    video_id = videos(workspace)["clip-two"]
    face = f"{video_id}/frame-7"
    crop = folder(workspace) / "cropped_aligned" / "clip-two" / "00007.jpg"
    picture = sha256_file(crop)
    before = everything(workspace)
    subject = find_subject(workspace, Asked("face", face))
    assert (subject.n_faces, subject.n_shared_videos) == (1, 0)
    journal = erase(workspace, subject, NOW)
    assert journal.done["crop folders"] == {"crops": 1}
    assert not crop.exists()
    assert crop.with_name("00008.jpg").exists()
    assert files_with(root, [face, "clip-two/00007.jpg"]) == {}
    assert find_traces(workspace) == []
    for (asset, table), rows in before.items():
        if "frame" in rows.columns:
            kept = rows.filter((pl.col("video_id") != video_id) | (pl.col("frame") != 7))
            assert kept.height < rows.height or table == "head_outputs"
            assert workspace.data.table(asset, KEY, table).equals(kept), table
    # The runs that learned from its video saw it.
    learned = before[names.AFFECT_HEADS, "head_videos"]
    runs = set(learned.filter(pl.col("video_id") == video_id)["run"])
    assert {s.run for s in stale_checkpoints(workspace.store)} == runs
    copy = root / "elsewhere.jpg"
    shutil.copyfile(crop.with_name("00008.jpg"), copy)
    assert find_traces(workspace) == []
    assert read_tombstones(workspace.store).covers("picture", picture)
    build(workspace)
    assert stale_checkpoints(workspace.store) == []
    frames = workspace.data.table(names.ANNOTATED_FRAMES, KEY, "annotated_frames")
    assert frames.filter(pl.col("file") == "clip-two/00007.jpg").is_empty()


def test_submissions_truth_and_lists_are_met(workspace):
    root = Path(workspace.store.uri)
    own = folder(workspace)
    (own / "truth").mkdir()
    (own / "truth" / "clip-two.csv").write_text("frame,valence\n1,0.5\n")
    pl.DataFrame({"video": ["clip-two", "clip-six"], "people": ["P1", "P2"]}).write_parquet(
        own / "truth" / "cast.parquet"
    )
    (root / "truth" / "rendered").mkdir(parents=True)
    (root / "truth" / "rendered" / "clip-two.json").write_text('{"made": "now"}')
    (root / "truth" / "rendered" / "clip-six.json").write_text('{"made": "now"}')
    pl.DataFrame({"name": ["clip-two", "clip-six"], "frame": [1, 1]}).write_parquet(
        root / "truth" / "frames.parquet"
    )
    sent = root / "sent"
    sent.mkdir()
    (sent / "clip-two.txt").write_text(HEADERS["EXPR"] + "\n1\n2\n")
    (sent / "clip-six.txt").write_text(HEADERS["EXPR"] + "\n1\n2\n")
    (sent / "notes.txt").write_text("clip-two went well\n")
    rows = ["clip-six/00001.jpg,1", "clip-two/00001.jpg,2", "clip-six/00002.jpg,3"]
    (sent / "predictions.txt").write_text("\n".join([LISTED_HEADERS["EXPR"], *rows]) + "\n")
    seen = find_subject(workspace, Asked("video", videos(workspace)["clip-two"]))
    found = preview(workspace, seen)
    assert found["annotation files"] == {"files": 2, "rows": 11}
    assert (own / "truth" / "clip-two.csv").exists()
    erase(workspace, seen, NOW)
    assert not (own / "truth" / "clip-two.csv").exists()
    assert pl.read_parquet(own / "truth" / "cast.parquet")["video"].to_list() == ["clip-six"]
    assert [path.name for path in (root / "truth" / "rendered").iterdir()] == ["clip-six.json"]
    assert pl.read_parquet(root / "truth" / "frames.parquet")["name"].to_list() == ["clip-six"]
    assert not (sent / "clip-two.txt").exists()
    assert (sent / "clip-six.txt").exists()
    assert (sent / "predictions.txt").read_text().splitlines()[1:] == [rows[0], rows[2]]
    assert find_traces(workspace) == []
    # A person's own words are only found if asked for.
    assert {f.place for f in find_traces(workspace, ["clip-two"])} == {"sent/notes.txt"}


def test_what_is_planted_is_found(workspace, built_affect):
    root = Path(workspace.store.uri)
    original = built_affect / "challenges" / KEY
    video_id = videos(workspace)["clip-two"]
    erased(workspace, "clip-two")
    crops = original / "cropped_aligned" / "clip-two"
    expressions = "annotations/EXPR_Classification_Challenge/Train_Set/clip-two.txt"
    planted = {
        folder(workspace) / expressions: (original / expressions).read_bytes(),
        folder(workspace) / "annotations/EXPR_test_set.txt": b"clip-two\n",
        folder(workspace) / "cropped_aligned/clip-two/00011.jpg": b"another picture",
        root / "album/one.jpg": (crops / "00001.jpg").read_bytes(),
        root / "state/hashes" / f"{KEY}.frames.json": json.dumps(
            {"clip-two": ["stamp", f"{video_id}{'0' * 48}"]}
        ).encode(),
        root / "log.txt": f"{video_id}/frame-3: no face".encode(),
    }
    for path, data in planted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    places = {finding.place for finding in find_traces(workspace)}
    assert places == {path.relative_to(root).as_posix() for path in planted}


def test_source_files_can_be_kept(workspace):
    journal = erased(workspace, "clip-two", Wishes(keeps_source=True, wait_s=0.0))
    crops = folder(workspace) / "cropped_aligned" / "clip-two"
    assert len(list(crops.iterdir())) == 9
    report = make_report(workspace, journal, find_traces(workspace))
    assert report.is_clean
    assert report.kept_sources == 9


def test_a_backbone_in_training_does_not_hold_an_erasure_up(workspace):
    with lease(workspace.state, names.EXPRESSION_BACKBONE, None):
        assert erased(workspace, "clip-two").state == "finished"
    before = workspace.data.manifest(names.EXPRESSION_BACKBONE)
    assert not any("withdrawn" in " ".join(u.provenance.inputs) for u in before.units.values())


def test_a_path_in_two_challenges_is_asked_for_by_its_key(workspace):
    rows = find_subject(workspace, Asked("video", f"{KEY}/cropped_aligned/clip-two"))
    assert rows.names["video"] == {videos(workspace)["clip-two"]}
    assert rows.names["name"] == {
        f"{KEY}/clip-two", f"{KEY}/clip-two_left", f"{KEY}/clip-two_right",
    }  # fmt: skip
    with pytest.raises(SubjectError, match="none such"):
        find_subject(workspace, Asked("video", "clip-nobody"))


KILLED = """
import os, signal, sys
from pathlib import Path
from fer_assets.custody import erasure
from fer_assets.custody.subjects import Asked, find_subject
from fer_assets.lines.workspace import open_workspace
from fer_assets.storage.store import LocalStore

root, video, at = sys.argv[1], sys.argv[2], int(sys.argv[3])
workspace = open_workspace(root)
subject = find_subject(workspace, Asked("video", video))
n_calls = 0

def count(call):
    def counted(*args, **more):
        global n_calls
        n_calls += 1
        if n_calls == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **more)
    return counted

LocalStore.write, LocalStore.delete = count(LocalStore.write), count(LocalStore.delete)
Path.unlink, Path.rename, os.unlink = count(Path.unlink), count(Path.rename), count(os.unlink)
erasure.erase(workspace, subject, erasure.Wishes())
print(n_calls)
"""


@pytest.fixture(scope="module")
def uninterrupted(built_affect, tmp_path_factory):
    root = tmp_path_factory.mktemp("undisturbed") / "root"
    shutil.copytree(built_affect, root)
    video_id = videos(open_workspace(root))["clip-two"]
    done = _killed_at(root, video_id, -1)
    assert done.returncode == 0, done.stderr
    return tree(root, CHANGES_WITH_TIME), int(done.stdout), video_id


def _killed_at(root, video_id, at):
    command = [sys.executable, "-c", KILLED, str(root), video_id, str(at)]
    settings = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, env=settings
    )


@pytest.mark.parametrize("share", [0.05, 0.15, 0.3, 0.5, 0.8])
def test_killed_anywhere_it_is_finished_by_the_next_call(
    built_affect, tmp_path, uninterrupted, share
):
    expected, n_calls, video_id = uninterrupted
    root = tmp_path / "root"
    shutil.copytree(built_affect, root)
    at = max(2, round(share * n_calls))  # the first write is the journal
    assert _killed_at(root, video_id, at).returncode == -9
    workspace = open_workspace(root)
    assert len(running(workspace)) == 1
    assert len(resume(workspace, 0.0)) == 1
    found = tree(root, CHANGES_WITH_TIME)
    assert found.keys() == expected.keys()
    assert [name for name in found if found[name] != expected[name]] == []
    assert find_traces(workspace) == []


def test_the_command_says_what_would_go_and_takes_it_out(workspace):
    path = f"{KEY}/cropped_aligned/clip-two"
    video_id = videos(workspace)["clip-two"]
    before = tree(Path(workspace.store.uri))

    def run(*arguments):
        return CliRunner().invoke(erase_command, list(arguments), obj=workspace.store.uri)

    shown = json.loads(run("--video", path, "--dry-run", "--json").stdout)
    assert tree(Path(workspace.store.uri)) == before
    assert (shown["faces"], shown["names"]["video"]) == (9, 1)
    features = f"{names.FRAME_FEATURES} [{KEY}]"
    assert shown["places"][features] == {"units": 1, "rows": 9, "blobs": 0, "leftovers": 0}
    done = run("--video", path, "--yes", "--json", "--wait", "0")
    assert done.exit_code == 0, done.output
    (report,) = json.loads(done.stdout)
    assert report["touched"][f"asset {features}"]["rows"] == 9
    assert {row["asset"] for row in report["stale"]} == {names.AFFECT_HEADS}
    assert any("train them anew" in sentence for sentence in report["left_to_do"])
    assert video_id not in done.stdout
    assert "clip-two" not in done.stdout


def test_pictures_that_taught_a_backbone_are_named_as_out_of_reach(workspace):
    rows = [{"backbone": "tiny", "n_identity_images": 7}]
    put(workspace.store, names.EXPRESSION_BACKBONE, None, {"tiny": {"backbones": rows}})
    report = make_report(workspace, erased(workspace, "clip-two"), ())
    assert any("Backbones tiny learned from pictures" in said for said in report.left_to_do)
