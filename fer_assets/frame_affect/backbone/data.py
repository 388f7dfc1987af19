"""What one phase of a backbone's training learns from, and what it is held against.

Belongs here: decoding, pictures that are there twice, who is held out. Does not belong here:
finding pictures (`picture_sets.py`), training (`training.py`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from fer_assets.compute.seeds import seed_from
from fer_assets.frame_affect.backbone.picture_sets import PictureSet
from fer_assets.frame_affect.backbone.specs import BackboneError
from fer_assets.public_data.pictures import added, in_words
from fer_assets.training.pictures import MEMORY_LIMIT_BYTES, Pictures, read_pictures
from fer_assets.training.samples import Samples

HELD_OUT_SHARE: Final = 0.1
"""Share of a person's, or an expression's, pictures that are held out where the data is silent."""

MOST_PER_PERSON: Final = 2
"""Pictures of a person that are held out at most: with thousands of people that is plenty."""

BROKEN: Final = "can't be decoded, or the face box lies outside"
AGAIN: Final = "same picture again"
CONTRADICTION: Final = "same picture under two classes"
IN_BOTH: Final = "same picture in training and validation: kept for validation"
NOT_LEARNED: Final = "held out, of an expression that is not in training"
LONE: Final = "of people with one picture: none would be left to hold out"


@dataclass(frozen=True)
class PhaseData:
    """Samples of one phase.

    Attributes:
        train: what is learned from.
        val: what is held out; every class of it is also in `train`.
        classes: the classes in order.
        n_images: pictures of both.
        left_out: why pictures are not used, with counts.
        notes: what a reader of the figures must know.
    """

    train: Samples
    val: Samples
    classes: tuple[str, ...]
    n_images: int
    left_out: Mapping[str, int]
    notes: tuple[str, ...]


def identity_data(
    found: PictureSet,
    image_px: int,
    seed: int,
    *,
    memory_limit_bytes: int = MEMORY_LIMIT_BYTES,
) -> PhaseData:
    """People to tell apart, some pictures of each held out.

    Args:
        found: from `identity_pictures`.
        image_px: side of the square the network sees.
        seed: decides which pictures are held out: a tenth of each person's, one at least and
            `MOST_PER_PERSON` at most.
        memory_limit_bytes: see `read_pictures`.

    Raises:
        BackboneError: fewer than two people with two pictures each.
    """
    reading = _Reading(found, image_px, memory_limit_bytes)
    by_person = reading.by_class(reading.rows())
    for person, own in list(by_person.items()):
        if len(own) < 2:
            reading.left_out[LONE] += len(own)
            del by_person[person]
    if len(by_person) < 2:
        raise reading.too_few("identities", "two people with two pictures each", by_person)
    held_out = {
        row for own in by_person.values() for row in reading.drawn(own, seed, MOST_PER_PERSON)
    }
    return reading.split(by_person, held_out, tuple(sorted(by_person)))


def expression_data(
    found: PictureSet,
    image_px: int,
    seed: int,
    *,
    memory_limit_bytes: int = MEMORY_LIMIT_BYTES,
) -> PhaseData:
    """Expressions to tell apart.

    Held out is what the data says; else a tenth of the people where they are known; else a tenth
    of each expression's pictures.

    Args:
        found: from `expression_pictures`.
        image_px: side of the square the network sees.
        seed: decides who is held out.
        memory_limit_bytes: see `read_pictures`.

    Raises:
        BackboneError: fewer than two expressions to learn, or nothing held out.
    """
    reading = _Reading(found, image_px, memory_limit_bytes)
    rows = reading.rows()
    held_out = reading.held_out(rows, seed)
    learned = set(reading.by_class(row for row in rows if row not in held_out))
    by_class = reading.by_class(rows)
    for name in set(by_class) - learned:
        reading.left_out[NOT_LEARNED] += len(by_class[name])
        held_out -= set(by_class.pop(name))
    if len(by_class) < 2:
        raise reading.too_few("expressions", "two expressions to learn", by_class)
    if not held_out:
        raise reading.too_few("expressions", "pictures to hold out", by_class)
    known = found.order or tuple(sorted(by_class))
    return reading.split(by_class, held_out, tuple(name for name in known if name in by_class))


class _Reading:
    """A picture set whose pictures were tried, and what of it is left out on the way."""

    def __init__(self, found: PictureSet, image_px: int, memory_limit_bytes: int) -> None:
        self.found, self.left_out = found, Counter(found.left_out)
        self.pictures: Pictures = read_pictures(
            found.encoded,
            found.numbers,
            image_px,
            view=found.view,
            memory_limit_bytes=memory_limit_bytes,
        )

    def rows(self) -> list[int]:
        """The rows that count: whole pictures, each content once, none that contradicts itself.

        Of a content that is both in training and in validation the one in validation counts.
        """
        held_out, targets = self.found.is_held_out, self.found.targets
        by_content: dict[str, list[int]] = defaultdict(list)
        for row, is_whole in enumerate(self.pictures.is_whole.tolist()):
            if is_whole:
                by_content[self.found.digests[row]].append(row)
            else:
                self.left_out[BROKEN] += 1
        kept = []
        for same in by_content.values():
            of_validation = [row for row in same if held_out and held_out[row]]
            counted = of_validation or same
            if len({targets[row] for row in counted}) > 1:
                self.left_out[CONTRADICTION] += len(same)
                continue
            kept.append(counted[0])
            is_in_both = 0 < len(of_validation) < len(same)
            self.left_out[IN_BOTH if is_in_both else AGAIN] += len(same) - 1
        return sorted(kept)

    def by_class(self, rows: Iterable[int]) -> dict[str, list[int]]:
        """Rows by their class."""
        found: dict[str, list[int]] = defaultdict(list)
        for row in rows:
            found[self.found.targets[row]].append(row)
        return dict(found)

    def held_out(self, rows: Sequence[int], seed: int) -> set[int]:
        """Expressions' rows to hold out."""
        if (stated := self.found.is_held_out) is not None:
            return {row for row in rows if stated[row]}
        if (groups := self.found.groups) is not None:
            people = sorted({groups[row] for row in rows}, key=lambda one: seed_from(seed, one))
            n = max(1, round(HELD_OUT_SHARE * len(people))) if len(people) > 1 else 0
            chosen = set(people[:n])
            return {row for row in rows if groups[row] in chosen}
        classes = self.by_class(rows).values()
        return {row for own in classes if len(own) > 1 for row in self.drawn(own, seed, None)}

    def drawn(self, own: Sequence[int], seed: int, most: int | None) -> list[int]:
        """A tenth of the rows of one class, one at least; which, their content and a seed say."""
        n = max(1, int(HELD_OUT_SHARE * len(own)))
        digests = self.found.digests
        ranked = sorted(own, key=lambda row: seed_from(seed, "held out", digests[row]))
        return ranked[: n if most is None else min(n, most)]

    def split(
        self, by_class: Mapping[str, Sequence[int]], held_out: set[int], classes: tuple[str, ...]
    ) -> PhaseData:
        """Samples of both sides."""
        number = {name: place for place, name in enumerate(classes)}
        rows = sorted(row for own in by_class.values() for row in own)

        def samples(part: Sequence[int]) -> Samples:
            targets = np.array([number[self.found.targets[row]] for row in part], np.int64)
            return Samples(targets, len(classes), None, np.array(part, np.int64), self.pictures)

        return PhaseData(
            samples([row for row in rows if row not in held_out]),
            samples([row for row in rows if row in held_out]),
            classes,
            len(rows),
            added(self.left_out),
            self.found.notes,
        )

    def too_few(
        self, thing: str, expected: str, by_class: Mapping[str, Sequence[int]]
    ) -> BackboneError:
        """Says how many there are and no names: those of classes may be people's."""
        n = sum(len(own) for own in by_class.values())
        left_out = in_words(added(self.left_out))
        found = f"{n} pictures of {len(by_class)} classes"
        found += f"; left out: {left_out}" if left_out else ""
        return BackboneError(thing, expected=expected, found=found)
