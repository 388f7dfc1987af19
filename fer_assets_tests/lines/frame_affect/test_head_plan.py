"""Which heads a challenge gets, which are published, what each follows from."""

from __future__ import annotations

from pathlib import Path

import pytest

from fer_assets.lines.frame_affect.head_plan import HeadPlan
from fer_assets_tests.frame_affect.heads.material import BACKBONE
from fer_assets_tests.lines.frame_affect.head_root import KEY, head_workspace, put_frames, sets_of


def _plan(root: Path, settings: str = "", **options: object) -> HeadPlan:
    workspace = head_workspace(root, settings)
    put_frames(workspace, sets_of(3, 1, 1), ("EXPR", "VA", "AU", "MTL"), n_frames=3, **options)
    return HeadPlan(workspace, KEY)


@pytest.mark.parametrize(
    ("task", "head", "head_without_scores"),
    [
        ("EXPR", ("embeddings", "hidden"), ("embeddings", "hidden")),
        ("AU", ("embeddings", "hidden"), ("embeddings", "hidden")),
        ("VA", ("scores", "linear"), ("embeddings", "linear")),
        ("MTL", ("both", "linear"), ("embeddings", "linear")),
    ],
)
def test_the_papers_best_heads_are_published(tmp_path, task, head, head_without_scores) -> None:
    for expected, has_scores in ((head, True), (head_without_scores, False)):
        spec = _plan(tmp_path, has_scores=has_scores).published(task)
        assert (spec.features, spec.head) == expected
        assert (spec.task, spec.backbone, spec.protocol) == (task, BACKBONE, "held-out")


def test_what_the_challenge_leaves_out_is_not_published(tmp_path: Path) -> None:
    plan = _plan(tmp_path, 'features = ["both", "scores"]\nheads = ["hidden"]\nseed = 2')
    for task in plan.tasks:
        spec = plan.published(task)
        assert (spec.features, spec.head) == ("both", "hidden")
        assert spec.name.endswith("-held-out-seed2")
    bare = _plan(tmp_path / "bare", 'features = ["scores"]', has_scores=False)
    assert bare.published("VA") is None
    assert bare.runs() == []


def test_each_run_once_and_no_test_video_in_any(tmp_path: Path) -> None:
    plan = _plan(tmp_path)
    names = [spec.name for spec in plan.runs()]
    assert len(set(names)) == len(names) == 4 * (3 * 2 * 2 + 1)
    assert plan.tasks == ("EXPR", "VA", "AU", "MTL")
    for task in plan.tasks:
        assert sorted(plan.sets[task].values()) == ["train"] * 3 + ["validation"]


def test_a_run_follows_from_the_sets_that_it_reads(tmp_path: Path) -> None:
    before = _plan(tmp_path)
    units = {spec: before.unit(spec) for spec in before.runs()}
    put_frames(before.workspace, sets_of(3, 2), ("EXPR", "VA", "AU", "MTL"), n_frames=3)
    after = HeadPlan(before.workspace, KEY)
    for spec, unit in units.items():
        # The video that was for testing is for validation now.
        assert (after.unit(spec) == unit) == (spec.protocol == "held-out")
    put_frames(before.workspace, sets_of(4, 1), ("EXPR", "VA", "AU", "MTL"), n_frames=3)
    later = HeadPlan(before.workspace, KEY)
    assert all(later.unit(spec) != unit for spec, unit in units.items())
