"""The frames of a video: crops as in the official release, or whole frames of a film.

Belongs here: putting mix, motion and light together. Does not belong here: their parts, files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_assets.demo.affect.casting import FILM_RATE_HZ
from fer_assets.demo.affect.faces import (
    CANVAS_PX,
    CROP_PX,
    FILM_MARGIN_PX,
    FILM_SIZE,
    canvas_to_crop,
    crop_morph,
    film_morph,
)
from fer_assets.demo.affect.motion import Light, frame_numbers, head_path, seen_through
from fer_assets.demo.affect.script import AffectScript
from fer_assets.demo.affect.timeline import tile_weights
from fer_assets.demo.backdrops import room

Image = NDArray[np.uint8]


def crops(script: AffectScript, rate_hz: float = FILM_RATE_HZ) -> Iterator[tuple[int, Image]]:
    """Frame number, from 1, and (112, 112, 3) uint8 RGB crop, for each frame with a face.

    Args:
        script: what is shown.
        rate_hz: frames per second; the fewer, the farther head and light move between them.
    """
    morph = crop_morph(script.person)
    weights = tile_weights(script)
    path = canvas_to_crop() @ head_path(script, rate_hz, (CANVAS_PX, CANVAS_PX), is_aligned=True)
    light = Light(script, rate_hz, CROP_PX, CROP_PX)
    for index in frame_numbers(script):
        face = seen_through(morph.mix(weights[index]), path[index], (CROP_PX, CROP_PX))
        yield index + 1, light.apply(index, face)


def film(script: AffectScript) -> Iterator[Image]:
    """Every frame, (360, 640, 3) uint8 RGB; only the room where nobody is there."""
    morph = film_morph(script.person)
    height, width = morph.pictures.shape[1:3]
    behind = room(width, height, np.random.default_rng([script.seed, 4]))
    still = np.array([[1, 0, -FILM_MARGIN_PX], [0, 1, -FILM_MARGIN_PX], [0, 0, 1.0]])
    weights = tile_weights(script)
    path = head_path(script, FILM_RATE_HZ, (width, height), is_aligned=False)
    light = Light(script, FILM_RATE_HZ, FILM_SIZE[1], FILM_SIZE[0])
    for index, shows_face in enumerate(script.shows_face):
        scene: NDArray[np.floating[Any]] = behind
        if shows_face:
            bust = seen_through(morph.mix(weights[index]), path[index], (width, height))
            cover = bust[..., 3:].astype(np.float32) / 255
            scene = bust[..., :3] + (1 - cover) * behind
        frame = np.clip(np.round(scene), 0, 255).astype(np.uint8)
        yield light.apply(index, seen_through(frame, still, FILM_SIZE))
