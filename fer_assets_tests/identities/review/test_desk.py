from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from fer_assets.errors import FerError
from fer_assets.identities.anchors import anchor_corrections
from fer_assets.identities.corrections import apply_corrections, not_faces
from fer_assets.identities.review.decisions import DecisionError
from fer_assets.identities.review.desk import ReviewDesk, StaleQuestionError
from fer_assets.identities.review.items import Choice, ReviewItem
from fer_assets.identities.review.memory import Decision, Memory
from fer_assets.identities.review.published import published
from fer_assets.lines.tiktokfer import names
from fer_assets.lines.tiktokfer.identities import CORRECTIONS_FILE
from fer_assets.lines.tiktokfer.review import open_desk
from fer_assets.lines.workspace import Workspace
from fer_assets.storage.schemas.tiktokfer import CORRECTION_ANCHORS, IDENTITY_REGISTRY
from fer_assets.storage.tombstones import add_tombstones
from fer_assets_tests.browser.small_root import KEY, LONE, make_root

STRAY = "0000000000000004/1000/500-402"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_root(tmp_path)


def csv_of(workspace: Workspace) -> Path:
    return workspace.catalog.folder / KEY / CORRECTIONS_FILE


def asked(desk: ReviewDesk, question: str) -> ReviewItem:
    return next(item for item in desk.open_items() if item.question == question)


def carried_out(workspace: Workspace, desk: ReviewDesk) -> dict[str, int]:
    """Identity number of each face once the corrections are carried out on what is published."""
    clusters = workspace.data.table(names.IDENTITY_CLUSTERS, KEY, "identity_clusters")
    registry = clusters.select("face_id", "identity_id").with_columns(merged_into=None)
    registry = IDENTITY_REGISTRY.conform(registry)
    written = desk._corrections.corrections()
    anchored, _ = anchor_corrections(
        written, CORRECTION_ANCHORS.empty(), clusters, registry, clusters["face_id"].to_list()
    )
    kept = clusters.filter(~clusters["face_id"].is_in(sorted(not_faces(anchored))))
    known = published(kept, workspace.data.table(names.FACE_EMBEDDINGS, KEY))
    done = apply_corrections(
        known.faces.face_ids, known.faces.features, known.frames, known.tracks, known.identities,
        anchored,
    )  # fmt: skip
    assert set(done.report["status"]) <= {"applied", "holds already"}
    return dict(zip(known.faces.face_ids, done.identities.tolist(), strict=True))


def owners(workspace: Workspace) -> dict[str, str]:
    clusters = workspace.data.table(names.IDENTITY_CLUSTERS, KEY, "identity_clusters")
    return dict(clusters.select("face_id", "identity_id").iter_rows())


def test_the_queue_has_what_was_drawn(workspace: Workspace) -> None:
    items = open_desk(workspace, KEY).open_items()
    assert [(i.question, i.subject.names) for i in items] == [
        ("belongs", (STRAY,)),
        ("is a face", (LONE,)),
        ("same person", ("id-0003",)),
    ]


@pytest.mark.parametrize(
    ("question", "choice"),
    [
        ("same person", "merge"),
        ("belongs", "split"),
        ("belongs", "move"),
        ("is a face", "not-a-face"),
        ("same person", "not-a-face"),
    ],
)
def test_a_decision_does_what_it_says(workspace: Workspace, question: str, choice: Choice) -> None:
    desk = open_desk(workspace, KEY)
    item = asked(desk, question)
    assert desk.decide(item.item_id, choice)
    was, now = owners(workspace), carried_out(workspace, desk)
    before = {face: number for number, face in enumerate(was)}
    groups = {i: {now[f] for f in now if was[f] == i} for i in set(was.values())}
    if (question, choice) == ("same person", "merge"):
        assert groups["id-0000"] == groups["id-0003"]
        assert len(set(now.values())) == len(set(was.values())) - 1
    elif choice == "split":
        assert len(groups["id-0001"]) == 2
        assert sum(now[f] == now[STRAY] for f in now) == 1
    elif choice == "move":
        assert {now[STRAY]} == groups["id-0002"]
        assert len(groups["id-0001"] - groups["id-0002"]) == 1
    else:
        assert {was[face] for face in set(before) - set(now)} == set(item.subject.names)


def test_marked_faces_alone_leave(workspace: Workspace) -> None:
    desk = open_desk(workspace, KEY)
    item = asked(desk, "same person")
    marked = [face.face_id for face in item.subject.faces[:2]]
    desk.decide(item.item_id, "not-a-face", marked)
    assert csv_of(workspace).read_text().splitlines()[1] == (
        f"not-a-face,{marked[0]} {marked[1]},,review page"
    )


def test_a_decision_counts_once_and_is_remembered(workspace: Workspace) -> None:
    desk = open_desk(workspace, KEY)
    item = asked(desk, "same person")
    assert desk.decide(item.item_id, "merge")
    written = csv_of(workspace).read_bytes()
    assert not desk.decide(item.item_id, "merge")
    assert not desk.decide(item.item_id, "not-a-face")
    again = open_desk(workspace, KEY)
    assert not again.decide(item.item_id, "merge")
    assert csv_of(workspace).read_bytes() == written
    assert item.item_id not in {i.item_id for i in again.open_items()}
    assert (again.n_waiting(), again.n_decided()) == (1, 1)


def test_kept_as_it_is_writes_nothing_and_comes_back_when_faces_change(
    workspace: Workspace,
) -> None:
    desk = open_desk(workspace, KEY)
    item = asked(desk, "same person")
    desk.decide(item.item_id, "keep")
    assert not csv_of(workspace).exists()
    assert desk.n_waiting() == 0
    add_tombstones(workspace.store, "face", [item.subject.faces[0].face_id])
    after = [i for i in open_desk(workspace, KEY).open_items() if i.question == "same person"]
    assert [(i.subject.names, i.subject.n_faces) for i in after] == [(item.subject.names, 3)]


def test_undo_goes_back_step_by_step_and_over_a_restart(workspace: Workspace) -> None:
    csv_of(workspace).write_text("action,id,other_id\nsplit,id-0000,id-0002\n")
    before = csv_of(workspace).read_bytes()
    desk = open_desk(workspace, KEY)
    first, second = asked(desk, "belongs"), asked(desk, "is a face")
    desk.decide(first.item_id, "move")
    one = csv_of(workspace).read_bytes()
    desk.decide(second.item_id, "not-a-face")
    desk = open_desk(workspace, KEY)
    undone = desk.undo()
    assert undone is not None
    assert (undone.item_id, undone.choice) == (second.item_id, "not-a-face")
    assert csv_of(workspace).read_bytes() == one
    desk.undo()
    assert csv_of(workspace).read_bytes() == before
    assert desk.undo() is None
    assert {first.item_id, second.item_id} <= {i.item_id for i in desk.open_items()}


def test_undo_leaves_a_line_that_was_there_before(workspace: Workspace) -> None:
    csv_of(workspace).write_text("action,id,other_id\nmerge,id-0003,id-0000\n")
    desk = open_desk(workspace, KEY)
    desk.decide(asked(desk, "same person").item_id, "merge")
    desk.undo()
    assert csv_of(workspace).read_text() == "action,id,other_id\nmerge,id-0003,id-0000\n"


def test_wrong_answers_are_refused_and_write_nothing(workspace: Workspace) -> None:
    desk = open_desk(workspace, KEY)
    item = asked(desk, "is a face")
    with pytest.raises(StaleQuestionError):
        desk.decide("0" * 16, "keep")
    for choice, marked in (("merge", []), ("no", []), ("not-a-face", [STRAY])):
        with pytest.raises(DecisionError):
            desk.decide(item.item_id, choice, marked)  # type: ignore[arg-type]
    assert not csv_of(workspace).exists()
    assert desk.n_decided() == 0


def test_a_full_disk_loses_and_doubles_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = open_desk(workspace, KEY)
    item = asked(desk, "same person")
    real, calls = os.fsync, []

    def full_at_second(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 2:  # the first writes the memory, the second the corrections
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full_at_second)
    with pytest.raises(OSError, match="No space"):
        desk.decide(item.item_id, "merge")
    assert not csv_of(workspace).exists()
    assert item.item_id in {i.item_id for i in desk.open_items()}
    assert desk.decide(item.item_id, "merge")
    assert len(csv_of(workspace).read_text().splitlines()) == 2


@pytest.mark.parametrize("is_written", [False, True])
def test_a_crash_between_the_two_files_is_settled(workspace: Workspace, is_written: bool) -> None:
    desk = open_desk(workspace, KEY)
    item = asked(desk, "same person")
    desk.decide(item.item_id, "merge")
    (decision,) = desk._memory.decisions
    memory = Memory(workspace.state / "review" / f"{KEY}.json")
    memory.remember(Decision(item.item_id, "merge", decision.added, is_done=False))
    if not is_written:
        csv_of(workspace).unlink()
    again = open_desk(workspace, KEY)
    assert (again.n_decided() == 1) == is_written
    assert (item.item_id in {i.item_id for i in again.open_items()}) == (not is_written)


def test_who_is_no_face_is_asked_about_no_more(workspace: Workspace) -> None:
    csv_of(workspace).write_text("action,id,other_id\nnot-a-face,id-0003 id-0000,\n")
    questions = {item.question for item in open_desk(workspace, KEY).open_items()}
    assert questions == {"belongs", "is a face"}


def test_the_state_holds_no_ids(workspace: Workspace) -> None:
    desk = open_desk(workspace, KEY)
    for item in desk.open_items():
        desk.decide(item.item_id, "not-a-face")
    known = owners(workspace)
    subjects = {*known, *known.values(), *(face.split("/")[0] for face in known)}
    for file in (workspace.state / "review").iterdir():
        assert not [name for name in subjects if name in file.read_text()]


def test_a_damaged_memory_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    for text in ("{", '[{"choice": "keep"}]', "[3]"):
        path.write_text(text)
        with pytest.raises(FerError, match="Delete it"):
            Memory(path)


def test_similarities_are_those_of_the_embeddings(workspace: Workspace) -> None:
    item = asked(open_desk(workspace, KEY), "same person")
    table = workspace.data.table(names.FACE_EMBEDDINGS, KEY)
    known = owners(workspace)
    means = []
    for side in ("id-0003", "id-0000"):
        tracks: dict[str, list[list[float]]] = {}
        for face, video, feature in table.select("face_id", "video_id", "embedding").iter_rows():
            if known[face] == side:
                tracks.setdefault(video, []).append(feature)
        of_tracks = [np.mean(rows, axis=0) for rows in tracks.values()]
        mean = np.sum([m / np.linalg.norm(m) for m in of_tracks], axis=0)
        means.append(mean / np.linalg.norm(mean))
    assert item.similarity == pytest.approx(float(means[0] @ means[1]), abs=1e-5)
