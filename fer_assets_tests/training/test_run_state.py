"""Runs that are cut off: killed at any moment they end in the same bits; states of others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from fer_assets.errors import FerError
from fer_assets.training import loop, run_state
from fer_assets.training.loader import Batch
from fer_assets.training.loop import DivergedError, FitResult, fit
from fer_assets.training.networks import PictureNetwork, build_network
from fer_assets.training.recipes import Recipe
from fer_assets.training.run_state import RunState, StateError, read_state, run_digest, state_bytes
from fer_assets.training.stepping import Stepper
from fer_assets_tests.training.killed_runs import DEATHS, SCENARIOS
from fer_assets_tests.training.tiny import bar_samples, tiny_recipe


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    subprocess.run(
        [sys.executable, "-m", "fer_assets_tests.training.killed_runs", str(folder)],
        check=True,
        env={**os.environ, "FER_THREADS": "1", "OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[2],
        timeout=300,
    )
    return folder


@pytest.mark.parametrize("scenario", list(SCENARIOS))
def test_killed_and_gone_on_it_ends_in_the_same_bits(killed: Path, scenario: str) -> None:
    whole, *ends = json.loads((killed / "ends.json").read_text())[scenario]
    assert whole == 0
    assert ends[:3] == [-signal.SIGKILL] * 3
    assert len(ends) == len(DEATHS)
    assert ends[-1] == 0
    for suffix in ("safetensors", "json"):
        expected = (killed / f"{scenario}-whole.{suffix}").read_bytes()
        assert (killed / f"{scenario}-killed.{suffix}").read_bytes() == expected


class Memory:
    """A keeper in memory, whose storage can be full."""

    def __init__(self, data: bytes | None = None) -> None:
        self.data, self.saves, self.is_full, self.failure = data, 0, False, OSError(28, "full")

    def load(self) -> bytes | None:
        """What was saved last."""
        return self.data

    def save(self, data: bytes) -> None:
        """Keep it, or fail."""
        if self.is_full:
            raise self.failure
        self.data, self.saves = data, self.saves + 1

    def forget(self) -> None:
        """Never called by `fit`."""
        raise AssertionError


@pytest.fixture(autouse=True)
def always_affordable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_state, "SAVING_SHARE", 1e9)


def run(recipe: Recipe, keeper: Memory, n: int = 32) -> tuple[PictureNetwork, FitResult]:
    network = build_network(recipe, 3, Path("none"))
    return network, fit(network, bar_samples(n, 0), bar_samples(10, 1), recipe, keeper=keeper)


def test_round_trip() -> None:
    tensors = {"network/a.b": torch.rand(2, 3), "optimiser/0/step": torch.tensor(4.0)}
    row = {"epoch": 0, "train_loss": 0.1 + 0.2, "val_loss": None}
    state = RunState(7, 2, (row,), (-float("inf"), 0.5), 3, tensors)
    found = read_state(state_bytes(state, "d"), "d")
    assert (found.step, found.parts, found.curve, found.best_rank, found.best_epoch) == (
        7,
        2,
        (row,),
        (-float("inf"), 0.5),
        3,
    )
    assert torch.equal(found.group("network")["a.b"], tensors["network/a.b"])
    assert list(found.group("optimiser")) == ["0/step"]


def test_broken_or_foreign_states_are_refused() -> None:
    data = state_bytes(RunState(1, 1, (), tensors={"network/a": torch.zeros(3)}), "d")
    with pytest.raises(StateError, match="another run"):
        read_state(data, "e")
    for broken in (data[:-1], data[:20], b"", b"\x00" * 64, data[8:]):
        with pytest.raises(StateError, match="broken"):
            read_state(broken, "d")


def test_the_digest_tells_runs_apart() -> None:
    recipe = tiny_recipe()
    network, train, val = build_network(recipe, 3, Path("none")), bar_samples(20, 0), None
    known = run_digest(network, train, val, recipe)
    assert known == run_digest(build_network(recipe, 3, Path("x")), bar_samples(20, 0), val, recipe)
    others = {
        run_digest(network, bar_samples(21, 0), val, recipe),
        run_digest(network, bar_samples(20, 1), val, recipe),
        run_digest(network, train, bar_samples(5, 0), recipe),
        run_digest(network, train, val, tiny_recipe(learning_rate=1.0)),
        run_digest(build_network(tiny_recipe(seed=1), 3, Path("x")), train, val, recipe),
    }
    assert len(others | {known}) == 6


def test_a_finished_run_gives_its_result_again() -> None:
    keeper = Memory()
    recipe = tiny_recipe(max_epochs=2, patience=1, average_decay=0.9)
    first, one = run(recipe, keeper)
    saves = keeper.saves
    second, two = run(recipe, keeper)
    assert one == two
    assert keeper.saves == saves == 2
    seen: list[object] = []
    network = build_network(recipe, 3, Path("none"))
    fit(network, bar_samples(32, 0), bar_samples(10, 1), recipe, keeper=keeper, watch=seen.append)
    assert seen == [one.curve]
    states = first.state_dict(), second.state_dict()
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


@pytest.mark.parametrize("is_broken", [False, True])
def test_a_state_that_does_not_fit_is_left_aside(is_broken: bool) -> None:
    keeper = Memory()
    run(tiny_recipe(max_epochs=1), keeper)
    assert keeper.data is not None
    recipe = tiny_recipe(max_epochs=1, seed=0 if is_broken else 1)
    data = keeper.data[:-5] if is_broken else keeper.data
    _, result = run(recipe, other := Memory(data))
    assert len(result.notes) == 1
    assert result.notes[0].startswith("started anew: ")
    assert other.data != data
    _, fresh = run(recipe, Memory())
    assert result.curve == fresh.curve


@pytest.mark.parametrize("failure", [OSError(28, "No space left"), FerError("the disk is full")])
def test_a_full_disk_does_not_end_a_run(failure: Exception) -> None:
    keeper = Memory()
    keeper.is_full, keeper.failure = True, failure  # type: ignore[assignment]
    _, result = run(tiny_recipe(max_epochs=3), keeper)
    assert len(result.curve) == 3
    assert result.notes == (f"the state of the run could not be saved: {failure}",)
    assert keeper.data is None


def test_what_diverges_leaves_the_last_good_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Good epochs, then weights that are no numbers: no state holds them."""
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)
    take = Stepper.take

    def breaking(self: Stepper, batch: Batch, step: int, rate: float) -> torch.Tensor:
        loss = take(self, batch, step, rate)
        if step == 5:
            with torch.no_grad():
                next(self.network.parameters()).fill_(float("nan"))
        return loss

    keeper = Memory()
    recipe = tiny_recipe(max_epochs=3)
    with monkeypatch.context() as patch:
        patch.setattr(Stepper, "take", breaking)
        with pytest.raises(DivergedError, match=r"tiny: epoch 2.*learning_rate"):
            run(recipe, keeper)
    assert keeper.saves == 5
    network, result = run(recipe, keeper)
    other, whole = run(recipe, Memory())
    assert result == whole
    states = network.state_dict(), other.state_dict()
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_slow_storage_is_written_to_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_state, "SAVING_SHARE", 1e-9)
    keeper = Memory()
    run(tiny_recipe(max_epochs=3), keeper)
    assert keeper.saves == 1
