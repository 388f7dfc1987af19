"""Pictures from which the demo's backbone learns people and expressions.

Belongs here: the two folders, made from photos of training people only. Does not belong here:
videos, the backbone's settings (`defs/affect_demo.py`).

Each picture is one photo seen under another pose, light and compression, cropped as the videos
are. No frame of a video is among them, and nobody of the validation or the test set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from fer_assets.demo.affect.casting import AffectDemoSettings
from fer_assets.demo.affect.expressions import MEANINGS, TILES
from fer_assets.demo.affect.pictures import crops
from fer_assets.demo.affect.script import AffectScript, Key
from fer_assets.media.image_codec import encode_jpeg

_POSES_HZ: Final = 0.4
"""Pictures a second of a moving head: so few that each has a pose of its own."""


@dataclass(frozen=True)
class Photo:
    """One photo of one person, in some variants."""

    person: str
    tile: str
    script: AffectScript


def photos(settings: AffectDemoSettings) -> tuple[Photo, ...]:
    """All photos of the training people."""
    found = []
    for number, person in enumerate(settings.train):
        rng = np.random.default_rng([settings.seed, 3, number])
        for tile in TILES:
            apex = float(np.round(rng.uniform(0.8, 1.0), 2))
            script = AffectScript(
                name=f"{person.lower()}-{tile}",
                person=person,
                kind="crops",
                set="train",
                seed=int(rng.integers(2**31)),
                keys=(Key(tile, 1, settings.photo_variants, apex),),
                n_frames=settings.photo_variants,
                sway=1.5,
                exposure=0.15,
                grain=float(np.round(rng.uniform(0.5, 4.0), 2)),
                warmth=float(np.round(rng.uniform(-0.08, 0.08), 3)),
                jpeg_quality=int(rng.integers(80, 96)),
            )
            found.append(Photo(person, tile, script))
    return tuple(found)


def photo_files(photo: Photo) -> Iterator[tuple[str, bytes]]:
    """Path below the folder of photos, and JPEG bytes, of every picture of a photo.

    ``identities/PERSON/…`` has every second variant, ``expressions/CLASS/…`` all variants of the
    photos whose expression AffectNet knows.
    """
    expression = MEANINGS[photo.tile].affectnet
    for number, picture in crops(photo.script, _POSES_HZ):
        data = encode_jpeg(picture, photo.script.jpeg_quality)
        name = f"{photo.script.name}-{number:02d}.jpg"
        if number % 2:
            yield f"identities/{photo.person}/{name}", data
        if expression is not None:
            yield f"expressions/{expression}/{name}", data
