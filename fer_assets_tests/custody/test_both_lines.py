"""One film in both lines, films with two faces, backbones taught on the release."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from fer_assets.custody.checkpoints import stale_checkpoints
from fer_assets.custody.erasure import Wishes, erase, preview
from fer_assets.custody.known import side_id
from fer_assets.custody.subjects import Asked, SubjectError, find_subject
from fer_assets.custody.trace import trace_face
from fer_assets.custody.trace_back import trace_checkpoint, trace_video
from fer_assets.custody.verify import find_traces
from fer_assets.lines.frame_affect import names as affect
from fer_assets.lines.frame_affect.videos import Source
from fer_assets.lines.tiktokfer import names as tiktokfer
from fer_assets.lines.workspace import open_workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.manifests import read_manifest
from fer_assets_tests.custody.looking_for import files_with
from fer_assets_tests.custody.made_up import put

NOW = Wishes(wait_s=0.0)
FILM, OTHER, PAIR = b"a film", b"another film", b"a film with two"
PROMPTED = 'name = "Faces"\n[[prompts]]\nid = "angry"\naudio = "angry.wav"\n'


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


SHARED, ALONE = digest(FILM)[:16], digest(OTHER)[:16]
LEFT, RIGHT = side_id(digest(PAIR), "left"), side_id(digest(PAIR), "right")
FACE, NEXT = f"{SHARED}/500/400-500", f"{SHARED}/533/401-500"


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    for variable in ("FER_ROOT", "FER_STATE", "FER_CHALLENGES", "FER_BENCHMARKS"):
        monkeypatch.delenv(variable, raising=False)
    faces = tmp_path / "challenges" / "faces"
    moods = tmp_path / "challenges" / "moods"
    for folder in (faces / "videos", moods / "videos", moods / "annotations" / "EXPR_Set"):
        folder.mkdir(parents=True)
    (faces / "challenge.toml").write_text(PROMPTED)
    (faces / "angry.wav").write_bytes(b"RIFF")
    (moods / "challenge.toml").write_text('name = "Moods"\nkind = "affect"\n')
    (faces / "videos" / "a.mp4").write_bytes(FILM)
    (moods / "videos" / "film-a.mp4").write_bytes(FILM)
    (moods / "videos" / "film-b.mp4").write_bytes(OTHER)
    (moods / "videos" / "pair.mp4").write_bytes(PAIR)
    for name in ("film-a", "film-b", "pair_left", "pair_right"):
        (moods / "annotations" / "EXPR_Set" / f"{name}.txt").write_text("Neutral,Anger\n1\n")
    workspace = open_workspace(tmp_path)
    _fill(workspace.store)
    return workspace


def _fill(store) -> None:
    uploads = [{"video_id": SHARED, "path": "a.mp4", "sha256": digest(FILM), "status": "accepted"}]
    put(store, tiktokfer.RAW_VIDEOS, "faces", {SHARED: {}, "summary": {"raw_videos": uploads}})
    put(store, tiktokfer.FACE_CROPS, "faces", {
        SHARED: {"face_crops": [{"face_id": FACE, "video_id": SHARED, "timestamp_ms": 500}]},
    })  # fmt: skip
    films = {SHARED: ("film-a", "film-a.mp4"), ALONE: ("film-b", "film-b.mp4"),
             LEFT: ("pair_left", "pair.mp4"), RIGHT: ("pair_right", "pair.mp4")}  # fmt: skip
    frames = {
        video: [
            {"face_id": face, "video_id": video, "frame": number,
             "image": {"bytes": face.encode(), "path": "crop.jpg"}}
            for number, face in ((15, f"{video}/500/400-500"), (16, f"{video}/533/401-500"))
        ]
        for video in films
    }  # fmt: skip
    put(store, affect.ANNOTATED_FRAMES, "moods", {
        video: {
            "affect_videos": [{"video_id": video, "path": f"videos/{path}", "name": name,
                               "kind": "film", "status": "accepted"}],
            "annotated_frames": frames[video],
        }
        for video, (name, path) in films.items()
    })  # fmt: skip
    put(store, affect.FRAME_FEATURES, "moods", {
        f"{video}-affect-b0": {
            "frame_features": [
                {"backbone": "affect-b0", "video_id": video, "frame": row["frame"]} for row in own
            ]
        }
        for video, own in frames.items()
    })  # fmt: skip


def kept_videos(workspace) -> set[str]:
    rows = workspace.data.table(affect.ANNOTATED_FRAMES, "moods", "affect_videos")
    units = workspace.data.manifest(affect.FRAME_FEATURES, "moods").units
    assert {key.split("-")[0] for key in units} == set(rows["video_id"])
    return set(rows["video_id"])


@pytest.mark.parametrize("asked", [SHARED, "a.mp4", "faces/a.mp4", "film-a.mp4"])
def test_the_same_film_goes_from_both_lines(workspace, asked):
    root = Path(workspace.store.uri)
    subject = find_subject(workspace, Asked("video", asked))
    assert subject.partitions == ("faces", "moods")
    assert preview(workspace, subject)
    erase(workspace, subject, NOW)
    assert files_with(root, [SHARED, "film-a", "a.mp4"]) == {}
    assert kept_videos(workspace) == {ALONE, LEFT, RIGHT}
    assert workspace.data.table(tiktokfer.FACE_CROPS, "faces", "face_crops").is_empty()
    assert find_traces(workspace) == []
    assert (root / "challenges" / "moods" / "videos" / "film-b.mp4").exists()


def test_a_frame_of_a_film_goes_alone(workspace):
    subject = find_subject(workspace, Asked("face", f"{ALONE}/533/401-500"))
    assert subject.n_shared_videos == 1  # the film itself stays
    erase(workspace, subject, NOW)
    for asset, table in (
        (affect.ANNOTATED_FRAMES, "annotated_frames"), (affect.FRAME_FEATURES, "frame_features"),
    ):  # fmt: skip
        rows = workspace.data.table(asset, "moods", table, columns=["video_id", "frame"])
        assert set(rows.filter(rows["video_id"] == ALONE)["frame"]) == {15}
        assert rows.height == 7
        # What lies there, not only what is read.
        stored = read_manifest(workspace.store, Place(asset, "moods"))
        assert stored.rows(table) == 7
    assert find_traces(workspace) == []


def test_one_of_two_faces_of_a_film_goes_and_the_other_stays(workspace):
    root = Path(workspace.store.uri)
    film = root / "challenges" / "moods" / "videos" / "pair.mp4"
    source = Source("pair_left", "", "film", film, digest(PAIR), "left")
    assert source.video_id == LEFT  # as the line makes it
    erase(workspace, find_subject(workspace, Asked("video", LEFT)), NOW)
    assert kept_videos(workspace) == {SHARED, ALONE, RIGHT}
    assert film.exists()
    expressions = film.parents[1] / "annotations" / "EXPR_Set"
    assert {path.stem for path in expressions.iterdir()} == {"film-a", "film-b", "pair_right"}
    assert find_traces(workspace) == []
    erase(workspace, find_subject(workspace, Asked("video", RIGHT)), NOW)
    assert not film.exists()
    assert find_traces(workspace) == []


def test_a_film_with_two_faces_goes_by_its_path(workspace):
    subject = find_subject(workspace, Asked("video", "moods/videos/pair.mp4"))
    assert subject.names["video"] == {LEFT, RIGHT, digest(PAIR)[:16]}
    (workspace.catalog.folder / "faces" / "videos" / "pair.mp4").write_bytes(PAIR)
    put(workspace.store, tiktokfer.RAW_VIDEOS, "faces", {"summary": {"raw_videos": [
        {"video_id": digest(PAIR)[:16], "path": "pair.mp4", "sha256": digest(PAIR)},
    ]}})  # fmt: skip
    by_content = find_subject(workspace, Asked("video", digest(PAIR)[:16]))
    assert by_content.names["video"] == subject.names["video"]
    with pytest.raises(SubjectError, match="KEY/PATH"):
        find_subject(workspace, Asked("video", "pair.mp4"))


def test_a_trace_has_the_sections_of_both_lines(workspace):
    found = trace_face(workspace, FACE).sections
    assert found["detection"][0]["timestamp_ms"] == 500
    assert found["annotated video: detection"][0]["frame"] == 15
    assert found["annotated video: features"][0]["backbone"] == "affect-b0"
    only = trace_face(workspace, NEXT).sections
    assert only["detection"][0]["frame"] == 16
    video = trace_video(workspace, SHARED).sections
    assert [row["path"] for row in video["uploads"]] == ["a.mp4"]
    assert [row["name"] for row in video["annotated videos"]] == ["film-a"]


def test_a_backbone_taught_on_the_release_is_stale_and_others_are_not(workspace):
    store = workspace.store
    other = f"{ALONE}/1/2-3"
    faces = [{"face_id": FACE, "video_id": SHARED, "label": "smiling", "split": "test"},
             {"face_id": other, "video_id": ALONE, "label": "sad", "split": "train"}]  # fmt: skip
    put(store, tiktokfer.POOLED_RELEASE, None, {"whole": {"pooled_release": faces}})
    version = workspace.data.manifest(tiktokfer.POOLED_RELEASE).data_version
    card = b'{"recipe": {"target": "crowd"}, "classes": ["happiness"]}'
    put(
        store, affect.EXPRESSION_BACKBONE, None,
        {name: {"backbones": [{"backbone": name}]} for name in ("taught", "packaged")},
        inputs={"taught": {"release": version}, "packaged": {"weights": "x"}},
        blobs={
            name: {f"{name}.safetensors": name.encode(), f"{name}.json": card}
            for name in ("taught", "packaged")
        },
    )  # fmt: skip
    found = trace_checkpoint(workspace, "expression_backbone/taught").sections
    assert {row["video_id"] for row in found["videos"]} == {SHARED, ALONE}
    erase(workspace, find_subject(workspace, Asked("video", SHARED)), NOW)
    assert [(s.asset, s.run) for s in stale_checkpoints(store)] == [
        (affect.EXPRESSION_BACKBONE, "taught")
    ]
