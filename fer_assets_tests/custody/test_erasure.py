from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from fer_assets.custody.checkpoints import stale_checkpoints
from fer_assets.custody.erasure import (
    BusyError,
    Wishes,
    apply_again,
    erase,
    preview,
    resume,
    running,
)
from fer_assets.custody.reporting import make_report
from fer_assets.custody.subjects import Asked, SubjectError, find_subject
from fer_assets.custody.verify import find_traces
from fer_assets.lines.status import step_states
from fer_assets.lines.tiktokfer import names
from fer_assets.lines.tiktokfer.publications import publish_current
from fer_assets.lines.workspace import open_workspace
from fer_assets.release.version_files import VersionError
from fer_assets.release.versions import versions
from fer_assets.storage.parts import read_parts
from fer_assets.storage.reader import NotMaterializedError, open_dataset
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.tombstones import read_tombstones
from fer_assets_tests.custody.looking_for import files_with, tree
from fer_assets_tests.integration.tiny import KEY, confirming, line, materialise

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("custody")]

NOW = Wishes(wait_s=0.0)
CHANGES_WITH_TIME = ("custody/erasures/", "state/leases/", "state/labelling/", "state/hashes/")
"""Journals tell the time; caches of hashes the time and place of each copy of a file."""


def twice_uploaded(workspace):
    """The one that was uploaded twice, and its files."""
    rows = workspace.data.table(names.RAW_VIDEOS, KEY, "raw_videos")
    twice = rows.filter(pl.col("status") == "duplicate")["video_id"][0]
    return twice, set(rows.filter(pl.col("video_id") == twice)["path"])


def everything(workspace):
    """Rows of every table as they are stored, tombstones or not."""
    found = {}
    for asset, tables in ASSET_TABLES.items():
        for partition in (KEY, None):
            for table in tables:
                try:
                    manifest = workspace.data.manifest(asset, partition)
                except NotMaterializedError:
                    continue
                parts = [u.tables[table] for u in manifest.units.values() if table in u.tables]
                filled = [part for part in parts if part.rows]
                if filled:
                    found[asset, partition, table] = read_parts(workspace.store, filled)
    return found


def names_of(workspace, faces):
    """Every id of some faces that may be written anywhere: faces, tasks."""
    tasks = workspace.data.table(names.LABELLING_TASKS, KEY)
    return [*faces, *tasks.filter(pl.col("face_id").is_in(faces))["task_id"]]


def test_a_video_leaves_everything_with_its_copies(workspace, built):
    root = Path(workspace.store.uri)
    video_id, paths = twice_uploaded(workspace)
    faces = everything(workspace)[names.FACE_CROPS, KEY, "face_crops"]
    own = faces.filter(pl.col("video_id") == video_id)["face_id"].to_list()
    words = [video_id, *names_of(workspace, own)[len(own) :], *paths]
    before = everything(workspace)
    assert len(files_with(root, words)) > 20  # the reference sees them
    journal = erase(workspace, find_subject(workspace, Asked("video", video_id)), NOW)
    assert journal.state == "finished"
    assert files_with(root, words) == {}
    report = make_report(workspace, journal, find_traces(workspace))
    assert report.is_clean
    assert not any(word in json.dumps(report.left_to_do) for word in words)
    assert not any((root / "challenges" / KEY / "videos" / path).exists() for path in paths)
    # Nobody else's rows are another.
    after = everything(workspace)
    dropped = {"identities", "demographics", "demographic_disagreements"}
    for (asset, partition, table), rows in before.items():
        kinds = ASSET_TABLES[asset][table].subjects
        kept = rows
        for column, kind in kinds.items():
            if kind in ("video", "face"):
                kept = kept.filter(~pl.col(column).fill_null("").str.starts_with(video_id))
        if table not in dropped and kept.height:
            assert after[asset, partition, table].equals(kept), (asset, table)
    # The pictures that show several people are gone until they are made anew.
    assert not workspace.data.blobs(names.IDENTITY_CLUSTERS, KEY)


def test_a_published_version_gets_a_notice_and_says_nobodys_name(workspace):
    video_id, _ = twice_uploaded(workspace)
    journal = erase(workspace, find_subject(workspace, Asked("video", video_id)), NOW)
    (version,) = versions(workspace.store, KEY)
    (notice,) = version.notices
    assert notice.erasure_id == journal.erasure_id
    assert notice.rows == journal.done["published releases"]["rows"] > 0
    files = tree(Path(workspace.store.uri) / "releases")
    assert not any(video_id in name or video_id.encode() in data for name, data in files.items())


def test_a_scrubbed_release_is_not_published_before_it_is_built_anew(workspace):
    video_id, _ = twice_uploaded(workspace)
    erase(workspace, find_subject(workspace, Asked("video", video_id)), NOW)
    with pytest.raises(VersionError, match=r"erasure.*materialize --partition"):
        publish_current(workspace, KEY)


def test_an_export_is_named_or_scrubbed(built, tmp_path, monkeypatch):
    workspace = built.copy(tmp_path / "root")
    record = f"releases/{KEY}/exports.jsonl"
    row = json.loads(workspace.store.read(record))
    export = tmp_path / "far away" / "rows.csv"
    export.parent.mkdir()
    shutil.copyfile(row["path"], export)
    row["path"] = str(export)
    workspace.store.write(record, json.dumps(row).encode() + b"\n")
    video_id, _ = twice_uploaded(workspace)
    subject = find_subject(workspace, Asked("video", video_id))
    named = erase(workspace, subject, NOW)
    assert video_id in export.read_text(encoding="utf-8")
    report = make_report(workspace, named, ())
    assert any(str(export) in sentence for sentence in report.left_to_do)
    erase(workspace, subject, Wishes(scrubs_exports=True))
    assert video_id not in export.read_text(encoding="utf-8")
    assert len(export.read_text(encoding="utf-8").splitlines()) > 5


def test_a_dry_run_changes_no_byte(workspace):
    root = Path(workspace.store.uri)
    before = tree(root)
    video_id, _ = twice_uploaded(workspace)
    found = preview(workspace, find_subject(workspace, Asked("video", video_id)))
    assert tree(root) == before
    subject = find_subject(workspace, Asked("video", video_id))
    done = erase(workspace, subject, NOW).done
    for place in (names.FACE_CROPS, names.CROWD_ANSWERS):
        rows = found[f"{place} [{KEY}]"]["rows"]
        assert rows == done[f"asset {place} [{KEY}]"]["rows"] > 0


def test_it_stays_out_of_every_rebuild_even_if_the_file_is_put_back(
    workspace, built, known_recipes
):
    root = Path(workspace.store.uri)
    video_id, paths = twice_uploaded(workspace)
    other_ids = set(workspace.data.table(names.FACE_CROPS, KEY, "face_crops")["face_id"])
    other_ids = {face for face in other_ids if not face.startswith(video_id)}
    predictions = workspace.data.table(names.TRAINED_CHECKPOINTS, KEY, "predictions")
    seen_by = predictions.filter(pl.col("face_id").str.starts_with(video_id))["fold"].unique()
    held_out = f"fold-{seen_by.item()}"  # the only run that never saw the person
    erase(workspace, find_subject(workspace, Asked("video", video_id)), NOW)
    stale = {s.run for s in stale_checkpoints(workspace.store) if s.partition}
    assert stale == {"fold-0", "fold-1", "fold-2"} - {held_out}
    back = root / "challenges" / KEY / "videos" / "back.mp4"
    shutil.copyfile(built.root / "challenges" / KEY / "videos" / min(paths), back)
    with dg.DagsterInstance.ephemeral() as instance:
        states = step_states(workspace, line().partitioned(), KEY)
        assert any(state.state == "stale" for state in states)
        assert materialise(confirming(workspace), instance).success
        assert materialise(workspace, instance, (), None).success
        states = step_states(workspace, line().partitioned(), KEY)
        assert {state.state for state in states} == {"up to date"}
    assert find_traces(workspace)
    assert {f.place for f in find_traces(workspace)} == {
        f"challenges/{KEY}/videos/back.mp4",
        f"state/hashes/{KEY}.json",
    }
    back.unlink()
    apply_again(workspace, 0.0)
    assert find_traces(workspace) == []
    assert files_with(root, [video_id, *paths]) == {}
    found = everything(workspace)
    assert set(found[names.FACE_CROPS, KEY, "face_crops"]["face_id"]) == other_ids
    assert set(found[names.FACE_EMBEDDINGS, KEY, "face_embeddings"]["face_id"]) == other_ids
    # Trained anew without the subject: no longer stale.
    assert stale_checkpoints(workspace.store) == []
    assert workspace.data.blobs(names.IDENTITY_CLUSTERS, KEY)


def test_an_identity_goes_and_videos_of_nobody_else_go_whole(workspace):
    root = Path(workspace.store.uri)
    clusters = workspace.data.table(names.IDENTITY_CLUSTERS, KEY, "identity_clusters")
    identity = clusters["identity_id"].sort()[0]
    own = clusters.filter(pl.col("identity_id") == identity)
    subject = find_subject(workspace, Asked("identity", identity, KEY))
    assert subject.n_shared_videos == 0
    erase(workspace, subject, NOW)
    person = list(subject.names["person"])
    words = [identity, *person, *own["video_id"].unique()]
    assert files_with(root, words) == {}
    assert find_traces(workspace) == []
    left = set(workspace.data.table(names.IDENTITY_CLUSTERS, KEY, "identity_clusters")["face_id"])
    assert left == set(clusters["face_id"]) - set(own["face_id"])


def test_a_person_is_all_their_identities(workspace):
    people = workspace.data.table(names.PEOPLE)
    person = people["person_id"].sort()[0]
    (identity,) = people.filter(pl.col("person_id") == person)["identity_id"]
    by_person = find_subject(workspace, Asked("person", person))
    by_identity = find_subject(workspace, Asked("identity", identity, KEY))
    assert by_person.names == by_identity.names
    erase(workspace, by_person, NOW)
    assert files_with(Path(workspace.store.uri), [person, identity]) == {}
    assert find_traces(workspace) == []


def test_a_video_beside_others_goes_whole_only_if_asked_for(workspace):
    faces = workspace.data.table(names.FACE_CROPS, KEY, columns=["face_id", "video_id"])
    face, video = faces.sort("face_id").row(0)
    asked = Asked("face", face)
    assert video not in find_subject(workspace, asked).names.get("video", ())
    subject = find_subject(workspace, asked, takes_shared_videos=True)
    assert video in subject.names["video"]
    paths = workspace.data.table(names.RAW_VIDEOS, KEY, "raw_videos")
    files = set(paths.filter(pl.col("video_id") == video)["path"])
    erase(workspace, subject, NOW)
    left = workspace.data.table(names.FACE_CROPS, KEY, columns=["face_id", "video_id"])
    assert set(left["face_id"]) == set(faces.filter(pl.col("video_id") != video)["face_id"])
    folder = workspace.catalog.load(KEY).videos
    assert files
    assert not any((folder / name).exists() for name in files)
    assert find_traces(workspace) == []


def test_one_face_goes_and_those_beside_it_stay(workspace):
    root = Path(workspace.store.uri)
    crops = workspace.data.table(names.FACE_CROPS, KEY, columns=["face_id", "video_id"])
    face = crops["face_id"].sort()[3]
    words = names_of(workspace, [face])
    subject = find_subject(workspace, Asked("face", face))
    assert subject.n_faces == 1
    erase(workspace, subject, NOW)
    assert files_with(root, words) == {}
    left = set(workspace.data.table(names.FACE_CROPS, KEY, "face_crops")["face_id"])
    assert left == set(crops["face_id"]) - {face}
    # A detector with other weights puts the box a little elsewhere.
    video, time_ms, place = face.split("/")
    x, y = place.split("-")
    graves = read_tombstones(workspace.store)
    assert graves.covers("face", f"{video}/{int(time_ms) + 20}/{int(x) + 6}-{int(y) - 4}")
    assert not any(graves.covers("face", other) for other in left)


def test_an_uploader_who_withdrew_stays_out_under_the_same_name(workspace):
    folder = Path(workspace.store.uri) / "challenges" / KEY
    uploaders = pl.read_csv(folder / "uploads.csv")
    name = uploaders["uploader"][0]
    own = set(uploaders.filter(pl.col("uploader") == name)["file"])
    journal = erase(workspace, find_subject(workspace, Asked("uploader", name)), NOW)
    findings = find_traces(workspace, [name])
    assert make_report(workspace, journal, findings).is_clean
    assert not own & {path.name for path in (folder / "videos").iterdir()}
    graves = read_tombstones(workspace.store)
    rows = open_dataset(workspace.store.uri).table(names.RAW_VIDEOS, KEY, "raw_videos")
    assert not any(graves.covers("uploader", u) for u in rows["uploader_id"].drop_nulls())
    assert rows.height == uploaders.height - len(own) + 1  # one is in no list


def test_a_worker_takes_all_answers_back(workspace):
    path = workspace.store.local(f"answers/{KEY}/simulated.parquet")
    answers = pl.read_parquet(path)
    worker = answers["worker"].sort()[0]
    erase(workspace, find_subject(workspace, Asked("worker", worker)), NOW)
    left = pl.read_parquet(path)
    assert left.equals(answers.filter(pl.col("worker") != worker))
    assert not workspace.data.table(names.CROWD_ANSWERS, KEY, "crowd_answers").is_empty()
    assert find_traces(workspace, [f'"{worker}"']) == []
    assert workspace.data.blobs(names.IDENTITY_CLUSTERS, KEY)  # shows no worker


def test_source_files_can_be_kept(workspace):
    video_id, paths = twice_uploaded(workspace)
    subject = find_subject(workspace, Asked("video", video_id))
    journal = erase(workspace, subject, Wishes(keeps_source=True))
    videos = Path(workspace.store.uri) / "challenges" / KEY / "videos"
    assert all((videos / path).exists() for path in paths)
    report = make_report(workspace, journal, find_traces(workspace))
    assert report.is_clean
    assert report.kept_sources == len(paths)


def test_nothing_is_begun_while_it_is_being_built(workspace):
    root = Path(workspace.store.uri)
    video_id, _ = twice_uploaded(workspace)
    subject = find_subject(workspace, Asked("video", video_id))
    before = tree(root, CHANGES_WITH_TIME)
    lock = workspace.state / "leases" / f"tiktokfer.face_crops.{KEY}.lock"
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BusyError, match="face_crops"):
            erase(workspace, subject, NOW)
    assert tree(root, CHANGES_WITH_TIME) == before
    assert running(workspace) == {}


def test_an_unknown_subject_is_a_users_error(workspace):
    for kind, name in (("video", "0" * 16), ("face", "a/1/2-3"), ("identity", "id-0")):
        with pytest.raises(SubjectError, match="none such"):
            find_subject(workspace, Asked(kind, name, KEY))


KILLED = """
import os, signal, sys
from fer_assets.custody import erasure
from fer_assets.custody.subjects import Asked, find_subject
from fer_assets.lines.tiktokfer.publications import publish_current
from fer_assets.lines.workspace import open_workspace
from fer_assets.release.version_files import VersionError
from fer_assets.storage.store import LocalStore

root, video, at = sys.argv[1], sys.argv[2], int(sys.argv[3])
workspace = open_workspace(root)
subject = find_subject(workspace, Asked("video", video))
n_calls = 0

def count(call):
    def counted(*args):
        global n_calls
        n_calls += 1
        if n_calls == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args)
    return counted

LocalStore.write, LocalStore.delete = count(LocalStore.write), count(LocalStore.delete)
erasure.erase(workspace, subject, erasure.Wishes())
print(n_calls)
"""


@pytest.fixture(scope="module")
def uninterrupted(built, tmp_path_factory):
    """The files after an erasure that nobody disturbed, and how often it wrote or deleted."""
    root = tmp_path_factory.mktemp("undisturbed") / "root"
    workspace = built.copy(root)
    video_id, _ = twice_uploaded(workspace)
    done = _killed_at(root, video_id, -1)
    return tree(root, CHANGES_WITH_TIME), int(done.stdout), video_id


def _killed_at(root, video_id, at):
    command = [sys.executable, "-c", KILLED, str(root), video_id, str(at)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9])
def test_killed_anywhere_it_is_finished_by_the_next_call(built, tmp_path, uninterrupted, share):
    expected, n_calls, video_id = uninterrupted
    root = tmp_path / "root"
    workspace = built.copy(root)
    at = max(2, round(share * n_calls))  # the first write is the journal
    assert _killed_at(root, video_id, at).returncode == -9
    assert len(running(workspace)) == 1
    assert len(resume(workspace, 0.0)) == 1
    assert running(workspace) == {}
    found = tree(root, CHANGES_WITH_TIME)
    assert found.keys() == expected.keys()
    assert [name for name in found if found[name] != expected[name]] == []
    assert find_traces(open_workspace(root)) == []
