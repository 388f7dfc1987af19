"""The three phases: what each changes and leaves, going on after a cut, what the card says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fer_assets.frame_affect.backbone import checkpoint as backbone_checkpoint
from fer_assets.frame_affect.backbone.checkpoint import TrainedBackbone
from fer_assets.frame_affect.backbone.data import PhaseData, expression_data, identity_data
from fer_assets.frame_affect.backbone.phase_results import PhaseResult, read_phase
from fer_assets.frame_affect.backbone.picture_sets import expression_pictures, identity_pictures
from fer_assets.frame_affect.backbone.training import (
    BackboneData,
    BackboneHooks,
    train_backbone,
)
from fer_assets.training import loop, run_state
from fer_assets.training.embedding import load_embedding_network
from fer_assets_tests.frame_affect.backbone.material import (
    EXPRESSIONS,
    digests,
    tiny_spec,
    write_pictures,
)
from fer_assets_tests.training.tiny import bars

NOWHERE = Path("no-weights-needed")
HEAD = {"body.classifier.weight", "body.classifier.bias"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> BackboneData:
    """Three people and three expressions."""
    folder = tmp_path_factory.mktemp("pictures")
    people = write_pictures(folder / "people", ("a", "b", "c"), 40, 1)
    faces = write_pictures(folder / "faces", EXPRESSIONS, 40, 2)
    return BackboneData(
        lambda: identity_data(identity_pictures(people, digests), 32, 0),
        lambda: expression_data(expression_pictures(faces, digests), 32, 0),
    )


class Killed(BaseException):
    """The end of a process."""


class Shelf:
    """Keepers by name in memory; after so many saves, one kills the process."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.saves, self.lives_for = 0, 10**9

    def keeper(self, name: str) -> _OnShelf:
        return _OnShelf(self, name)


class _OnShelf:
    def __init__(self, shelf: Shelf, name: str) -> None:
        self.shelf, self.name = shelf, name

    def load(self) -> bytes | None:
        return self.shelf.kept.get(self.name)

    def save(self, data: bytes) -> None:
        if self.shelf.saves >= self.shelf.lives_for:
            raise Killed
        self.shelf.saves += 1
        self.shelf.kept[self.name] = data

    def forget(self) -> None:
        self.shelf.kept.pop(self.name, None)


@pytest.fixture(scope="module")
def whole(data: BackboneData) -> tuple[TrainedBackbone, dict[str, PhaseResult]]:
    """A run that nothing cut, and what each of its phases left."""
    shelf = Shelf()
    trained = train_backbone(tiny_spec(), data, NOWHERE, hooks=BackboneHooks(shelf.keeper))
    done = {name: read_phase(kept) for name, kept in shelf.kept.items() if name.endswith("-done")}
    return trained, done


def _changed(one: PhaseResult, other: PhaseResult) -> set[str]:
    shared = set(one.tensors) & set(other.tensors)
    return {name for name in shared if not torch.equal(one.tensors[name], other.tensors[name])}


def test_each_phase_changes_what_it_should(
    whole: tuple[TrainedBackbone, dict[str, PhaseResult]],
) -> None:
    _, done = whole
    people, head, everything = (done[f"{name}-done"] for name in ("identity", "head", "all"))
    assert not HEAD & set(people.tensors)  # the people's last layer is dropped
    assert set(head.tensors) - set(people.tensors) == HEAD
    assert _changed(people, head) == set()
    changed = _changed(head, everything)
    assert changed >= HEAD
    assert {name for name in head.tensors if name.endswith("weight")} <= changed
    assert any("running_mean" in name for name in changed)


def test_the_identity_phase_takes_sams_steps(data: BackboneData) -> None:
    def first_step(**recipe: Any) -> PhaseResult:
        shelf = Shelf()
        spec = tiny_spec(identity={"max_epochs": 1, "max_steps": 1, **recipe})
        only_people = BackboneData(data.identities)
        train_backbone(spec, only_people, NOWHERE, hooks=BackboneHooks(shelf.keeper))
        return read_phase(shelf.kept["identity-done"])

    adam = first_step(optimiser="adam")
    assert _changed(adam, first_step(optimiser="sam", sam_rho=1e-12)) == set()
    assert _changed(adam, first_step()) > {"body.conv_stem.weight"}


def test_a_run_killed_again_and_again_ends_in_the_same_bits(
    data: BackboneData,
    whole: tuple[TrainedBackbone, dict[str, PhaseResult]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(run_state, "SAVING_SHARE", 1e9)
    reads = {"identities": 0, "expressions": 0}

    def counted(name: str, read: Callable[[], PhaseData] | None) -> Callable[[], PhaseData]:
        def counting() -> PhaseData:
            reads[name] += 1
            assert read is not None
            return read()

        return counting

    counting = BackboneData(
        counted("identities", data.identities), counted("expressions", data.expressions)
    )
    shelf, deaths = Shelf(), 0
    trained: TrainedBackbone | None = None
    while trained is None:
        shelf.saves, shelf.lives_for = 0, 3
        try:
            trained = train_backbone(
                tiny_spec(), counting, NOWHERE, hooks=BackboneHooks(shelf.keeper)
            )
        except Killed:
            deaths += 1
    assert deaths >= 4
    assert reads["identities"] < deaths  # a finished phase is not read again
    assert trained.tensors == whole[0].tensors
    assert trained.card == whole[0].card
    assert trained.curve.equals(whole[0].curve)


def test_the_card_and_the_rows_say_what_was_done(
    whole: tuple[TrainedBackbone, dict[str, PhaseResult]],
) -> None:
    trained, done = whole
    network = load_embedding_network(trained.tensors, trained.card)
    row = trained.row.row(0, named=True)
    assert network.classes == ("happiness", "fear", "anger") == tuple(row["classes"])
    assert (row["n_identities"], row["n_identity_images"], row["n_expression_images"]) == (
        3,
        40,
        40,
    )
    assert row["sha256"] == network.card["sha256"]
    assert row["n_embedding"] == network.n_embedding
    assert row["expression_accuracy"] == done["all-done"].accuracy
    assert list(network.card["phases"]) == ["all", "head", "identity"]
    assert network.card["phases"]["identity"]["optimiser"] == "sam"
    assert trained.curve.group_by("phase").len().sort("phase")["len"].to_list() == [2, 2, 2]
    best = trained.curve.filter(phase="identity")["val_accuracy"].max()
    assert row["identity_accuracy"] == best
    scores = network.features(bars(3, 5)[0]).scores
    np.testing.assert_allclose(scores.sum(1), 1, rtol=1e-5)


def test_without_expressions_there_are_no_scores(data: BackboneData) -> None:
    quick = tiny_spec(identity={"max_epochs": 1})
    people = train_backbone(quick, BackboneData(data.identities), NOWHERE)
    untaught = train_backbone(quick, BackboneData(), NOWHERE)
    for trained, note in (
        (people, backbone_checkpoint.NO_SCORES),
        (untaught, backbone_checkpoint.UNTAUGHT),
    ):
        assert note in json.loads(trained.card)["notes"]
        features = load_embedding_network(trained.tensors, trained.card).features(bars(2, 0)[0])
        assert features.scores.shape == (2, 0)
    assert untaught.curve.is_empty()
    assert people.row["identity_accuracy"][0] is not None
    assert untaught.row["identity_accuracy"][0] is None


def test_it_learns_the_expressions_it_is_shown(data: BackboneData) -> None:
    spec = tiny_spec(all={"max_epochs": 6})
    trained = train_backbone(spec, BackboneData(expressions=data.expressions), NOWHERE)
    network = load_embedding_network(trained.tensors, trained.card)
    images, targets = bars(40, 11)
    names = ("happiness", "anger", "fear")
    expected = [network.classes.index(names[target]) for target in targets]
    assert (network.features(images).scores.argmax(1) == expected).mean() > 0.9
    assert backbone_checkpoint.NO_PEOPLE in network.card["notes"]


def test_a_full_disk_ends_no_run(data: BackboneData) -> None:
    class Full(_OnShelf):
        def save(self, data: bytes) -> None:
            raise OSError(28, "No space left on device")

    hooks = BackboneHooks(lambda name: Full(Shelf(), name))
    spec = tiny_spec(head={"max_epochs": 1}, all={"max_epochs": 1})
    only_faces = BackboneData(expressions=data.expressions)
    trained = train_backbone(spec, only_faces, NOWHERE, hooks=hooks)
    notes = json.loads(trained.card)["notes"]
    assert sum("could not be kept" in note for note in notes) == 2
    unhindered = train_backbone(spec, only_faces, NOWHERE)
    assert trained.tensors == unhindered.tensors
