"""One version with awkward text, published once."""

from __future__ import annotations

import polars as pl
import pytest

from fer_assets.release.publishing import publish
from fer_assets.release.version_files import Version
from fer_assets.storage.store import LocalStore
from fer_assets_tests.release.conftest import make_release, publication

EVIL = "=cmd()|<b>&"


@pytest.fixture(scope="session")
def release() -> pl.DataFrame:
    return make_release(8, 5)


@pytest.fixture(scope="session")
def published(tmp_path_factory, release: pl.DataFrame) -> tuple[LocalStore, Version]:
    store = LocalStore(tmp_path_factory.mktemp("published"))
    return store, publish(store, release, publication())[0]
