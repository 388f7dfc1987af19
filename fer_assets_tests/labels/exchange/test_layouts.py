import json
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_assets.labels.answer_files import AnswerFile
from fer_assets.labels.answers import read_answers, worker_id
from fer_assets.labels.exchange import crowd_kit, label_studio, mturk_files
from fer_assets.labels.exchange.free_text import FORMULA_STARTS, neutralise, restore
from fer_assets.labels.exchange.reading import detect_layout, read_exchange, taken_pairs
from fer_assets.labels.exchange.submissions import (
    ExchangeError,
    Submission,
    answer_rows,
    check_submissions,
    submissions_of,
)
from fer_assets.labels.questionnaire import Questionnaire, load_questionnaire

PAPER = load_questionnaire()
WRITERS: dict[str, Callable[[list[Submission], Questionnaire], bytes]] = {
    "mturk": mturk_files.write_results,
    "label-studio": label_studio.write_annotations,
    "answers": lambda found, q: answer_rows(found, q).write_csv().encode(),
}
NAMES = {"mturk": "r.csv", "label-studio": "r.json", "crowd-kit": "r.csv", "answers": "r.csv"}
TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], include_characters="=+-@'\"<,;"),
    min_size=1, max_size=30,
).map(str.strip).filter(bool)  # fmt: skip


@st.composite
def _answers(draw: st.DrawFn) -> dict[str, str]:
    said: dict[str, str] = {}
    for q in PAPER.questions:
        is_asked = q.asked_if is None or said.get(q.asked_if[0]) == q.asked_if[1]
        if is_asked and (q.is_required or draw(st.booleans())):
            said[q.id] = draw(st.sampled_from(q.answer_ids))
    return said


@st.composite
def _submissions(draw: st.DrawFn) -> list[Submission]:
    keys = draw(st.sets(st.tuples(st.sampled_from("abcd"), st.sampled_from("vwxyz")), min_size=1))
    found = []
    for task, worker in sorted(keys):
        skip = draw(st.none() | st.sampled_from([r.id for r in PAPER.skip_reasons]))
        flag = draw(st.none() | st.sampled_from([r.id for r in PAPER.flag_reasons]))
        comment = draw(st.none() | TEXT) if skip or flag else None
        answers = {} if skip else draw(_answers())
        seconds = draw(st.none() | st.integers(0, 86400).map(lambda n: n / 16))
        found.append(
            Submission("", task, worker, answers, seconds, skip, flag, comment, draw(st.booleans()))
        )
    return found


def _plain(found: list[Submission]) -> list[Submission]:
    return sorted((replace(s, place="") for s in found), key=lambda s: (s.task_id, s.worker))


@pytest.mark.parametrize("layout", ["mturk", "label-studio", "answers"])
@given(submissions=_submissions())
@settings(max_examples=60, deadline=None)
def test_round_trip(layout: str, submissions: list[Submission]) -> None:
    data = WRITERS[layout](submissions, PAPER)
    assert detect_layout(NAMES[layout], data) == layout
    found, refused = read_exchange(NAMES[layout], data, PAPER)
    assert refused == []
    assert _plain(found) == submissions
    checked = check_submissions(found, set("abcd"), PAPER)
    assert checked.refused == ()
    assert checked.n_submissions == len(submissions)


@given(submissions=_submissions())
@settings(max_examples=40, deadline=None)
def test_crowd_kit_keeps_the_vote(submissions: list[Submission]) -> None:
    data = crowd_kit.write_votes(submissions, PAPER)
    found, refused = read_exchange("votes.csv", data, PAPER)
    assert refused == []
    votes = {(s.task_id, s.worker): crowd_kit.vote_of(s) for s in submissions}
    assert {(s.task_id, s.worker): crowd_kit.vote_of(s) for s in found} == {
        key: vote for key, vote in votes.items() if vote is not None
    }
    assert not check_submissions(found, set("abcd"), PAPER).refused


def test_crowd_kit_itself_reads_it(tasks: pl.DataFrame) -> None:
    crowdkit = pytest.importorskip("crowdkit.aggregation")
    pandas = pytest.importorskip("pandas")
    import io

    said = {"is_face": "yes", "ekman": "sad"}
    submissions = [Submission("", "t", worker, said) for worker in ("v", "w")]
    submissions.append(Submission("", "t", "x", {"is_face": "no"}))
    frame = pandas.read_csv(io.BytesIO(crowd_kit.write_votes(submissions, PAPER)))
    assert crowdkit.MajorityVote().fit_predict(frame).to_dict() == {"t": "sad"}


@given(TEXT | st.text(max_size=20))
def test_formulas_are_neutralised_and_come_back(text: str) -> None:
    safe = neutralise(text)
    assert not safe.startswith(FORMULA_STARTS)
    assert restore(safe) == text


def test_tables_to_submissions_and_back(tasks: pl.DataFrame) -> None:
    one, two, three = tasks["task_id"][:3]
    given_ = [
        Submission("", one, "v", {"is_face": "no"}, 2.5),
        Submission("", one, "w", {"is_face": "yes", "ekman": "sad"}, 3.0, None, "other", "=1+1"),
        Submission("", two, "v", {}, None, "cant-tell", None, "<b>dark</b>"),
        Submission("", three, "v", {"is_face": "yes"}),  # contradicts: not exported
    ]
    rows = answer_rows(given_, PAPER)
    file = AnswerFile("a.csv", rows.write_csv().encode())
    read = read_answers([file], tasks, PAPER, salt="s")
    found = {(s.task_id, s.worker): s for s in submissions_of(read.answers, read.flags)}
    for s in given_[:3]:
        back = found.pop((s.task_id, worker_id(s.worker, "s")))
        assert back.answers == s.answers
        assert (back.skip, back.flag, back.comment) == (s.skip, s.flag, s.comment)
        if s.answers:
            assert back.duration_s == s.duration_s
    assert not found
    assert taken_pairs([file]) == {(one, "v"), (one, "w"), (two, "v"), (three, "v")}


def test_bad_pieces_are_refused_with_a_reason() -> None:
    said = {"is_face": "yes", "ekman": "sad"}
    pieces = {
        "unknown task": Submission("1", "z", "w", said),
        "no worker": Submission("2", "a", "", said),
        "text that is no Unicode": Submission("2b", "a", "w\ud800", said),
        "unknown answer to ekman": Submission("3", "a", "w", {"is_face": "yes", "ekman": "7"}),
        "ekman answered although is_face is no": Submission(
            "4", "a", "w", {"is_face": "no", "ekman": "sad"}
        ),
        "answered although skipped": Submission("5", "a", "w", said, skip="cant-tell"),
        "unknown reason to flag": Submission("6", "a", "w", said, flag="<script>"),
        "nothing answered": Submission("7", "a", "w"),
        "a comment without a skip or flag": Submission("8", "a", "w", said, comment="hm"),
    }
    good = Submission("9", "a", "w", said)
    checked = check_submissions([*pieces.values(), good, replace(good, place="10")], {"a"}, PAPER)
    assert [(r.place, r.reason) for r in checked.refused] == [
        *((s.place, reason) for reason, s in pieces.items()),
        ("10", "answered before by this worker"),
    ]
    assert checked.n_submissions == 1
    again = check_submissions([good], {"a"}, PAPER, taken={("a", "w")})
    assert again.n_submissions == 0


def test_mturk_states_and_tick_boxes() -> None:
    header = "HITId,AssignmentId,WorkerId,AssignmentStatus,WorkTimeInSeconds,Input.task_id,"
    header += "Answer.is_face.yes,Answer.is_face.no,Answer.ekman.sad,Answer.ekman.angry\n"
    data = header + (
        "h,1,w,Approved,12,a,true,false,true,false\n"
        "h,2,w,Rejected,12,b,true,false,true,false\n"
        "h,3,w,Submitted,-4,c,true,true,true,false\n"
    )
    found, refused = read_exchange("batch.csv", data.encode(), PAPER)
    assert [(r.task_id, r.reason) for r in refused] == [("b", "assignment is Rejected")]
    assert found[0].answers == {"is_face": "yes", "ekman": "sad"}
    assert (found[0].duration_s, found[1].duration_s) == (12.0, None)
    checked = check_submissions(found, {"a", "c"}, PAPER)
    assert [r.reason for r in checked.refused] == ["unknown answer to is_face"]


def test_label_studio_odd_annotations() -> None:
    def choice(name: str, *values: object) -> dict[str, object]:
        return {"from_name": name, "type": "choices", "value": {"choices": list(values)}}

    data = [
        {"data": {"task_id": "a"}, "annotations": [
            {"completed_by": 7, "result": [choice("is_face", "no")], "lead_time": 4.5},
            {"completed_by": 8, "result": [], "was_cancelled": True},
            {"completed_by": 9, "result": [choice("is_face", "yes", "no")]},
            {"completed_by": True, "result": [choice("is_face", "no")]},
            {"result": "text"},
        ]},
        {"data": {}, "annotations": []},
    ]  # fmt: skip
    found, refused = read_exchange("export.json", json.dumps(data).encode(), PAPER)
    assert [(s.worker, dict(s.answers), s.skip) for s in found] == [
        ("7", {"is_face": "no"}, None), ("8", {}, PAPER.skip_reasons[0].id),
        ("", {"is_face": "no"}, None),
    ]  # fmt: skip
    assert [r.place for r in refused] == ["task 1, annotation 3", "task 1, annotation 5", "task 2"]


def test_label_studio_config_has_all_of_the_questionnaire() -> None:
    root = ElementTree.fromstring(label_studio.write_config(PAPER))
    choices = {c.get("name"): c for c in root.iter("Choices")}
    for q in PAPER.questions:
        assert [c.get("value") for c in choices[q.id]] == list(q.answer_ids)
    conditions = {
        view.find("Choices").get("name"): (view.get("whenTagName"), view.get("whenChoiceValue"))  # type: ignore[union-attr]
        for view in root.iter("View")
        if view.get("visibleWhen")
    }
    assert conditions == {q.id: q.asked_if for q in PAPER.questions if q.asked_if}
    assert {"skip", "flag"} <= set(choices)


def test_tasks_tell_neither_gold_nor_person(tasks: pl.DataFrame) -> None:
    for data in (
        mturk_files.write_batch_input(tasks, "https://pictures.example/x/"),
        label_studio.write_tasks(tasks, "https://pictures.example/x"),
    ):
        text = data.decode()
        assert text.count("https://pictures.example/x/") == tasks.height
        assert "person" not in text
        assert "video" not in text
        assert "gold" not in text
        assert all(name in text for name in tasks["task_id"].to_list())


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", b""), ("a.csv", b"x,y\n1,2\n"), ("a.json", b"{"), ("a.json", b'{"a": 1}'),
        ("a.json", b"[1]"), ("a.parquet", b"PAR1"), ("a.csv", b"task,worker,label\n\xff,w,sad\n"),
        ("a.csv", b'AssignmentId,WorkerId\n"1,w\n'), ("a.json", b"[" * 100_000),
    ],
)  # fmt: skip
def test_unreadable_files_are_one_sentence(name: str, data: bytes) -> None:
    with pytest.raises(ExchangeError) as caught:
        read_exchange(name, data, PAPER)
    assert "--format" in str(caught.value)


@given(
    st.sampled_from(["a.csv", "a.json", "a.jsonl", "a.parquet"]),
    st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode("utf-8", "replace")),
    st.sampled_from(
        [b"", b"task,worker,label\n", b"AssignmentId,WorkerId,AssignmentStatus,Input.task_id\n",
         b"task_id,worker,question,answer,is_simulated\n", b'[{"data": {"task_id": "a"}, ']
    ),
)  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_no_file_whatever_ends_in_anything_but_a_sentence(
    name: str, noise: bytes, start: bytes
) -> None:
    try:
        found, _ = read_exchange(name, start + noise, PAPER)
    except ExchangeError:
        return
    check_submissions(found, {"a"}, PAPER)
