"""The unit that brings the runs of the pooled training together: labels the classifier doubts."""

from __future__ import annotations

import polars as pl

from fer_assets.labels.aggregation.suspects import doubted_by_classifier
from fer_assets.lines.step import plan_step, run_step
from fer_assets.lines.tiktokfer.names import POOLED_CHECKPOINT, POOLED_RELEASE
from fer_assets.lines.tiktokfer.training import POOLED_CHECKPOINT_STEP
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output, rebuild
from fer_assets.storage.planning import SUMMARY, WHOLE, Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES
from fer_assets.storage.schemas.tiktokfer import POOLED_RELEASE as RELEASE
from fer_assets_tests.expressions.faces import NAMES, tiny_release
from fer_assets_tests.training.tiny import tiny_recipe


def _release() -> tuple[pl.DataFrame, list[str]]:
    """Every twelfth labelled face bears the next expression's name instead; which ones."""
    following = dict(zip(NAMES, (*NAMES[1:], NAMES[0]), strict=True))
    release = tiny_release(n_people=9, faces_each=16).with_columns(
        challenge=pl.lit("one"), person_id=pl.col("identity_id")
    )
    labelled = release.filter(pl.col("label").is_not_null())["face_id"]
    moved = labelled.gather_every(12).to_list()
    label = pl.when(pl.col("face_id").is_in(moved)).then(pl.col("label").replace(following))
    return RELEASE.conform(release.with_columns(label=label.otherwise("label"))), moved


def _put(workspace: Workspace, release: pl.DataFrame) -> None:
    build = Build(Place(POOLED_RELEASE, None), ASSET_TABLES[POOLED_RELEASE], 1)
    output = Output(WHOLE, {"pooled_release": release})
    digest = str(release.hash_rows().sum())
    rebuild(workspace.store, build, [Unit(WHOLE, {"rows": digest})], lambda due: [output])


def test_held_out_predictions_doubt_the_labels_that_are_wrong(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("FER_THREADS", "1")
    recipe = tiny_recipe(max_epochs=8, view=0.95, train_final=False)
    monkeypatch.setattr("fer_assets.training.recipes.find_recipe", lambda name, given=None: recipe)
    (tmp_path / "settings.toml").write_text("[training]\nfolds = 3\n")
    workspace = open_workspace(tmp_path)
    release, moved = _release()
    _put(workspace, release)

    report = run_step(POOLED_CHECKPOINT_STEP, workspace, None)
    assert set(report.build.manifest.units) == {"fold-0", "fold-1", "fold-2", SUMMARY}
    suspects = workspace.data.table(POOLED_CHECKPOINT, None, "suspect_labels")
    predictions = workspace.data.table(POOLED_CHECKPOINT, None, "predictions")
    assert suspects.equals(doubted_by_classifier(predictions, release, NAMES))
    assert report.summary.figures["labels that the classifier doubts"] == suspects.height
    found = suspects.filter(pl.col("face_id").is_in(moved))
    assert found.height >= 0.5 * len(moved)
    others = suspects.height - found.height
    assert others / (release.height - len(moved)) < 0.5 * found.height / len(moved)

    # nothing to do; then the labels' code alone changes: no run is trained again
    assert not plan_step(POOLED_CHECKPOINT_STEP, workspace, None).due
    monkeypatch.setattr("fer_assets.labels.CODE_VERSION", 999)
    assert set(plan_step(POOLED_CHECKPOINT_STEP, workspace, None).due) == {SUMMARY}
    again = run_step(POOLED_CHECKPOINT_STEP, workspace, None)
    assert again.build.processed == 0
    assert workspace.data.table(POOLED_CHECKPOINT, None, "suspect_labels").equals(suspects)
