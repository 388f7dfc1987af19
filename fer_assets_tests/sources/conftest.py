"""A video and the servers that serve it."""

from __future__ import annotations

import pytest

from fer_assets_tests.sources import films
from fer_assets_tests.sources.video_server import serving


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> bytes:
    """A small real MP4, whole."""
    path = films.write(tmp_path_factory.mktemp("clip") / "clip.mp4", films.film(40, seconds=4))
    return path.read_bytes()


@pytest.fixture
def server(clip):
    with serving(clip) as server:
        yield server


@pytest.fixture
def stranger(clip):
    """A second server on this machine, whose addresses are in no manifest."""
    with serving(clip) as server:
        yield server
