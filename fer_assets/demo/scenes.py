"""The frames of a demo video: people cut out of their tiles, put into rooms, seen by a hand.

Belongs here: compositing of one script into frames. Does not belong here: where things are
(`demo/geometry.py`), when they change (`demo/timeline.py`), encoding (`demo/encoding.py`).

Every tile is composed once into a still scene a little larger than the frame; a frame is then one
affine warp of a still scene, or of a blend of two while an expression changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_assets.demo.backdrops import blurred_fill, room, table
from fer_assets.demo.geometry import Placement, camera_path, pane, place
from fer_assets.demo.people import SyntheticPerson, load_tiles
from fer_assets.demo.script import ABSENT, DemoChallenge, VideoScript
from fer_assets.demo.timeline import Showing, showing_at, tiles_shown

Image = NDArray[np.uint8]
Tiles = Mapping[str, Image]

_SKIRT_PX = 60
"""Rows by which a cut-out is drawn out downwards, so that a moving camera sees no edge."""

_GRAIN_ROOM_PX = 32

_GAP_PX = 150
"""Patches of the wall's colour that are larger than this are wall wherever they are."""


def frames(
    script: VideoScript, challenge: DemoChallenge, people: Mapping[str, SyntheticPerson]
) -> Iterator[Image]:
    """Every frame of `script` as stored: ``uint8 (h, w, 3)`` RGB, turned if the script says so."""
    margin = round(0.14 * script.width_px)
    scenes = still_scenes(script, challenge, people, margin)
    path = camera_path(script)
    path[:, :, 2] -= path[:, :, :2] @ np.array([margin, margin], dtype=float)
    brightness = _brightness(script)
    grain = _grain(script)
    rng = np.random.default_rng([script.seed, 3])
    turns = (script.turn_deg + script.container_deg) // 90
    for index in range(script.n_frames):
        scene = _blended(scenes, showing_at(script, challenge, index / script.frame_rate_hz))
        frame = cv2.warpAffine(
            scene,
            path[index],
            (script.width_px, script.height_px),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT,
        )
        frame = cv2.convertScaleAbs(frame, alpha=brightness[index])
        if grain is not None:
            y, x = rng.integers(0, _GRAIN_ROOM_PX, 2)
            patch = grain[y : y + script.height_px, x : x + script.width_px]
            frame = cv2.addWeighted(frame, 1, patch, 1, -128)
        yield np.ascontiguousarray(np.rot90(frame, -turns), dtype=np.uint8)


def _blended(scenes: Mapping[str, Image], seen: Showing) -> Image:
    """The still scene to be seen, or the blend of the two between which a person moves."""
    if seen.tile is not None:
        return scenes[seen.tile]
    before, after = scenes[seen.before], scenes[seen.after]
    return np.asarray(
        cv2.addWeighted(before, 1 - seen.weight, after, seen.weight, 0), dtype=np.uint8
    )


def still_scenes(
    script: VideoScript,
    challenge: DemoChallenge,
    people: Mapping[str, SyntheticPerson],
    margin: int,
) -> dict[str, Image]:
    """Tile name to still scene, larger than the frame by `margin` on every side."""
    names = tiles_shown(script, challenge)
    pictures = [n for n in names if n != ABSENT]
    tiles = [load_tiles(people[actor.person], pictures) for actor in script.actors]
    rng = np.random.default_rng([script.seed, 2])
    width, height = script.width_px + 2 * margin, script.height_px + 2 * margin
    rooms = [room(width, height, rng) for _ in script.actors]
    tops = [table(width, height, rng) for _ in script.actors]
    warmth = script.filming.warmth
    tint = np.array([1 + warmth, 1, 1 - warmth], dtype=np.float32)
    scenes = {}
    for name in names:
        scene = np.zeros((height, width, 3), dtype=np.float32)
        for i, own in enumerate(tiles):
            left, right = _pane_with_margin(script, i, margin)
            if name == ABSENT:
                composed = _with_table(script, i, rooms[i], tops[i], margin)
            elif script.layout == "letterbox":
                composed = _letterbox(own[name], place(script, i, name), margin, (width, height))
            else:
                composed = _cut_out(own[name], place(script, i, name), rooms[i], margin)
                composed = _with_table(script, i, composed, tops[i], margin)
            scene[:, left:right] = composed[:, left:right]
        scenes[name] = np.clip(scene * tint, 0, 255).astype(np.uint8)
    return scenes


def person_alpha(tile: Image) -> NDArray[np.float32]:
    """How much of each pixel is the person and not the tile's plain grey wall: (h, w), 0 to 1.

    The wall's colour is a plane through the pixels beside the person; what differs little from it
    and either hangs together with the picture's upper or side edges or is a gap of some size
    between hair and shoulder is wall.
    """
    height, width = tile.shape[:2]
    picture = cv2.GaussianBlur(tile, (0, 0), 1.0).astype(np.float32)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    plane = np.stack([np.ones_like(x), x / width, y / height, (x / width) ** 2], axis=-1)
    beside = np.zeros((height, width), dtype=bool)
    beside[: height // 2, : width // 10] = True
    beside[: height // 2, -width // 10 :] = True
    near_grey = np.ptp(picture, axis=2) < 14
    beside &= near_grey
    weights, *_ = np.linalg.lstsq(plane[beside], picture[beside], rcond=None)
    distance = np.abs(picture - plane @ weights).max(axis=2)
    wall = (distance < 20).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(wall, connectivity=4)
    touching = np.unique(np.concatenate([labels[0], labels[:, 0], labels[:, -1]]))
    large = np.flatnonzero(stats[:, cv2.CC_STAT_AREA] > _GAP_PX)
    is_wall = np.isin(labels, np.union1d(touching, large)) & (wall > 0)
    alpha = cv2.erode((~is_wall).astype(np.float32), np.ones((3, 3), np.uint8))
    return np.asarray(cv2.GaussianBlur(alpha, (0, 0), 1.3), dtype=np.float32)


def _cut_out(
    tile: Image, placement: Placement, behind: NDArray[np.float32], margin: int
) -> NDArray[np.float32]:
    """The person of `tile` in front of `behind`."""
    alpha = person_alpha(tile)
    edge = 12
    ramp = np.linspace(0, 1, edge, dtype=np.float32)
    alpha[:edge] *= ramp[:, None]
    alpha[:, :edge] *= ramp
    alpha[:, -edge:] *= ramp[::-1]
    skirt = (0, _SKIRT_PX, 0, 0, cv2.BORDER_REPLICATE)
    matrix = placement.matrix()
    matrix[:, 2] += margin
    size = (behind.shape[1], behind.shape[0])
    picture = cv2.warpAffine(cv2.copyMakeBorder(tile, *skirt), matrix, size)
    cover = cv2.warpAffine(cv2.copyMakeBorder(alpha, *skirt), matrix, size)[:, :, None]
    return np.asarray(behind + cover * (picture - behind), dtype=np.float32)


def _letterbox(
    tile: Image, placement: Placement, margin: int, size: tuple[int, int]
) -> NDArray[np.float32]:
    """The tile as a landscape clip across the picture, its blurred self above and below."""
    scene = blurred_fill(tile, *size)
    matrix = placement.matrix()
    matrix[:, 2] += margin
    band = cv2.warpAffine(tile, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    top = max(round(placement.top_px) + margin, 0)
    bottom = round(placement.top_px + placement.scale * placement.height_px) + margin
    scene[top:bottom] = band[top:bottom]
    return scene


def _with_table(
    script: VideoScript,
    index: int,
    scene: NDArray[np.float32],
    top: NDArray[np.float32],
    margin: int,
) -> NDArray[np.float32]:
    """The scene with a table before the lower edge of the person, if that edge would be seen."""
    base = script.actors[index].base_y
    if script.layout == "letterbox" or base >= 1:
        return scene
    covered = scene.copy()
    row = round(base * script.height_px) + margin - 6
    covered[row:] = top[: len(covered) - row]
    return covered


def _pane_with_margin(script: VideoScript, index: int, margin: int) -> tuple[int, int]:
    left, right = pane(script, index)
    is_last = index == len(script.actors) - 1
    return (0 if index == 0 else left + margin), right + margin * (2 if is_last else 1)


def _brightness(script: VideoScript) -> NDArray[np.float64]:
    """Gain of each frame: a slow wave and one quick change, as automatic exposure makes them."""
    rng = np.random.default_rng([script.seed, 4])
    time = np.arange(script.n_frames) / script.frame_rate_hz
    wave = np.sin(2 * np.pi * (rng.uniform(0.05, 0.25) * time + rng.random()))
    step = np.tanh((time - rng.uniform(0.2, 0.8) * script.duration_s) / 0.3)
    curve = 1 + script.filming.exposure * (0.7 * wave + 0.5 * rng.choice((-1, 1)) * step)
    return np.asarray(curve, dtype=np.float64)


def _grain(script: VideoScript) -> Image | None:
    """Sensor noise around 128, larger than the frame to be shifted; None for a clean sensor."""
    if script.filming.grain <= 0:
        return None
    rng = np.random.default_rng([script.seed, 5])
    shape = (script.height_px + _GRAIN_ROOM_PX, script.width_px + _GRAIN_ROOM_PX, 1)
    noise = rng.normal(128, script.filming.grain, shape)
    return np.ascontiguousarray(np.repeat(np.clip(np.round(noise), 0, 255), 3, 2), dtype=np.uint8)
