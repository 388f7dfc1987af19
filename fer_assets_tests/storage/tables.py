"""A small schema and builds on it, for the storage tests."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from fer_assets.storage.layout import Place
from fer_assets.storage.ledger import Output
from fer_assets.storage.planning import Build, Unit
from fer_assets.storage.schema import Column, Schema

NUMBERS = Schema(
    "numbers",
    "one number of one video",
    (
        Column("video_id", pl.String, "the video", subject="video"),
        Column("owner_id", pl.String, "who uploaded it", is_nullable=True, subject="uploader"),
        Column("number", pl.Int64, "the number", "apples", low=0, high=100),
        Column("kind", pl.String, "which kind", choices=("odd", "even")),
    ),
    key=("video_id", "number"),
)
PLACE = Place("line/numbers", "key")


def rows(video_id: str, numbers: Sequence[int], owner_id: str | None = None) -> pl.DataFrame:
    return NUMBERS.frame(
        [
            {
                "video_id": video_id,
                "owner_id": owner_id,
                "number": number,
                "kind": "even" if number % 2 == 0 else "odd",
            }
            for number in numbers
        ]
    )


def build(**changes: object) -> Build:
    return Build(**{"place": PLACE, "schemas": {"numbers": NUMBERS}, "code_version": 1, **changes})


def units(*keys: str, content: str = "a") -> list[Unit]:
    return [Unit(key, {"content": content}) for key in keys]


class Worker:
    """Counts what it is asked to do; number i of a video is its place in the alphabet."""

    def __init__(self, owners: dict[str, str] | None = None, fails_at: str | None = None) -> None:
        self.seen: list[str] = []
        self.owners = owners or {}
        self.fails_at = fails_at

    def __call__(self, due: Sequence[Unit]):
        for unit in due:
            if unit.key == self.fails_at:
                raise RuntimeError("killed")
            self.seen.append(unit.key)
            found = rows(unit.key, [1, 2], self.owners.get(unit.key))
            yield Output(unit.key, {"numbers": found}, blobs={f"{unit.key}.txt": b"hello"})
