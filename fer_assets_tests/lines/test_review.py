"""What the crowd's tables add to the curator's review."""

from __future__ import annotations

from pathlib import Path

import pytest

from fer_assets.lines.tiktokfer import names
from fer_assets.lines.tiktokfer.review import open_desk, review_material
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.planning import WHOLE
from fer_assets.storage.schemas import tiktokfer as t
from fer_assets_tests.browser.small_root import KEY, make_root, publish

DOUBTED = "0000000000000001/0/500-400"
ODD = "0000000000000002/500/500-401"
REPORTED = "0000000000000005/500/500-401"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_root(tmp_path)


def _labels(face_id: str, is_face: bool) -> dict[str, object]:
    return {
        "face_id": face_id,
        "video_id": face_id.split("/", maxsplit=1)[0],
        "identity_id": "id-0000",
        "is_face": is_face,
        "label": None,
        "soft_label": [],
        "n_answers": 3,
        "agreement": 0.9,
        "reason": None,
        "is_simulated": False,
    }


def _disagreement(face_id: str, question: str, share: float, n_answers: int) -> dict[str, object]:
    return {
        "identity_id": "id-0000",
        "face_id": face_id,
        "video_id": face_id.split("/", maxsplit=1)[0],
        "question": question,
        "of_person": None,
        "of_image": "I",
        "share": share,
        "n_answers": n_answers,
    }


def _flag(worker: str) -> dict[str, object]:
    return {
        "task_id": "t",
        "face_id": REPORTED,
        "video_id": REPORTED.split("/", maxsplit=1)[0],
        "worker_id": worker,
        "kind": "flag",
        "reason": "upsetting",
        "comment": None,
        "is_simulated": False,
    }


def test_the_crowds_doubts_become_questions(workspace: Workspace) -> None:
    before = {item.item_id for item in open_desk(workspace, KEY).open_items()}
    desk = open_desk(workspace, KEY)
    desk.material()
    disagreements = [
        _disagreement(ODD, "gender", 1.0, 3),
        _disagreement(DOUBTED, "age_group", 0.5, 4),  # hardly a majority
        _disagreement(DOUBTED, "skin_tone", 1.0, 1),  # one worker
    ]
    labels = {
        "crowd_labels": t.CROWD_LABELS.frame([_labels(DOUBTED, False), _labels(ODD, True)]),
        "demographic_disagreements": t.DEMOGRAPHIC_DISAGREEMENTS.frame(disagreements),
    }
    publish(workspace, names.CROWD_LABELS, {WHOLE: labels})
    flags = t.ANSWER_FLAGS.frame([_flag("w1"), _flag("w2")])
    publish(workspace, names.CROWD_ANSWERS, {WHOLE: {"answer_flags": flags}})
    # The desk that was open sees it, too.
    new = {i.subject.names: i for i in desk.open_items() if i.item_id not in before}
    assert {name: (round(i.doubt, 3), i.reasons) for name, i in new.items()} == {
        (DOUBTED,): (0.9, ("The crowd sees no face here.",)),
        (ODD,): (0.6, ("Workers see another gender here than in the person's other pictures.",)),
        (REPORTED,): (0.6, ("2 workers reported this picture.",)),
    }
    lists = {one.title: one for one in review_material(workspace, KEY).lists}
    apart = lists["Demographics that disagree within a person"]
    assert [listed.words for listed in apart.faces][:1] == [
        ("skin tone: I", "the person: undecided", "100% of 1 answers")
    ]
    assert (apart.n_faces, lists["Passed over or reported"].n_faces) == (3, 2)


def test_without_the_crowd_there_are_no_lists(workspace: Workspace) -> None:
    for asset in (names.CROWD_LABELS, names.CROWD_ANSWERS):
        for path in workspace.store.list(f"assets/{asset}/{KEY}"):
            workspace.store.delete(path)
    assert review_material(workspace, KEY).lists == ()
    assert isinstance(review_material(workspace, KEY).items, tuple)


def test_the_file_a_classifier_wrote_counts_for_its_own_challenge(workspace: Workspace) -> None:
    rows = [
        {"face_id": face, "video_id": face.split("/")[0], "cause": "classifier", "label": "sad",
         "suggestion": "angry", "score": 0.1}
        for face in (ODD, "ffffffffffffffff/0/1-1")
    ]  # fmt: skip
    frame = t.SUSPECT_LABELS.frame(rows)
    publish(workspace, names.POOLED_CHECKPOINT, {WHOLE: {"suspect_labels": frame}}, None)
    lists = {one.title: one for one in review_material(workspace, KEY).lists}
    assert lists["Labels that the classifier doubts"].n_faces == 1
