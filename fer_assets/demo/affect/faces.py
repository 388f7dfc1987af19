"""A person's pictures, brought onto one canvas: as an aligned crop, and as a bust before a room.

Belongs here: canvases. Does not belong here: mixing pictures (`morph.py`), time.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_assets.demo.affect.expressions import TILES, landmarks
from fer_assets.demo.affect.morph import Morph
from fer_assets.demo.people import NEUTRAL, SyntheticPerson, list_people, load_tiles, tile_geometry
from fer_assets.demo.scenes import person_alpha
from fer_assets.faces.alignment import fit_similarities
from fer_assets.media.face_template import ARCFACE_PX, ARCFACE_TEMPLATE

CROP_PX: Final = ARCFACE_PX
"""Side of the crops, as in the official release."""

CANVAS_SCALE: Final = 1.4
"""Pixels of the canvas per pixel of the crop."""

CANVAS_PX: Final = 208
"""Side of the canvas of crops: the crop, and a rim into which the head may move."""

FILM_SIZE: Final = (640, 360)
"""Width and height of films."""

FILM_MARGIN_PX: Final = 64

_FILM_SCALE: Final = 0.95
"""Pixels of a film per pixel of a picture."""

_BELOW_PX: Final = 24
"""How far a picture reaches below the film's lower edge."""

_SKIRT_PX: Final = 70
"""Rows by which a bust is drawn out downwards, so that a moving camera sees no edge."""

_FADE_PX: Final = 12


@lru_cache(maxsize=2)
def crop_morph(person_id: str) -> Morph:
    """The person's pictures on the canvas of crops, their landmarks near the ArcFace template."""
    return _morph(person_id, crop_on_canvas(ARCFACE_TEMPLATE + 0.5), (CANVAS_PX, CANVAS_PX), None)


def crop_on_canvas(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Points of a crop on its canvas, both from the picture's top left edge."""
    rim = (CANVAS_PX - CROP_PX * CANVAS_SCALE) / 2
    return np.asarray(points * CANVAS_SCALE + rim, dtype=np.float64)


def canvas_to_crop() -> NDArray[np.float64]:
    """(3, 3): pixel centres of the canvas to pixel centres of the crop."""
    rim = (CANVAS_PX - CROP_PX * CANVAS_SCALE) / 2
    shift = (0.5 - rim) / CANVAS_SCALE - 0.5
    return np.array([[1 / CANVAS_SCALE, 0, shift], [0, 1 / CANVAS_SCALE, shift], [0, 0, 1.0]])


@lru_cache(maxsize=1)
def film_morph(person_id: str) -> Morph:
    """The person cut out of the pictures, on the canvas of films: colour times cover, and cover."""
    width, height = FILM_SIZE[0] + 2 * FILM_MARGIN_PX, FILM_SIZE[1] + 2 * FILM_MARGIN_PX
    person = _person(person_id)
    neutral = load_tiles(person, [NEUTRAL])[NEUTRAL]
    to_film = np.array(
        [
            (width - _FILM_SCALE * neutral.shape[1]) / 2,
            height - FILM_MARGIN_PX + _BELOW_PX - _FILM_SCALE * neutral.shape[0],
        ]
    )
    target = landmarks(person_id, NEUTRAL) * _FILM_SCALE + to_film
    return _morph(person_id, target, (width, height), _FADE_PX)


def _morph(
    person_id: str, target: NDArray[np.float64], size: tuple[int, int], fade_px: int | None
) -> Morph:
    """Pictures moved by similarities until their landmarks are closest to `target`."""
    tiles = load_tiles(_person(person_id), TILES)
    points = np.array([landmarks(person_id, tile) for tile in TILES])
    moves = fit_similarities(points, target).matrices()
    on_canvas = np.einsum("kij,kpj->kpi", moves[:, :, :2], points) + moves[:, None, :, 2] - 0.5
    moves[:, :, 2] += moves[:, :, :2] @ [0.5, 0.5] - 0.5
    pictures = []
    for tile, move in zip(TILES, moves, strict=True):
        layers: NDArray[np.uint8] | NDArray[np.float32] = tiles[tile]
        if fade_px is not None:
            face = tile_geometry()[person_id, tile].face_px
            layers = _cut_out(tiles[tile], _cover(tiles[tile], face, fade_px))
        pictures.append(_moved(layers, move, size, is_cut_out=fade_px is not None))
    return Morph(np.stack(pictures), on_canvas)


def _cover(
    tile: NDArray[np.uint8], face: tuple[float, float, float, float], fade_px: int
) -> NDArray[np.float32]:
    """(h, w), 0 to 1: the person, the face without holes, faded towards the picture's edges."""
    cover = person_alpha(tile)
    x0, y0, x1, y1 = face
    middle, half = ((x0 + x1) / 2, (y0 + y1) / 2), ((x1 - x0) / 2, (y1 - y0) / 2)
    y, x = np.mgrid[: tile.shape[0], : tile.shape[1]]
    is_face = ((x - middle[0]) / half[0]) ** 2 + ((y - middle[1]) / half[1]) ** 2 <= 1
    cover[is_face] = 1
    ramp = np.linspace(0, 1, fade_px, dtype=np.float32)
    cover[:fade_px] *= ramp[:, None]
    cover[:, :fade_px] *= ramp
    cover[:, -fade_px:] *= ramp[::-1]
    return cover


def _cut_out(tile: NDArray[np.uint8], cover: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colour times cover, and cover, (h + skirt, w, 4) in 0-255."""
    layers = np.concatenate([tile * cover[..., None], 255 * cover[..., None]], axis=2)
    drawn_out = cv2.copyMakeBorder(layers, 0, _SKIRT_PX, 0, 0, cv2.BORDER_REPLICATE)
    return np.asarray(drawn_out, dtype=np.float32)


def _moved(
    layers: NDArray[np.uint8] | NDArray[np.float32],
    move: NDArray[np.float64],
    size: tuple[int, int],
    *,
    is_cut_out: bool,
) -> NDArray[np.uint8]:
    """The picture on its canvas: beyond a cut-out there is nothing, else the picture goes on."""
    border = cv2.BORDER_CONSTANT if is_cut_out else cv2.BORDER_REFLECT
    kernel = cv2.INTER_LINEAR if is_cut_out else cv2.INTER_CUBIC
    warped = cv2.warpAffine(layers, move, size, flags=kernel, borderMode=border)
    return np.asarray(np.clip(np.round(warped), 0, 255), dtype=np.uint8)


@lru_cache(maxsize=16)
def _person(person_id: str) -> SyntheticPerson:
    return next(person for person in list_people() if person.person_id == person_id)
