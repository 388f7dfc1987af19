"""The steps labelling_tasks and crowd_answers, and what comes in and goes out between them."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from fer_assets.commands.answers import answers as command
from fer_assets.errors import FerError
from fer_assets.labels.page.answer_book import Entry
from fer_assets.labels.questionnaire import Questionnaire, QuestionnaireError, load_questionnaire
from fer_assets.labels.simulation import simulate_answers
from fer_assets.lines.tiktokfer.answer_exchange import collection_report, import_answers
from fer_assets.lines.tiktokfer.names import CROWD_ANSWERS, LABELLING_TASKS
from fer_assets.lines.tiktokfer.page_answers import open_book
from fer_assets.lines.tiktokfer.tasks import questionnaire_of
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.tombstones import add_tombstones
from fer_assets_tests.labels.small_root import KEY, count_answers, make_root, make_tasks


@pytest.fixture
def workspace(tmp_path: Path, faces: pl.DataFrame) -> Workspace:
    made = make_root(tmp_path, faces.head(60), "answers_per_face = 3\nanswers_at_most = 5")
    make_tasks(made)
    return made


def _tasks(workspace: Workspace) -> pl.DataFrame:
    return workspace.data.table(LABELLING_TASKS, KEY)


def _simulate(workspace: Workspace, truth: pl.DataFrame) -> pl.DataFrame:
    questionnaire = questionnaire_of(workspace, KEY)
    votes = [*questionnaire.expressions]
    known = truth.with_columns(
        expression=pl.when(pl.col("expression").is_in(votes))
        .then("expression")
        .otherwise(pl.lit("none"))
    )
    return simulate_answers(_tasks(workspace), known, questionnaire)


def _put(workspace: Workspace, rows: pl.DataFrame, name: str = "crowd.csv") -> None:
    workspace.store.write(f"answers/{KEY}/{name}", rows.write_csv().encode())


def _run(workspace: Workspace, *arguments: str) -> Result:
    root = str(workspace.store.uri)
    return CliRunner().invoke(command, [*arguments, "--partition", KEY], obj=root)


def test_settings_and_gold_reach_the_tasks(workspace: Workspace) -> None:
    tasks = _tasks(workspace)
    assert tasks["answers_wanted"].unique().to_list() == [3]
    assert tasks["answers_at_most"].unique().to_list() == [5]
    assert not tasks["is_gold"].any()
    some = tasks["face_id"][:4].to_list()
    lines = [f"{some[0]},sad", f" {some[1]} ,kiss", f"{some[2]},happy", "nobody,sad",
             f"{some[3]},sad", f"{some[3]},angry", ",sad", f"{some[0]},sad"]  # fmt: skip
    gold = workspace.catalog.load(KEY).folder / "gold.csv"
    gold.write_text("face_id,expression\n" + "\n".join(lines) + "\n", encoding="utf-8")
    report = make_tasks(workspace)
    after = _tasks(workspace)
    assert after.select("task_id", "batch_id").equals(tasks.select("task_id", "batch_id"))
    marked = after.filter("is_gold").select("face_id", "gold_expression")
    assert sorted(marked.iter_rows()) == sorted([(some[0], "sad"), (some[1], "kiss")])
    check = report.summary.checks[0]
    assert not check.passed
    for reason in ("no task for this face: 1", "not an expression of the questionnaire: 1",
                   "two expressions for one face: 2", "no face: 1"):  # fmt: skip
        assert reason in check.description
    gold.unlink()
    make_tasks(workspace)
    assert _tasks(workspace).equals(tasks)


@pytest.mark.parametrize(
    ("data", "found"), [(b"face,label\n", "the column face_id"), (b"\xff\xfe,\n", "gold.csv")]
)
def test_an_unreadable_gold_file_is_one_sentence(
    workspace: Workspace, data: bytes, found: str
) -> None:
    (workspace.catalog.load(KEY).folder / "gold.csv").write_bytes(data)
    with pytest.raises(FerError, match=found):
        make_tasks(workspace)


def test_bad_settings_are_one_sentence(tmp_path: Path, faces: pl.DataFrame) -> None:
    made = make_root(tmp_path, faces.head(5), "answers_per_face = 5\nanswers_at_most = 4")
    with pytest.raises(FerError, match=r"settings.labels.*answers_at_most = 4"):
        make_tasks(made)


def test_a_challenge_may_bring_its_own_questionnaire(workspace: Workspace) -> None:
    paper = questionnaire_of(workspace, KEY)
    assert paper.question("ekman").answer_ids == ("angry", "sad", "smiling", "none")
    packaged = Path(load_questionnaire.__code__.co_filename).with_name("questionnaire.toml")
    own = workspace.catalog.load(KEY).folder / "questionnaire.toml"
    text = packaged.read_text(encoding="utf-8")
    own.write_text(text.replace("What do you see", "What is"), encoding="utf-8")
    assert questionnaire_of(workspace, KEY).title == "What is in this picture?"
    start = text.index('  { id = "kiss"')
    own.write_text(text[:start] + text[text.index("\n", start) + 1 :], encoding="utf-8")
    with pytest.raises(QuestionnaireError, match=r"questionnaire.toml.*beyond_ekman.*kiss.*Add it"):
        questionnaire_of(workspace, KEY)


def test_counts_what_is_missing_and_uncertain(workspace: Workspace, truth: pl.DataFrame) -> None:
    rows = _simulate(workspace, truth)
    _put(workspace, rows)
    figures = count_answers(workspace).summary.figures
    assert figures["answers still missing"] == 0
    assert figures["faces still uncertain"] > 0
    assert figures["bits the next ones would bring"] > 0
    report = collection_report(workspace, KEY)
    assert report.doubt.n_uncertain == figures["faces still uncertain"]
    assert report.doubt.further_answers == 2 * report.doubt.n_uncertain
    assert report.workers["n_answers"].sum() == 3 * _tasks(workspace).height
    some = rows.filter(pl.col("task_id") != rows["task_id"][0])
    _put(workspace, some)
    assert count_answers(workspace).summary.figures["answers still missing"] == 3


def test_import_is_checked_and_repeating_it_changes_nothing(
    workspace: Workspace, tmp_path: Path
) -> None:
    task = _tasks(workspace)["task_id"][0]
    file = tmp_path / "Votes of May.csv"
    file.write_text(f"task,worker,label\n{task},ann,sad\n{task},bob,glad\nx,ann,sad\n")
    first = import_answers(workspace, KEY, file)
    assert (first.path, first.n_submissions) == (f"answers/{KEY}/votes-of-may.parquet", 1)
    assert [r.reason for r in first.refused] == ["unknown label", "unknown task"]
    again = import_answers(workspace, KEY, file)
    assert not again.is_changed
    other = tmp_path / "again.csv"
    other.write_text(f"task,worker,label\n{task},ann,sad\n")
    copy = import_answers(workspace, KEY, other)
    assert copy.n_submissions == 0
    assert not workspace.store.exists(copy.path)
    assert copy.refused[0].reason == "answered before by this worker"
    file.write_text(f"task,worker,label\n{task},cyd,sad\n")
    with pytest.raises(FerError, match=r"1 answered faces fewer.*--replace"):
        import_answers(workspace, KEY, file)
    assert import_answers(workspace, KEY, file, may_drop=True).is_changed


def test_commands(workspace: Workspace, truth: pl.DataFrame, tmp_path: Path) -> None:
    _put(workspace, _simulate(workspace, truth))
    count_answers(workspace)
    for layout in ("mturk", "label-studio", "crowd-kit", "answers"):
        ending = {"label-studio": "json", "answers": "parquet"}.get(layout, "csv")
        out = tmp_path / "out" / f"{layout}-file.{ending}"
        assert _run(workspace, "export", str(out), "--format", layout).exit_code == 0
        # an export brought in again counts nothing twice
        found = _run(workspace, "import", str(out), "--json")
        assert found.exit_code == 1
        assert json.loads(found.output)["n_submissions"] == 0
    tasks = tmp_path / "tasks"
    arguments = ("--format", "label-studio", "--image-url", "https://p.example", "--pictures")
    # the small root holds all videos in one unit
    assert _run(workspace, "export", str(tasks), *arguments[:-1]).exit_code == 0
    assert {p.name for p in tasks.iterdir()} == {"tasks.json", "config.xml"}
    report = json.loads(_run(workspace, "report", "--json").output)
    assert report["missing"] == 0
    assert len(report["workers"]) > 10
    assert "bits" in _run(workspace, "report").output
    schema = json.loads(_run(workspace, "schema").output)
    assert schema["properties"]["answers"]["properties"]["ekman"]["enum"][0] == "angry"


def test_gold_is_proposed_from_full_agreement(workspace: Workspace, truth: pl.DataFrame) -> None:
    _put(workspace, _simulate(workspace, truth))
    count_answers(workspace)
    found = json.loads(_run(workspace, "gold", "--at-least", "3", "--json").output)
    assert found
    votes = workspace.data.table(CROWD_ANSWERS, KEY, "crowd_answers")
    for row in found:
        said = votes.filter(pl.col("face_id") == row["face_id"])
        first = said.filter(pl.col("question") == "ekman")["answer"].unique().to_list()
        beyond = said.filter(pl.col("question") == "beyond_ekman")["answer"].unique().to_list()
        assert row["expression"] in (beyond if first == ["none"] else first)
        assert len(first) == 1
    assert _run(workspace, "gold", "--at-least", "3", "--write").exit_code == 0
    make_tasks(workspace)
    assert _tasks(workspace)["is_gold"].sum() == min(len(found), _tasks(workspace).height // 10)
    again = _run(workspace, "gold", "--at-least", "3", "--json")
    assert json.loads(again.output) == []


def test_a_withdrawn_face_takes_its_flags_and_answers_along(
    workspace: Workspace, tmp_path: Path, questionnaire: Questionnaire
) -> None:
    task, face = _tasks(workspace).select("task_id", "face_id").row(0)
    header = "task_id,worker,question,answer,is_simulated,comment\n"
    rows = f"{task},ann,skip,cant-tell,false,=1+1\n{task},bob,is_face,no,false,\n"
    workspace.store.write(f"answers/{KEY}/a.csv", (header + rows).encode())
    count_answers(workspace)
    flags = workspace.data.table(CROWD_ANSWERS, KEY, "answer_flags")
    assert flags.select("reason", "comment").row(0) == ("cant-tell", "=1+1")
    add_tombstones(workspace.store, "face", [face])
    make_tasks(workspace)
    report = count_answers(workspace)
    assert workspace.data.table(CROWD_ANSWERS, KEY, "answer_flags").height == 0
    assert report.summary.figures["answers"] == 0


def test_answers_of_the_page_are_collected_first(workspace: Workspace) -> None:
    task, face = _tasks(workspace).select("task_id", "face_id").row(0)
    workspace.store.write(f"answers/{KEY}/empty.csv", b"task_id,worker,question,answer\n")
    book = open_book(workspace, KEY)
    said = {"is_face": "yes", "ekman": "sad"}
    book.add(Entry(task, face, "ada", 0, "answer", said, at_s=1.0, duration_s=2.5))
    book.close()
    count_answers(workspace)
    answers = workspace.data.table(CROWD_ANSWERS, KEY, "crowd_answers")
    assert dict(answers.select("question", "answer").iter_rows()) == said
    assert answers["duration_s"].to_list() == [2.5, 2.5]
