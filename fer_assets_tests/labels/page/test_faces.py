"""Pictures and handing on: a bounded cache, rebuilt tables, and what fails is tried again."""

from __future__ import annotations

import asyncio

import pytest

from fer_assets.labels.page.board import Face
from fer_assets.labels.page.collecting import Collector
from fer_assets.labels.page.faces import FacePictures
from fer_assets.lines.tiktokfer.names import FACE_CROPS
from fer_assets.storage.layout import Place
from fer_assets_tests.labels.page.roots import KEY, face_id, picture, publish_crops


def face(number: int) -> Face:
    return Face(face_id(number), face_id(number).split("/")[0])


@pytest.fixture
def place() -> Place:
    return Place(FACE_CROPS, KEY)


def test_every_face_has_its_own_picture(workspace, place):
    pictures = FacePictures(workspace.store, place)
    assert [pictures.jpeg(face(i)) for i in range(24)] == [picture(i) for i in range(24)]
    assert pictures.jpeg(Face("nobody", "nowhere")) is None


def test_the_cache_keeps_within_its_bounds(workspace, place):
    room = sum(len(picture(i)) for i in range(12))
    pictures = FacePictures(workspace.store, place, max_bytes=room)
    for _ in range(2):
        for i in range(0, 24, 5):
            assert pictures.jpeg(face(i)) == picture(i)
            assert pictures._n_bytes <= room
    assert pictures._n_bytes == sum(
        len(data) for found in pictures._videos.values() for data in found.values()
    )


def test_a_rebuilt_table_is_read_anew(workspace, place):
    pictures = FacePictures(workspace.store, place)
    assert pictures.jpeg(face(20))
    publish_crops(workspace, range(6))
    assert pictures.jpeg(face(20)) is None
    assert pictures.jpeg(face(2)) == picture(2)


def test_a_table_that_is_not_there_shows_nothing(workspace, place):
    workspace.store.delete(place.manifest)
    assert FacePictures(workspace.store, place).jpeg(face(1)) is None


def test_answers_are_handed_on_only_if_something_changed_and_again_after_a_failure(capsys):
    calls = []

    def collect() -> int:
        calls.append(len(calls))
        if len(calls) == 1:
            raise OSError("no room")
        return 3

    async def use() -> None:
        collector = Collector(collect, every_s=0.01)
        await collector.now()
        assert not calls
        collector.note_change()
        looking = asyncio.create_task(collector.run())
        while len(calls) < 2:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        looking.cancel()

    asyncio.run(use())
    assert calls == [0, 1]
    assert "no room" in capsys.readouterr().err
