"""A tiny challenge that was built, labelled, published and exported: what an erasure has to reach.

It is built once a session; tests that change it work on a copy.
"""

from __future__ import annotations

import datetime
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import dagster as dg
import polars as pl
import pytest

from fer_assets.lines.tiktokfer import names
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets.release.publishing import Publication, publish
from fer_assets.storage.registries import write_registry
from fer_assets.storage.schemas.tiktokfer import SPLIT_REGISTRY
from fer_assets.training import recipes
from fer_assets_tests.custody.affect_root import build, draw
from fer_assets_tests.integration.tiny import KEY, QUICK, materialise, render, simulate_answers


@dataclass(frozen=True)
class Built:
    """The session's root; nobody changes it."""

    root: Path

    def copy(self, target: Path) -> Workspace:
        """A root of one's own."""
        shutil.copytree(self.root, target)
        return open_workspace(target)


@pytest.fixture(scope="session")
def known_recipes() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        # Expressions that everybody shows, also without the video that is there twice.
        classes = ("playful", "surprise", "thoughtful")
        quick = replace(QUICK, target="prompt", classes=classes)
        patch.setattr(recipes, "RECIPES", MappingProxyType({**recipes.RECIPES, quick.name: quick}))
        yield


@pytest.fixture(scope="session")
def built(tmp_path_factory, weights_folder, known_recipes) -> Built:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FER_WEIGHTS", str(weights_folder))
        for variable in ("FER_ROOT", "FER_STATE", "FER_CHALLENGES", "FER_BENCHMARKS"):
            patch.delenv(variable, raising=False)
        root = tmp_path_factory.mktemp("custody") / "root"
        workspace = render(root)
        folder = root / "challenges" / KEY
        # The same content uploaded twice: a family.
        last = max((folder / "videos").glob("*.mp4"))
        shutil.copyfile(last, folder / "videos" / "again.mp4")
        with dg.DagsterInstance.ephemeral() as instance:
            assert materialise(workspace, instance).success
            simulate_answers(workspace)
            assert materialise(workspace, instance).success
            assert materialise(workspace, instance, (), None).success
        _after_building(workspace, folder)
        return Built(root)


def _after_building(workspace: Workspace, folder: Path) -> None:
    """What people do with a finished challenge."""
    data, store = workspace.data, workspace.store
    release = data.table(names.DATASET_RELEASE, KEY)
    day = datetime.date(2024, 5, 1)
    version, _ = publish(store, release, Publication(KEY, "Tiny", day))
    export = store.local("exported/rows.csv")
    export.parent.mkdir()
    release.select("face_id", "split", "label").write_csv(export)
    record = {"path": str(export), "format": "csv", "version": version.name}
    store.write(f"releases/{KEY}/exports.jsonl", json.dumps(record).encode() + b"\n")
    # A change of state leaves a backup with everybody in it.
    splits = data.table(names.DATASET_RELEASE, KEY, columns=["identity_id", "split"]).unique()
    groups = splits.rename({"identity_id": "group_id"})
    for _ in range(2):
        write_registry(store, "tiktokfer/identity_splits", KEY, SPLIT_REGISTRY, groups.head(2))
        write_registry(store, "tiktokfer/identity_splits", KEY, SPLIT_REGISTRY, groups)
    clusters = data.table(names.IDENTITY_CLUSTERS, KEY, "identity_clusters")
    faces = clusters["face_id"].sort().to_list()
    lines = ["action,id,other_id,note", *(f'not-a-face,{f},,"one, two"' for f in faces[:1])]
    (folder / "identity_corrections.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    _label_some(workspace, data.table(names.LABELLING_TASKS, KEY))


def _label_some(workspace: Workspace, tasks: pl.DataFrame) -> None:
    from fer_assets.labels.page.answer_book import AnswerBook, Entry

    path = workspace.state / "labelling" / f"{KEY}.sqlite"
    path.parent.mkdir(parents=True, exist_ok=True)
    book = AnswerBook(path)
    for task_id, face_id in tasks.select("task_id", "face_id").iter_rows():
        book.add(Entry(task_id, face_id, "w-1", 0, "answer", {"is_face": "yes"}, at_s=1.0))
    book.close()


@pytest.fixture
def workspace(built, tmp_path, monkeypatch, weights_folder) -> Workspace:
    """A copy of the built root."""
    monkeypatch.setenv("FER_WEIGHTS", str(weights_folder))
    return built.copy(tmp_path / "root")


@pytest.fixture(scope="session")
def built_affect(tmp_path_factory) -> Path:
    """A root with annotated video; nobody changes it."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("FER_ROOT", "FER_STATE", "FER_CHALLENGES", "FER_BENCHMARKS"):
            patch.delenv(variable, raising=False)
        root = tmp_path_factory.mktemp("affect") / "root"
        build(draw(root))
        return root
