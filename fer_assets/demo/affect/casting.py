"""Who is in which set and which expressions each video shows: the demo's scripts.

Belongs here: drawing up scripts from settings and a seed. Does not belong here: what a script
means (`timeline.py`).

People are in one set only. Every third person validates; the one whose sheet shows nearly neutral
faces under several names has the part without annotations. A person's pictures are dealt out over
the person's videos, so that each is held once in each deal.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from fer_assets.demo.affect.expressions import TILES
from fer_assets.demo.affect.script import AffectScript, Key, Set, Span
from fer_assets.demo.people import NEUTRAL

CHALLENGE: Final = "affect-demo"
"""Key of the demo's challenge."""

FILM_RATE_HZ: Final = 30


@dataclass(frozen=True)
class AffectDemoSettings:
    """How large the demo is.

    Attributes:
        train, validation, test: person ids of each set; no person is in two.
        videos_per_person: folders of crops of each person of the first two sets.
        deals: how often each picture of a person is shown over these.
        n_films: films of one person each: of train, validation and test in turn.
        hold: least and greatest number of frames that an expression is held.
        move: least and greatest number of frames from one to the next.
        photo_variants: pictures made of each photo for the backbone.
        seed: seed of all scripts.
        processes: processes that render videos.
    """

    train: tuple[str, ...] = ("P001", "P002", "P004", "P005", "P008", "P010")
    validation: tuple[str, ...] = ("P003", "P006", "P009")
    test: tuple[str, ...] = ("P007",)
    videos_per_person: int = 3
    deals: int = 1
    n_films: int = 3
    hold: tuple[int, int] = (20, 36)
    move: tuple[int, int] = (8, 16)
    photo_variants: int = 8
    seed: int = 0
    processes: int = 2

    def __post_init__(self) -> None:
        people = self.train + self.validation + self.test
        if len(set(people)) != len(people):
            raise ValueError(f"a person is in two sets: {', '.join(people)}")
        if not self.train or not self.validation or self.videos_per_person < 1:
            raise ValueError("training and validation each need a person with a video")

    @property
    def sets(self) -> tuple[tuple[Set, str], ...]:
        """Set and person, for every person."""
        return (
            *(("train", person) for person in self.train),
            *(("validation", person) for person in self.validation),
            *(("test", person) for person in self.test),
        )


def scripts(settings: AffectDemoSettings) -> tuple[AffectScript, ...]:
    """All videos of the demo: folders of crops first, then films.

    Among the training videos, as far as there are so many, one has more annotation rows than
    frames, one has fewer, and one has no valid annotation at all.
    """
    videos = list(_folders(settings))
    train = [i for i, video in enumerate(videos) if video.set == "train"]
    if len(train) > 1:
        videos[train[0]] = replace(videos[train[0]], extra_rows=7)
    if len(train) > 2:
        videos[train[1]] = replace(videos[train[1]], extra_rows=-9)
    if len(train) > 3:
        whole = (Span(1, videos[train[-1]].n_frames),)
        videos[train[-1]] = replace(videos[train[-1]], invalid=whole)
    return (*videos, *_films(settings))


def _folders(settings: AffectDemoSettings) -> Iterator[AffectScript]:
    """Folders of crops: of every person some, of one test person one."""
    for number, (part, person) in enumerate(settings.sets):
        rng = np.random.default_rng([settings.seed, 1, number])
        count = 1 if part == "test" else settings.videos_per_person
        for index, tiles in enumerate(_dealt(count, settings.deals, rng)):
            name = f"{person.lower()}-{index + 1}"
            yield _script(name, person, "crops", part, tiles, rng, settings)


def _films(settings: AffectDemoSettings) -> Iterator[AffectScript]:
    """Films: one of a person of each set in turn, with three expressions and a gap."""
    people = {"train": settings.train, "validation": settings.validation, "test": settings.test}
    sets: list[Set] = [part for part in ("train", "validation", "test") if people[part]]
    for index in range(settings.n_films):
        part = sets[index % len(sets)]
        person = people[part][index // len(sets) % len(people[part])]
        rng = np.random.default_rng([settings.seed, 2, index])
        tiles = [str(tile) for tile in rng.permutation(_moving())[:3]]
        yield _script(f"film-{index + 1}", person, "film", part, tiles, rng, settings)


def _dealt(count: int, deals: int, rng: np.random.Generator) -> list[list[str]]:
    """Every picture but neutral `deals` times, dealt out to `count` videos."""
    hands: list[list[str]] = [[] for _ in range(count)]
    at = 0
    for _ in range(deals):
        for tile in rng.permutation(_moving()):
            hands[at % count].append(str(tile))
            at += 1
    return hands


def _moving() -> list[str]:
    return [tile for tile in TILES if tile != NEUTRAL]


def _script(
    name: str,
    person: str,
    kind: str,
    part: Set,
    tiles: list[str],
    rng: np.random.Generator,
    settings: AffectDemoSettings,
) -> AffectScript:
    """A video that goes from neutral through `tiles` and back."""
    keys = []
    frame = 1
    for tile in (NEUTRAL, *tiles, NEUTRAL):
        last = frame + int(rng.integers(settings.hold[0], settings.hold[1] + 1)) - 1
        apex = 1.0 if tile == NEUTRAL else float(np.round(rng.uniform(0.8, 1.0), 2))
        keys.append(Key(tile, frame, last, apex))
        frame = last + 1 + int(rng.integers(settings.move[0], settings.move[1] + 1))
    n_frames = keys[-1].last
    gaps = 1 if kind == "film" else 3
    return AffectScript(
        name=name,
        person=person,
        kind=kind,  # type: ignore[arg-type]
        set=part,
        seed=int(rng.integers(2**31)),
        keys=tuple(keys),
        n_frames=n_frames,
        missing=_spans(rng, n_frames, gaps, (3, 12)),
        invalid=_spans(rng, n_frames, 1, (8, 20)),
        sway=float(np.round(rng.uniform(0.6, 1.4), 2)),
        grain=float(np.round(rng.uniform(0.5, 4.0), 2)),
        exposure=float(np.round(rng.uniform(0.03, 0.14), 2)),
        warmth=float(np.round(rng.uniform(-0.08, 0.08), 3)),
        jpeg_quality=int(rng.integers(80, 96)),
    )


def _spans(
    rng: np.random.Generator, n_frames: int, count: int, length: tuple[int, int]
) -> tuple[Span, ...]:
    """Stretches away from the first and the last frame, each in a part of the video of its own."""
    edges = np.linspace(2, n_frames - 1, count + 1).astype(int)
    spans = []
    for low, high in itertools.pairwise(edges):
        size = min(int(rng.integers(length[0], length[1] + 1)), high - low)
        if size > 0:
            first = int(rng.integers(low, high - size + 1))
            spans.append(Span(first, first + size - 1))
    return tuple(spans)
