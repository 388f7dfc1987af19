"""The commands, from tasks of a challenge to answers that count."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from botocore.stub import ANY, Stubber
from click.testing import CliRunner, Result

from fer_assets.commands import mturk as door
from fer_assets.labels.answers import worker_id
from fer_assets.labels.mturk import client as mturk_client
from fer_assets.lines.tiktokfer.names import CROWD_ANSWERS, LABELLING_TASKS
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.tombstones import read_salt
from fer_assets_tests.labels.mturk.replies import answer_xml, assignment, hit
from fer_assets_tests.labels.small_root import KEY, count_answers, make_root, make_tasks

URL = "https://p.example/faces"
Run = Callable[..., Result]


@pytest.fixture
def workspace(tmp_path: Path, faces: pl.DataFrame) -> Workspace:
    made = make_root(tmp_path, faces.head(2), "answers_per_face = 3")
    make_tasks(made)
    return made


@pytest.fixture
def run(workspace: Workspace, client: Any, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(mturk_client, "open_client", lambda *, is_production: client)

    def _run(name: str, *options: str, said: str = "") -> Result:
        arguments = [name, "--partition", KEY, *options]
        return CliRunner().invoke(door.mturk, arguments, obj=workspace.store.uri, input=said)

    return _run


def _tasks(workspace: Workspace) -> list[str]:
    return workspace.data.table(LABELLING_TASKS, KEY)["task_id"].sort().to_list()


def test_nothing_is_put_up_without_a_word(run: Run, stub: Stubber) -> None:
    stub.add_response("list_hits", {"HITs": []})
    asked = run("create", "--image-url", URL, "--reward", "0.10", said="n\n")
    assert asked.exit_code == 1
    assert "2 new HITs" in asked.output
    assert "6 answers in the sandbox" in asked.output
    assert "$0.60 rewards + $0.12 fees = $0.72" in asked.output
    assert URL in asked.output


@pytest.mark.parametrize("url", ["http://p.example", "file:///tmp", "https://", "https://p/?a=1"])
def test_pictures_need_an_https_address(run: Run, url: str, stub: Stubber) -> None:
    assert "https address" in str(run("create", "--image-url", url).exception)
    assert run("create").exit_code == 2  # the address has to be given
    assert run("create", "--image-url", URL, "--reward", "free").exit_code == 2


def test_put_up_fetch_approve_and_take_down(run: Run, workspace: Workspace, stub: Stubber) -> None:
    first, second = _tasks(workspace)
    stub.add_response("list_hits", {"HITs": [hit(second, available=3)]})
    stub.add_response("list_qualification_types", {"QualificationTypes": []})
    made = {"QualificationType": {"QualificationTypeId": "Q"}}
    stub.add_response("create_qualification_type", made)
    stub.add_response("create_hit_type", {"HITTypeId": "T"})
    stub.add_response(
        "create_hit_with_hit_type", {"HIT": {"HITId": "x"}},
        {"HITTypeId": "T", "MaxAssignments": 3, "LifetimeInSeconds": 2 * 86400, "Question": ANY,
         "RequesterAnnotation": f"fer-assets/{KEY}/{first}", "UniqueRequestToken": ANY},
    )  # fmt: skip
    made_now = run("create", "--image-url", URL, "--days", "2", "--yes")
    assert "1 HITs were put up" in made_now.output

    xml = answer_xml(is_face="yes", ekman="sad")
    handed_in = [
        assignment("A1", "W1", xml, 9.0), assignment("A2", "W2", answer_xml(is_face="maybe")),
        assignment("A3", "W1", xml),
    ]  # fmt: skip
    for _ in range(2):
        stub.add_response("list_hits", {"HITs": [hit(first, available=1)]})
        stub.add_response("list_assignments_for_hit", {"Assignments": handed_in})
    found = json.loads(run("fetch", "--json").output)
    assert (found["n_submissions"], found["is_changed"]) == (1, True)
    assert [r["reason"] for r in found["refused"]] == [
        "unknown answer to is_face", "answered before by this worker",
    ]  # fmt: skip
    assert not json.loads(run("fetch", "--json").output)["is_changed"]
    count_answers(workspace)
    answers = workspace.data.table(CROWD_ANSWERS, KEY, "crowd_answers")
    assert answers["worker_id"].unique().to_list() == [worker_id("W1", read_salt(workspace.store))]
    assert answers["duration_s"].unique().to_list() == [9.0]
    assert not answers["is_simulated"].any()

    stub.add_response("list_hits", {"HITs": [hit(first, available=1)]})
    stub.add_response("list_assignments_for_hit", {"Assignments": handed_in[:1]})
    stub.add_response("approve_assignment", {}, {"AssignmentId": "A1"})
    assert "1 assignments were approved" in run("approve", "--yes").output

    stub.add_response("list_hits", {"HITs": [hit(first, available=1), hit("gone")]})
    stub.add_response("get_account_balance", {"AvailableBalance": "10000.00"})
    status = json.loads(run("status", "--json").output)
    assert status["HITs"] == 2
    assert status["HITs of faces that are gone"] == 1
    assert status["wait for approval"] == 2
    assert status["balance in dollars"] == "10000.00"

    stub.add_response("list_hits", {"HITs": [hit(first), hit("gone")]})
    stub.add_response("update_expiration_for_hit", {}, {"HITId": "HIT-gone", "ExpireAt": ANY})
    stub.add_response("delete_hit", {}, {"HITId": "HIT-gone"})
    assert "1 HITs were deleted" in run("delete", "--gone", "--yes").output


@pytest.mark.usefixtures("run")
def test_workers_who_fail_gold_are_shut_out(
    tmp_path: Path, faces: pl.DataFrame, stub: Stubber
) -> None:
    workspace = make_root(tmp_path / "gold", faces.head(45))
    folder = workspace.catalog.load(KEY).folder
    names = faces.filter(~pl.col("is_duplicate"))["face_id"].head(40).to_list()
    lines = "\n".join(f"{name},sad" for name in names)
    (folder / "gold.csv").write_text(f"face_id,expression\n{lines}\n", encoding="utf-8")
    make_tasks(workspace)
    tasks = workspace.data.table(LABELLING_TASKS, KEY).filter("is_gold")["task_id"].to_list()
    assert len(tasks) == 4
    good, bad = answer_xml(is_face="yes", ekman="sad"), answer_xml(is_face="yes", ekman="angry")
    stub.add_response("list_hits", {"HITs": [hit(task) for task in sorted(tasks)]})
    for i in range(4):
        pair = [assignment(f"G{i}", "GOOD", good), assignment(f"B{i}", "BAD", bad)]
        stub.add_response("list_assignments_for_hit", {"Assignments": pair})
    arguments = ["--partition", KEY]
    assert CliRunner().invoke(door.mturk, ["fetch", *arguments], obj=workspace.store.uri).output
    count_answers(workspace)
    stub.add_response("list_qualification_types", {"QualificationTypes": []})
    made = {"QualificationType": {"QualificationTypeId": "Q"}}
    stub.add_response("create_qualification_type", made)
    stub.add_response(
        "associate_qualification_with_worker", {},
        {"QualificationTypeId": "Q", "WorkerId": "BAD", "IntegerValue": 1,
         "SendNotification": False},
    )  # fmt: skip
    said = CliRunner().invoke(door.mturk, ["block", *arguments], obj=workspace.store.uri)
    assert "1 workers fail gold tasks; 1 of them" in said.output
