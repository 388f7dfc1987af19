"""The workspace: the places that a run reads from and writes to.

Belongs here: resolving them from the environment, once. Does not belong here: what is in them.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from fer_assets.challenges.catalog import Catalog
from fer_assets.errors import FerError
from fer_assets.storage.layout import check_layout
from fer_assets.storage.reader import Dataset
from fer_assets.storage.store import LocalStore, Store, open_store

DEFAULT_ROOT: Final = "fer_data"
SETTINGS_FILE: Final = "settings.toml"


@dataclass(frozen=True)
class Workspace:
    """Where a run works.

    Attributes:
        store: the storage root (`FER_ROOT`, default ``fer_data``).
        state: local folder of locks and caches (`FER_STATE`, default ``ROOT/state``).
        catalog: the challenges (`FER_CHALLENGES`, default ``ROOT/challenges``).
        weights: local folder of model weights (`FER_WEIGHTS`, default ``ROOT/weights``).
        benchmarks: local folder of benchmark data (`FER_BENCHMARKS`, default ``ROOT/benchmarks``).
        confirms_removal: a person confirmed that videos which are gone are meant to be.
    """

    store: Store
    state: Path
    catalog: Catalog
    weights: Path
    benchmarks: Path
    confirms_removal: bool = False

    @cached_property
    def data(self) -> Dataset:
        """Reader of everything materialised so far."""
        return Dataset(self.store)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Settings of what runs over all challenges: ``ROOT/settings.toml``, {} where absent.

        Raises:
            FerError: the file is not TOML.
        """
        if not self.store.exists(SETTINGS_FILE):
            return {}
        try:
            return tomllib.loads(self.store.read(SETTINGS_FILE).decode())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise FerError(SETTINGS_FILE, expected="valid TOML", found=str(error)) from error


def open_workspace(root: str | Path | None = None, *, confirms_removal: bool = False) -> Workspace:
    """The workspace at `root`, or where the environment says.

    Raises:
        StoreError: the root is of another layout version, or its driver is not installed.
    """
    uri = str(root or os.environ.get("FER_ROOT") or DEFAULT_ROOT)
    store = open_store(uri)
    check_layout(store)
    local = store.root if isinstance(store, LocalStore) else _local_folder(uri)

    def place(variable: str, name: str) -> Path:
        return Path(os.environ.get(variable) or local / name).expanduser().absolute()

    return Workspace(
        store=store,
        state=place("FER_STATE", "state"),
        catalog=Catalog(place("FER_CHALLENGES", "challenges")),
        weights=place("FER_WEIGHTS", "weights"),
        benchmarks=place("FER_BENCHMARKS", "benchmarks"),
        confirms_removal=confirms_removal,
    )


def _local_folder(uri: str) -> Path:
    """Local companion of a remote root, one per URI."""
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return base / "fer_assets" / hashlib.sha256(uri.encode()).hexdigest()[:16]
