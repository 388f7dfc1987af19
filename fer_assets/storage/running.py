"""Where a long unit of work keeps how far it has come, so that a killed run goes on there.

Belongs here: one file per unit, known by what the unit follows from. Does not belong here: what is
in it (`training/run_state.py`). The ledger's sweep removes it once the partition is whole.
"""

from __future__ import annotations

from dataclasses import dataclass

from fer_assets.storage.planning import Build, Unit
from fer_assets.storage.store import Store


@dataclass(frozen=True)
class RunningUnit:
    """The state of one unit; another recipe, release or code version has another file.

    Attributes:
        store: the storage root.
        folder: the folder of the partition's states.
        unit: the unit's key.
        path: the file.
    """

    store: Store
    folder: str
    unit: str
    path: str

    def load(self) -> bytes | None:
        """What was saved last; None if nothing was."""
        return self.store.read(self.path) if self.store.exists(self.path) else None

    def save(self, data: bytes) -> None:
        """Put `data` in place of what was saved before.

        Raises:
            StoreError: the disk is full.
        """
        self.store.write(self.path, data)

    def forget(self) -> None:
        """Remove every state of the unit, those of other inputs, too."""
        for path in self.store.list(self.folder):
            if path.startswith(f"{self.folder}/{self.unit}@"):
                self.store.delete(path)


def running_unit(store: Store, build: Build, unit: Unit) -> RunningUnit:
    """The state of a unit of a build."""
    folder = build.place.running
    digest = build.provenance(unit).digest
    return RunningUnit(store, folder, unit.key, f"{folder}/{unit.key}@{digest[:16]}.state")
