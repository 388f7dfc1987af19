from __future__ import annotations

import pytest

from fer_assets.errors import FerError
from fer_assets.lines.catalog import find_steps, lines
from fer_assets.storage.schemas.catalog import ASSET_TABLES

FINAL_NAMES = {
    "tiktokfer": [
        "raw_videos", "prompt_clips", "face_crops", "face_embeddings", "identity_clusters",
        "labelling_tasks", "crowd_answers", "crowd_labels", "dataset_release",
        "trained_checkpoints", "benchmark_scores", "detection_validation", "identity_validation",
        "reproduction_report", "people", "pooled_release", "pooled_checkpoint",
    ],
    "frame_affect": [
        "annotated_frames", "frame_features", "affect_heads", "frame_predictions", "affect_scores",
        "expression_backbone",
    ],
}  # fmt: skip


def test_the_assets_have_their_final_names():
    for line in lines():
        names = {step.asset for step in line.steps}
        assert names == {f"{line.name}/{name}" for name in FINAL_NAMES[line.name]}
        assert names == {asset for asset in ASSET_TABLES if asset.startswith(line.name)}


def test_data_flows_one_way():
    seen: set[str] = set()
    for line in lines():
        # An asset over all challenges reads this line's partitions, and then comes after them, or
        # only what lines before have.
        own = {step.asset for step in line.steps}
        last = tuple(step for step in line.pooled() if own & set(step.deps))
        first = tuple(step for step in line.pooled() if not own & set(step.deps))
        for step in first + line.partitioned() + last:
            assert set(step.deps) <= seen, f"{step.asset} reads what comes later"
            seen.add(step.asset)


def test_the_stretches_of_a_line():
    line = lines()[0]
    assert line.ingest()[0].asset == "tiktokfer/raw_videos"
    assert line.ingest()[-1].asset == "tiktokfer/labelling_tasks"
    assert [step.asset.split("/")[1] for step in line.labelling()] == [
        "crowd_answers",
        "crowd_labels",
        "dataset_release",
    ]
    assert {step.asset for step in line.steps if step.is_gpu_bound} == {
        f"tiktokfer/{name}"
        for name in (
            "face_crops", "face_embeddings", "trained_checkpoints", "benchmark_scores",
            "pooled_checkpoint",
        )
    }  # fmt: skip


def test_steps_are_found_by_line_and_by_name():
    assert len(find_steps(["tiktokfer"])) == 17
    assert len(find_steps([])) == sum(map(len, FINAL_NAMES.values()))
    found = find_steps(["raw_videos", "tiktokfer/face_crops"])
    assert [step.asset for step in found] == ["tiktokfer/raw_videos", "tiktokfer/face_crops"]
    with pytest.raises(FerError, match="asset crops; expected one of"):
        find_steps(["crops"])


def test_what_the_challenges_of_a_line_read_themselves_comes_first():
    by_name = {line.name: [step.asset for step in line.groundwork()] for line in lines()}
    assert by_name["frame_affect"] == ["frame_affect/expression_backbone"]
    assert by_name["tiktokfer"] == []  # what runs over all challenges comes after them
