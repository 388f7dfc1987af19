"""`identity_clusters` through the ledger: state, corrections, new videos, removal, export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from fer_assets.errors import FerError
from fer_assets.identities import resolution
from fer_assets.lines.step import StepReport, plan_step, run_step
from fer_assets.lines.tiktokfer.identities import CORRECTIONS_FILE, IDENTITY_CLUSTERS_STEP
from fer_assets.lines.tiktokfer.identity_graph import export_identity_graph
from fer_assets.lines.tiktokfer.names import FACE_CROPS, FACE_EMBEDDINGS, IDENTITY_CLUSTERS
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets.media.image_codec import encode_jpeg
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output, rebuild
from fer_assets.storage.planning import Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.schemas.tiktokfer import FACE_CROPS as CROPS
from fer_assets_tests.identities.material import embeddings, people_features

KEY = "one"
PEOPLE = (0, 0, 1, 1, 2, 2)
N_FRAMES = 3


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    folder = tmp_path / "challenges" / KEY
    folder.mkdir(parents=True)
    (folder / "angry.wav").write_bytes(b"RIFF")
    (folder / "challenge.toml").write_text('[[prompts]]\nid = "angry"\naudio = "angry.wav"\n')
    return open_workspace(tmp_path)


def show(workspace: Workspace, videos: list[int]) -> None:
    """Publish the embeddings and crops of some of eight videos, as the steps before would."""
    people = np.repeat((*PEOPLE, 0, 3), N_FRAMES)
    names = [f"v{at}" for at in range(len(PEOPLE) + 2) for _ in range(N_FRAMES)]
    times = [500 * frame for _ in range(len(PEOPLE) + 2) for frame in range(N_FRAMES)]
    table = embeddings(names, times, people_features(people, 0.5))
    image = encode_jpeg(np.zeros((224, 224, 3), np.uint8))
    shown = [f"v{at}" for at in videos]
    parts: dict[str, list[Output]] = {FACE_EMBEDDINGS: [], FACE_CROPS: []}
    for video in shown:
        own = table.filter(pl.col("video_id") == video)
        crops = [
            {**_blank(face), "image": {"bytes": image, "path": "x"}} for face in own.to_dicts()
        ]
        parts[FACE_EMBEDDINGS].append(Output(video, {"face_embeddings": own}))
        parts[FACE_CROPS].append(Output(video, {"face_crops": CROPS.frame(crops)}))
    for asset, outputs in parts.items():
        build = Build(Place(asset, KEY), ASSET_TABLES[asset], 1)
        by_key = {output.key: output for output in outputs}
        rebuild(
            workspace.store,
            build,
            [Unit(video, {}) for video in shown],
            lambda due, by_key=by_key: [by_key[unit.key] for unit in due],
        )


def _blank(face: dict[str, object]) -> dict[str, object]:
    row: dict[str, object] = {}
    for column in CROPS.columns:
        if column.dtype == pl.String:
            row[column.name] = "x"
        elif column.dtype == pl.Float32:
            row[column.name] = 0.5
        else:
            row[column.name] = 0
    return {**row, "landmarks_px": [0.0] * 10, **{k: face[k] for k in ("face_id", "video_id")}}


def write(workspace: Workspace, *lines: str) -> None:
    text = "\n".join(["action,id,other_id", *lines])
    (workspace.catalog.folder / KEY / CORRECTIONS_FILE).write_text(text, encoding="utf-8")


def build(workspace: Workspace) -> StepReport:
    return run_step(IDENTITY_CLUSTERS_STEP, workspace, KEY)


def ids(workspace: Workspace) -> dict[str, str]:
    """Video to its identity."""
    table = workspace.data.table(IDENTITY_CLUSTERS, KEY, "identity_clusters")
    return dict(table.select("video_id", "identity_id").unique().iter_rows())


def test_ids_survive_new_videos_removal_and_another_clustering(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(workspace, [0, 1, 2, 3, 4, 5])
    build(workspace)
    first = ids(workspace)
    assert len(set(first.values())) == 3
    show(workspace, [0, 1, 2, 3, 4, 5, 6, 7])
    build(workspace)
    more = ids(workspace)
    assert {video: more[video] for video in first} == first
    assert more["v6"] == more["v0"]
    assert more["v7"] not in first.values()
    show(workspace, [1, 2, 3, 5, 6, 7])
    build(workspace)
    assert ids(workspace) == {video: more[video] for video in ("v1", "v2", "v3", "v5", "v6", "v7")}
    # Another clustering of the same faces: everybody is labelled in another order.
    joined = resolution.join_tracks

    def backwards(*given: Any) -> NDArray[np.int64]:
        found = joined(*given)
        return np.asarray(found.max() - found, dtype=np.int64)

    monkeypatch.setattr(resolution, "join_tracks", backwards)
    monkeypatch.setattr("fer_assets.identities.CODE_VERSION", 10_000)
    assert build(workspace).build.processed == 1
    assert ids(workspace) == {video: more[video] for video in ("v1", "v2", "v3", "v5", "v6", "v7")}


def test_corrections_are_inputs_and_outlive_rebuilds(workspace: Workspace) -> None:
    show(workspace, [0, 1, 2, 3, 4, 5])
    build(workspace)
    before = ids(workspace)
    write(
        workspace,
        f"merge,{before['v0']},{before['v2']}",
        "split,v4/0,",
        "not-a-face,v5/0/500-500,",
        "merge,id-gone,v0/0",
    )
    assert plan_step(IDENTITY_CLUSTERS_STEP, workspace, KEY).due
    report = build(workspace)
    assert not plan_step(IDENTITY_CLUSTERS_STEP, workspace, KEY).due
    for videos in ([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5, 6, 7], [1, 2, 4, 5, 6]):
        show(workspace, videos)
        build(workspace)
        now = ids(workspace)
        assert len({now[video] for video in now if video in ("v0", "v1", "v2", "v3", "v6")}) == 1
        assert now["v4"] != now["v5"]
        table = workspace.data.table(IDENTITY_CLUSTERS, KEY, "identity_clusters")
        assert "v5/0/500-500" not in table["face_id"]
        told = workspace.data.table(IDENTITY_CLUSTERS, KEY, "identity_corrections")
        assert told.select("line", "status").rows() == [
            (2, "applied"),
            (3, "applied"),
            (4, "applied"),
            (5, "unknown"),
        ]
    shown = str(report.summary.figures) + str(report.summary.checks)
    assert report.summary.figures["corrections"] == 4
    assert "1 of 4 corrections are without effect" in shown
    assert not any(word in shown for word in ("id-", "v0/", "500-500", *before.values()))


def test_a_wrong_corrections_file_stops_before_anything_is_written(workspace: Workspace) -> None:
    show(workspace, [0, 1])
    build(workspace)
    before = ids(workspace)
    write(workspace, "merge,Ann,Bob")
    with pytest.raises(FerError, match=r"identity_corrections\.csv: line 2, column id.*'Ann'"):
        build(workspace)
    assert ids(workspace) == before


def test_the_graph_is_exported_for_networkx(workspace: Workspace, tmp_path: Path) -> None:
    show(workspace, [0, 1, 2, 3, 4, 5])
    build(workspace)
    counts = export_identity_graph(workspace, KEY, tmp_path / "graph.graphml")
    graph = nx.read_graphml(tmp_path / "graph.graphml")
    assert counts == (graph.number_of_nodes(), graph.number_of_edges()) == (6, 3)
    of_video = {data["video_id"]: data["identity_id"] for _, data in graph.nodes(data=True)}
    assert of_video == ids(workspace)
    assert {data["n_faces"] for _, data in graph.nodes(data=True)} == {N_FRAMES}
    for a, b, data in graph.edges(data=True):
        assert graph.nodes[a]["identity_id"] == graph.nodes[b]["identity_id"]
        assert 0.5 <= data["weight"] <= 1
