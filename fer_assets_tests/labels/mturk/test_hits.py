from __future__ import annotations

from decimal import Decimal
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest
from botocore.stub import ANY, Stubber

from fer_assets.labels.mturk.assignments import approve, fetch_submissions, read_answer_xml
from fer_assets.labels.mturk.blocking import block, blocked_qualification, qualification_name
from fer_assets.labels.mturk.client import (
    PRODUCTION,
    SANDBOX,
    SUBMIT_SANDBOX,
    MTurkError,
    open_client,
)
from fer_assets.labels.mturk.hits import (
    Hit,
    HitPlan,
    create_hit_type,
    create_hits,
    delete_hits,
    list_hits,
    plan_hits,
)
from fer_assets.labels.mturk.question import html_question
from fer_assets.labels.mturk.settings import MTurkSettings, estimate_cost
from fer_assets.labels.questionnaire import Questionnaire
from fer_assets_tests.labels.mturk.replies import answer_xml, assignment, hit

EXISTS = "AWS.MechanicalTurk.HitAlreadyExists"


def _hit(task: str, **fields: Any) -> Hit:
    found = hit(task, **fields)
    return Hit(
        found["HITId"], task, found["HITStatus"], found["MaxAssignments"],
        found["NumberOfAssignmentsPending"] + found["NumberOfAssignmentsAvailable"],
        found["NumberOfAssignmentsCompleted"],
    )  # fmt: skip


def _refuse(stub: Stubber, call: str, code: str, params: Any = None) -> None:
    stub.add_client_error(
        call, "RequestError", f"refused ({code})", http_status_code=400,
        expected_params=params, response_meta=None,
        modeled_fields={"TurkErrorCode": code},
    )  # fmt: skip


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def values(self, name: str) -> list[str | None]:
        return [a["value"] for tag, a in self.tags if tag == "input" and a.get("name") == name]


def test_the_page_asks_the_questionnaire(questionnaire: Questionnaire) -> None:
    text = html_question(questionnaire, "https://p.example/a'\"<b>.jpg", SUBMIT_SANDBOX)
    html = ElementTree.fromstring(text)[0].text
    assert html is not None
    form = _Form()
    form.feed(html)
    for q in questionnaire.questions:
        assert form.values(q.id) == list(q.answer_ids)
    conditions = {
        (a["id"] or "")[4:]: (a["data-if"], a["data-is"])
        for tag, a in form.tags
        if tag == "fieldset" and a.get("data-if")
    }
    assert conditions == {q.id: q.asked_if for q in questionnaire.questions if q.asked_if}
    assert form.values("skip") == ["", *(r.id for r in questionnaire.skip_reasons)]
    assert form.values("flag") == ["", *(r.id for r in questionnaire.flag_reasons)]
    attributes = dict(form.tags)
    assert attributes["img"]["src"] == "https://p.example/a'\"<b>.jpg"
    assert attributes["form"]["action"] == SUBMIT_SANDBOX
    assert sum(tag == "rect" for tag, _ in form.tags) == 6
    assert questionnaire.content_warning.split(".")[0] in html


def test_wording_is_escaped_and_the_envelope_holds(questionnaire: Questionnaire) -> None:
    from dataclasses import replace

    odd = replace(questionnaire, title="]]><script>alert(1)</script> & more")
    html = ElementTree.fromstring(html_question(odd, "https://p.example/a.jpg", "s"))[0].text
    assert html is not None
    assert "<script>alert" not in html
    assert "]]&gt;&lt;script&gt;" in html
    long = replace(questionnaire, instructions=("x" * 70_000,))
    with pytest.raises(MTurkError, match="Shorten"):
        html_question(long, "https://p.example/a.jpg", "s")


def test_hits_are_found_again_over_pages(client: Any, stub: Stubber) -> None:
    stub.add_response("list_hits", {"NextToken": "n", "HITs": [hit("a"), hit("x", key="other")]})
    last = [hit("b", most=5, pending=1, available=0, completed=2), hit("c", status="Disposed")]
    last.append({k: v for k, v in hit("d").items() if k != "RequesterAnnotation"})
    stub.add_response("list_hits", {"HITs": last}, {"NextToken": "n"})
    found = list_hits(client, "faces")
    assert found == {"a": _hit("a"), "b": Hit("HIT-b", "b", "Assignable", 5, 1, 2)}
    assert found["b"].n_unreviewed == 2


def test_the_plan_asks_for_what_is_missing() -> None:
    names = ["a", "b", "c", "d", "e", "f", "g"]
    tasks = pl.DataFrame({"task_id": names})
    doubt = tasks.with_columns(
        missing=pl.Series([3, 0, 0, 1, 0, 2, 3]),
        is_uncertain=pl.Series([False, False, True, False, True, False, False]),
    )
    done = {"available": 0, "completed": 3, "status": "Reviewable"}
    hits = {
        "c": _hit("c", **done),  # all paid, still uncertain: one more
        "d": _hit("d", available=0),  # handed in, not looked at yet: wait
        "e": _hit("e", most=9, available=0, completed=9),  # can't grow to ten
        "f": _hit("f", status="Reviewable", available=2, completed=1),  # ran out of time
        "g": _hit("g", available=3),  # on offer
    }
    plan = plan_hits(tasks, doubt, hits)
    assert plan.new == {"a": 3}
    assert plan.more == [(hits["c"], 1)]
    assert plan.renewed == [hits["f"]]
    assert plan.too_small == 1


def test_hits_are_made_once_and_a_broken_run_goes_on(client: Any, stub: Stubber) -> None:
    settings = MTurkSettings()
    plan = HitPlan({"a": 3, "b": 2}, [(_hit("c", available=0, completed=3), 1)], [_hit("d")])
    made = {"HITTypeId": "T", "LifetimeInSeconds": settings.lifetime_s}
    seen: list[dict[str, Any]] = []
    client.meta.events.register(
        "provide-client-params.mturk.*", lambda params, **_: seen.append(params)
    )
    new = {**made, "Question": ANY, "UniqueRequestToken": ANY}
    _refuse(
        stub, "create_hit_with_hit_type", EXISTS,
        {**new, "MaxAssignments": 3, "RequesterAnnotation": "fer-assets/faces/a"},
    )  # fmt: skip
    stub.add_response(
        "create_hit_with_hit_type", {"HIT": {"HITId": "HIT-b"}},
        {**new, "MaxAssignments": 2, "RequesterAnnotation": "fer-assets/faces/b"},
    )  # fmt: skip
    stub.add_response(
        "create_additional_assignments_for_hit", {},
        {"HITId": "HIT-c", "NumberOfAdditionalAssignments": 1, "UniqueRequestToken": ANY},
    )  # fmt: skip
    for name in ("HIT-c", "HIT-d"):
        stub.add_response("update_expiration_for_hit", {}, {"HITId": name, "ExpireAt": ANY})
    questions = [("a", "<a/>"), ("b", "<b/>")]
    assert create_hits(client, "faces", plan, questions, "T", settings) == 3
    tokens = [p["UniqueRequestToken"] for p in seen if "UniqueRequestToken" in p]
    assert len(set(tokens)) == 3
    assert all(len(token) <= 64 for token in tokens)
    again = HitPlan({"a": 3})
    stub.add_response("create_hit_with_hit_type", {"HIT": {"HITId": "HIT-a"}})
    create_hits(client, "faces", again, questions[:1], "T", settings)
    assert seen[-1]["UniqueRequestToken"] == tokens[0]


def test_a_refused_call_is_one_sentence(client: Any, stub: Stubber) -> None:
    _refuse(stub, "create_hit_with_hit_type", "AWS.MechanicalTurk.InsufficientFunds")
    with pytest.raises(MTurkError, match=r"InsufficientFunds.*goes on from there"):
        create_hits(client, "faces", HitPlan({"a": 1}), [("a", "q")], "T", MTurkSettings())


def test_the_hit_type_carries_pay_times_and_the_block(client: Any, stub: Stubber) -> None:
    settings = MTurkSettings(reward_usd="0.12")
    stub.add_response(
        "create_hit_type", {"HITTypeId": "T"},
        {
            "Reward": "0.12", "AssignmentDurationInSeconds": 600,
            "AutoApprovalDelayInSeconds": settings.approval_s, "Title": settings.title,
            "Keywords": settings.keywords, "Description": settings.description,
            "QualificationRequirements": [
                {"QualificationTypeId": "Q", "Comparator": "DoesNotExist",
                 "ActionsGuarded": "DiscoverPreviewAndAccept"}
            ],
        },
    )  # fmt: skip
    assert create_hit_type(client, settings, "Q") == "T"


def test_deleting_takes_off_the_list_and_keeps_unpaid_work(client: Any, stub: Stubber) -> None:
    for name in ("a", "b"):
        stub.add_response(
            "update_expiration_for_hit", {}, {"HITId": f"HIT-{name}", "ExpireAt": ANY}
        )
        if name == "a":
            stub.add_response("delete_hit", {}, {"HITId": "HIT-a"})
        else:
            _refuse(stub, "delete_hit", "AWS.MechanicalTurk.InvalidHITState")
    assert delete_hits(client, [_hit("a"), _hit("b")]) == (1, 1)


def test_assignments_become_submissions(client: Any, stub: Stubber) -> None:
    good = answer_xml(is_face="yes", ekman="sad", beyond_ekman="", assignmentId="A1")
    odd = answer_xml(skip="cant-tell", comment='=HYPERLINK("x") <b>&amp;</b>')
    bomb = '<!DOCTYPE a [<!ENTITY b "c">]><QuestionFormAnswers/>'
    statuses = {"HITId": "HIT-a", "AssignmentStatuses": ["Submitted", "Approved"]}
    first = [assignment("A1", "W1", good, 12.5), assignment("A2", "W2", bomb)]
    stub.add_response(
        "list_assignments_for_hit", {"NextToken": "n", "Assignments": first}, statuses
    )
    late = assignment("A3", "W3", odd, 900_000.0)
    stub.add_response(
        "list_assignments_for_hit", {"Assignments": [late]}, {**statuses, "NextToken": "n"}
    )
    found, refused = fetch_submissions(client, [_hit("a")])
    assert [(r.place, r.task_id) for r in refused] == [("assignment A2", "a")]
    assert [(s.worker, dict(s.answers), s.duration_s) for s in found] == [
        ("W1", {"is_face": "yes", "ekman": "sad"}, 12.5),
        ("W3", {}, None),
    ]
    assert (found[1].skip, found[1].comment) == ("cant-tell", '=HYPERLINK("x") <b>&amp;</b>')


@pytest.mark.parametrize("text", ["", "<", "no xml", "<a>" * 10, "<!ENTITY", "x" * 2_000_000])
def test_broken_answers_are_none(text: str) -> None:
    assert read_answer_xml(text) is None


def test_approving_is_idempotent(client: Any, stub: Stubber) -> None:
    xml = answer_xml(is_face="no")
    waiting = [assignment("A1", "W1", xml), assignment("A2", "W2", "broken")]
    stub.add_response(
        "list_assignments_for_hit", {"Assignments": waiting},
        {"HITId": "HIT-a", "AssignmentStatuses": ["Submitted"]},
    )  # fmt: skip
    _refuse(stub, "approve_assignment", "AWS.MechanicalTurk.InvalidAssignmentState")
    stub.add_response("approve_assignment", {}, {"AssignmentId": "A2"})
    assert approve(client, [_hit("a")]) == 1
    stub.add_response("list_assignments_for_hit", {"Assignments": waiting[:1]})
    _refuse(stub, "approve_assignment", "AWS.MechanicalTurk.Other")
    with pytest.raises(MTurkError, match=r"ApproveAssignment.*Other"):
        approve(client, [_hit("a")])


def test_the_block_is_a_qualification_of_ours(client: Any, stub: Stubber) -> None:
    name = qualification_name("faces")
    query = {"Query": name, "MustBeRequestable": False, "MustBeOwnedByCaller": True}
    other = {"QualificationTypeId": "Q0", "Name": f"{name} 2"}
    stub.add_response("list_qualification_types", {"QualificationTypes": [other]}, query)
    stub.add_response(
        "create_qualification_type", {"QualificationType": {"QualificationTypeId": "Q1"}},
        {"Name": name, "Description": ANY, "QualificationTypeStatus": "Active"},
    )  # fmt: skip
    assert blocked_qualification(client, "faces") == "Q1"
    mine = {"QualificationTypeId": "Q1", "Name": name}
    stub.add_response("list_qualification_types", {"QualificationTypes": [other, mine]}, query)
    assert blocked_qualification(client, "faces") == "Q1"
    stub.add_response(
        "associate_qualification_with_worker", {},
        {"QualificationTypeId": "Q1", "WorkerId": "W1", "IntegerValue": 1,
         "SendNotification": False},
    )  # fmt: skip
    block(client, "Q1", ["W1"])


def test_cost() -> None:
    cost = estimate_cost([3, 5], MTurkSettings(reward_usd="0.10"))
    assert (cost.n_assignments, cost.rewards, cost.fees) == (8, Decimal("0.80"), Decimal("0.16"))
    assert estimate_cost([10], MTurkSettings(reward_usd="0.10")).total == Decimal("1.40")
    assert estimate_cost([4], MTurkSettings(reward_usd="0.01")).fees == Decimal("0.04")
    assert estimate_cost([], MTurkSettings()).total == 0


@pytest.mark.parametrize("reward", ["0", "free", "0.005", "-1", "nan", "inf"])
def test_rewards_that_are_none(reward: str) -> None:
    with pytest.raises(ValueError, match="reward"):
        MTurkSettings(reward_usd=reward)


def test_the_sandbox_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "none")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    sandbox, real = open_client(is_production=False), open_client(is_production=True)
    assert (sandbox.meta.endpoint_url, real.meta.endpoint_url) == (SANDBOX, PRODUCTION)
    assert sandbox.meta.config.retries["mode"] == "adaptive"


def test_without_credentials_it_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(MTurkError, match="AWS_ACCESS_KEY_ID"):
        open_client(is_production=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "half")
    with pytest.raises(MTurkError, match="AWS_ACCESS_KEY_ID"):
        open_client(is_production=False)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(MTurkError, match="nobody"):
        open_client(is_production=False)
