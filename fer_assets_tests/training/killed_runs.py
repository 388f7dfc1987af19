"""Runs that are killed and go on, in processes of their own: `python -m ... FOLDER`.

For each scenario one run goes through and one is killed, again and again; what both end in is left
in FOLDER for `test_run_state.py` to compare. Libraries are imported once, and each run is forked.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from safetensors.torch import save_file

from fer_assets.compute.torch_setup import import_torch
from fer_assets.training import loop, run_state
from fer_assets.training.networks import build_network
from fer_assets.training.samples import Samples
from fer_assets.training.stepping import Stepper
from fer_assets_tests.training.tiny import bar_samples, tiny_recipe

SCENARIOS: Final[dict[str, dict[str, Any]]] = {
    "adam": {"optimiser": "adam", "clip_norm": 1.0},
    "adamw": {"optimiser": "adamw", "weight_decay": 0.05, "average_decay": 0.9, "patience": 3},
    "sam": {"optimiser": "sam", "patience": 1, "average_decay": 0.5, "class_weights": "balanced"},
    "mixup": {"optimiser": "adamw", "mixup_alpha": 0.4, "max_steps": 7},
}
"""Recipes by name; 4 epochs of 3 steps each, if nothing stops them earlier."""


@dataclass(frozen=True)
class Death:
    """Where a process is killed: at the start of a step, or amid writing its n-th state."""

    step: int = -1
    save: int = -1
    saves_each_step: bool = True


DEATHS: Final = (
    Death(step=2),
    Death(save=1),
    Death(step=5, saves_each_step=False),
    Death(step=6),
    Death(save=0, saves_each_step=False),
    Death(),
)
"""One process after the other; the last one lives. Without states within an epoch, what was done
since its start is done again."""


class FileKeeper:
    """Keeps a state in a file; dies amid the write that it is told to die in."""

    def __init__(self, path: Path, death: Death) -> None:
        self.path, self.death, self.saves = path, death, 0

    def load(self) -> bytes | None:
        """The file's bytes."""
        return self.path.read_bytes() if self.path.exists() else None

    def save(self, data: bytes) -> None:
        """Replace the file by renaming."""
        half = self.path.with_suffix(".half")
        half.write_bytes(data[: len(data) // 2])
        if self.saves == self.death.save:
            os.kill(os.getpid(), signal.SIGKILL)
        half.write_bytes(data)
        half.replace(self.path)
        self.saves += 1

    def forget(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


def samples() -> tuple[Samples, Samples]:
    """48 pictures with soft targets, and 20 to validate by."""
    train = bar_samples(48, 0)
    soft = np.full((48, 3), 0.1, np.float32)
    soft[np.arange(48), train.targets] = 0.8
    return bar_samples(48, 0, soft_targets=soft), bar_samples(20, 1)


def train(scenario: str, folder: Path, name: str, death: Death) -> None:
    """One run, to its end or its death; its weights and result are files of `name`."""
    recipe = tiny_recipe(max_epochs=4, **SCENARIOS[scenario])
    take = Stepper.take

    def dying(self: Stepper, batch: Any, step: int, rate: float) -> Any:
        if step == death.step:
            os.kill(os.getpid(), signal.SIGKILL)
        return take(self, batch, step, rate)

    patch = pytest.MonkeyPatch()
    patch.setattr(Stepper, "take", dying)
    patch.setattr(loop, "SAVE_EVERY_S", 0.0 if death.saves_each_step else 1e9)
    patch.setattr(run_state, "SAVING_SHARE", 1e9)
    network = build_network(recipe, 3, Path("none"))
    network.body.drop_rate = 0.3  # type: ignore[assignment]
    keeper = FileKeeper(folder / f"{name}.state", death)
    learned, val = samples()
    result = loop.fit(network, learned, val, recipe, keeper=keeper)
    state = {key: value.contiguous() for key, value in network.state_dict().items()}
    save_file(state, folder / f"{name}.safetensors")
    (folder / f"{name}.json").write_text(json.dumps(asdict(result)))


def in_child(work: Callable[[], None]) -> int:
    """The exit status of `work` in a forked process; the negative signal that ended it."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:  # whatever happens, the child must not go on as its parent
            if failure := sys.exc_info()[1]:
                traceback.print_exception(failure)
            os._exit(1 if failure else 0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(folder: Path) -> None:
    """All scenarios; how each process ended goes into `ends.json`."""
    import_torch()
    for name in ("timm", "torch._dynamo"):
        importlib.import_module(name)
    ends: dict[str, list[int]] = {}
    for scenario in SCENARIOS:
        whole = in_child(lambda: train(scenario, folder, f"{scenario}-whole", Death()))  # noqa: B023
        ends[scenario] = [whole]
        for death in DEATHS:
            end = in_child(lambda: train(scenario, folder, f"{scenario}-killed", death))  # noqa: B023
            ends[scenario].append(end)
    (folder / "ends.json").write_text(json.dumps(ends))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
