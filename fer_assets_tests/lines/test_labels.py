"""What a challenge may set about labels, and the step from stored answers to stored labels."""

from __future__ import annotations

import polars as pl
import pytest

from fer_assets.challenges.spec import ChallengeError
from fer_assets.errors import FerError
from fer_assets.lines.step import run_step
from fer_assets.lines.tiktokfer.labels import CROWD_LABELS_STEP, _aggregation_settings
from fer_assets.lines.tiktokfer.names import (
    CROWD_ANSWERS,
    CROWD_LABELS,
    IDENTITY_CLUSTERS,
    LABELLING_TASKS,
)
from fer_assets.lines.workspace import Workspace, open_workspace
from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output, rebuild
from fer_assets.storage.planning import WHOLE, Build, Unit
from fer_assets.storage.schemas.catalog import ASSET_TABLES

KEY = "one"
CHALLENGE = '[[prompts]]\nid = "{0}"\naudio = "angry.wav"\n'


def _workspace(tmp_path, settings: str = "") -> Workspace:
    folder = tmp_path / "challenges" / KEY
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "angry.wav").write_bytes(b"RIFF")
    prompts = "".join(CHALLENGE.format(name) for name in ("angry", "sad"))
    (folder / "challenge.toml").write_text(f"[settings.labels]\n{settings}\n{prompts}")
    return open_workspace(tmp_path)


@pytest.mark.parametrize(
    ("text", "method", "share"),
    [
        ("", "dawid-skene", 0.6),
        ('soft_labels = "votes"\nconvincing_share = 0.75', "votes", 0.75),
        ('soft_labels = "mace"\nconvincing_share = 1', "mace", 1.0),
    ],
)
def test_what_a_challenge_sets(tmp_path, text: str, method: str, share: float) -> None:
    settings = _aggregation_settings(_workspace(tmp_path, text), KEY)
    assert (settings.soft_labels, settings.majority.convincing_share) == (method, share)


def test_an_unknown_method_is_refused_by_name(tmp_path) -> None:
    workspace = _workspace(tmp_path, 'soft_labels = "glad"')
    with pytest.raises(FerError, match=r"(?s)challenge one: settings.labels.soft_labels.*one-coin"):
        _aggregation_settings(workspace, KEY)
    with pytest.raises(ChallengeError, match="soft_labels"):
        _aggregation_settings(_workspace(tmp_path, "soft_labels = 3"), KEY)


def _put(workspace: Workspace, asset: str, table: str, rows: list[dict[str, object]]) -> None:
    schema = ASSET_TABLES[asset][table]
    frame = schema.frame([{**dict.fromkeys(schema.dtypes), **row} for row in rows])
    build = Build(Place(asset, KEY), ASSET_TABLES[asset], 1)
    output = Output(WHOLE, {table: frame})
    rebuild(workspace.store, build, [Unit(WHOLE, {})], lambda due: [output])


def _answered(workspace: Workspace) -> None:
    """Three faces of one person, four workers; the last of them always says the other thing."""
    faces = [{"face_id": f"v/{i}/0-0", "video_id": "v", "identity_id": "p"} for i in range(3)]
    clusters = [{**face, "is_duplicate": False, "timestamp_ms": 0} for face in faces]
    schema = ASSET_TABLES[IDENTITY_CLUSTERS]["identity_clusters"]
    numbers = {c.name: 0 for c in schema.columns if c.dtype.is_numeric() and not c.is_nullable}
    texts = {c.name: "x" for c in schema.columns if c.dtype == pl.String and not c.is_nullable}
    flags = {c.name: False for c in schema.columns if c.dtype == pl.Boolean}
    full = [{**numbers, **texts, **flags, **row} for row in clusters]
    _put(workspace, IDENTITY_CLUSTERS, "identity_clusters", full)
    tasks = [
        {**face, "task_id": f"t{i}", "batch_id": "b", "is_gold": False, "answers_wanted": 4,
         "answers_at_most": 4, "questionnaire": "q"}
        for i, face in enumerate(faces)
    ]  # fmt: skip
    _put(workspace, LABELLING_TASKS, "labelling_tasks", tasks)
    answers = [
        {"task_id": task["task_id"], "face_id": task["face_id"], "video_id": "v",
         "worker_id": f"w{w}", "question": question, "answer": answer, "duration_s": 2.0 + w,
         "status": "accepted", "is_simulated": True}
        for task in tasks
        for w in range(4)
        for question, answer in (("is_face", "yes"), ("ekman", "sad" if w < 3 else "angry"))
    ]  # fmt: skip
    _put(workspace, CROWD_ANSWERS, "crowd_answers", answers)


def test_the_step_stores_every_table_and_shows_no_id(tmp_path) -> None:
    workspace = _workspace(tmp_path)
    _answered(workspace)
    report = run_step(CROWD_LABELS_STEP, workspace, KEY)
    read = {
        name: workspace.data.table(CROWD_LABELS, KEY, name) for name in ASSET_TABLES[CROWD_LABELS]
    }
    assert read["crowd_labels"]["label"].to_list() == ["sad"] * 3
    assert read["label_estimates"].height == 3 * 4
    assert read["workers"]["median_duration_s"].to_list() == [2.0, 3.0, 4.0, 5.0]
    assert set(read["worker_confusion"]["worker_id"]) == {"w0", "w1", "w2", "w3"}
    # the others of w3 agree on "sad"; the others of each of the rest do by two to one
    assert read["human_ceiling"].filter(pl.col("expression") == "sad")["recall"][0] == 0.75
    figures = report.summary.figures
    assert figures["one worker against the others, macro F1"] > 0
    assert figures["soft labels by"] == "dawid-skene"
    assert set(report.summary.pictures) == {
        "labels", "workers", "confusions of the crowd", "one worker against the others",
    }  # fmt: skip
    shown = [str(figures), *(str(table.rows()) for table in report.summary.tables.values())]
    assert not any(name in text for text in shown for name in ("w0", "v/0", "'p'"))
    assert run_step(CROWD_LABELS_STEP, workspace, KEY).build.processed == 0


def test_another_method_is_another_build(tmp_path) -> None:
    workspace = _workspace(tmp_path)
    _answered(workspace)
    run_step(CROWD_LABELS_STEP, workspace, KEY)
    first = workspace.data.table(CROWD_LABELS, KEY, "crowd_labels")["soft_label"].to_list()
    changed = _workspace(tmp_path, 'soft_labels = "votes"')
    assert run_step(CROWD_LABELS_STEP, changed, KEY).build.processed == 1
    second = changed.data.table(CROWD_LABELS, KEY, "crowd_labels")["soft_label"].to_list()
    assert first != second
    shares = {entry["expression"]: entry["prob"] for entry in second[0]}
    assert (shares["sad"], shares["angry"]) == (0.75, 0.25)
