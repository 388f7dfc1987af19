"""Where things are in the demo's frames: panes, tiles in panes, the moving camera, face boxes.

Belongs here: affine maps and boxes as numbers. Does not belong here: pixels (`demo/scenes.py`).

Coordinates are pixels of the upright frame. The camera's map takes a point of the still scene to
the frame; a face box is carried along by its centre and its size, since a detector's boxes do not
turn with a face.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fer_assets.demo.people import NEUTRAL, tile_geometry
from fer_assets.demo.script import ABSENT, Actor, VideoScript


@dataclass(frozen=True)
class Placement:
    """Where one tile is in the still scene: scaled, mirrored about its middle, then moved."""

    scale: float
    left_px: float
    top_px: float
    width_px: int
    height_px: int
    is_mirrored: bool

    def matrix(self) -> NDArray[np.float64]:
        """Tile to scene, (2, 3)."""
        if self.is_mirrored:
            right = self.left_px + self.scale * self.width_px
            return np.array([[-self.scale, 0, right], [0, self.scale, self.top_px]])
        return np.array([[self.scale, 0, self.left_px], [0, self.scale, self.top_px]])

    def box(self, box: tuple[float, float, float, float]) -> NDArray[np.float64]:
        """A box x0, y0, x1, y1 of the tile in the scene, (4,)."""
        corners = np.array([[box[0], box[1], 1.0], [box[2], box[3], 1.0]]) @ self.matrix().T
        return np.concatenate([corners.min(axis=0), corners.max(axis=0)])


def pane(script: VideoScript, index: int) -> tuple[int, int]:
    """Left and right edge of the pane of actor `index`."""
    if script.layout != "duet":
        return 0, script.width_px
    count = len(script.actors)
    return index * script.width_px // count, (index + 1) * script.width_px // count


def place(script: VideoScript, index: int, tile: str) -> Placement:
    """Where a tile of actor `index` is: all tiles of a person share one scale and one anchor."""
    actor: Actor = script.actors[index]
    left, right = pane(script, index)
    neutral = tile_geometry()[actor.person, NEUTRAL]
    face_x0, _, face_x1, _ = neutral.face_px
    scale = actor.face_share * (right - left) / (face_x1 - face_x0)
    if script.layout == "letterbox":
        scale = max(scale, 1.1 * (right - left) / neutral.size_px[0])
    width, height = tile_geometry()[actor.person, tile].size_px
    anchor = (face_x0 + face_x1) / 2
    if actor.is_mirrored:
        anchor = width - anchor
    return Placement(
        scale=scale,
        left_px=left + actor.centre_x * (right - left) - scale * anchor,
        top_px=actor.base_y * script.height_px - scale * height,
        width_px=width,
        height_px=height,
        is_mirrored=actor.is_mirrored,
    )


def still_boxes(script: VideoScript, tile: str) -> NDArray[np.float64]:
    """Face boxes of all actors in the still scene, (actors, 4); none when the tile is absence."""
    if tile == ABSENT:
        return np.zeros((0, 4))
    return np.array(
        [
            place(script, i, tile).box(tile_geometry()[actor.person, tile].face_px)
            for i, actor in enumerate(script.actors)
        ]
    )


def camera_path(script: VideoScript) -> NDArray[np.float64]:
    """Scene to frame for every frame, (frames, 2, 3): smooth shift, roll and zoom of a hand."""
    rng = np.random.default_rng([script.seed, 1])
    time = np.arange(script.n_frames) / script.frame_rate_hz
    shift_x, shift_y, roll, zoom = (wander(time, rng) for _ in range(4))
    sway = script.filming.sway
    angle = np.deg2rad(1.0) * sway * roll
    scale = 1 + 0.01 * sway * zoom
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    mid_x, mid_y = script.width_px / 2, script.height_px / 2
    move_x = 0.01 * script.width_px * sway * shift_x
    move_y = 0.01 * script.width_px * sway * shift_y
    path = np.empty((script.n_frames, 2, 3))
    path[:, 0] = np.stack([cos, -sin, mid_x - cos * mid_x + sin * mid_y + move_x], axis=1)
    path[:, 1] = np.stack([sin, cos, mid_y - sin * mid_x - cos * mid_y + move_y], axis=1)
    return path


def carry_boxes(boxes: NDArray[np.float64], camera: NDArray[np.float64]) -> NDArray[np.float64]:
    """Boxes (n, 4) of the still scene in a frame seen through `camera` (2, 3)."""
    if not len(boxes):
        return boxes
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 @ camera[:, :2].T + camera[:, 2]
    half = (boxes[:, 2:] - boxes[:, :2]) / 2 * np.hypot(camera[0, 0], camera[1, 0])
    return np.concatenate([centres - half, centres + half], axis=1)


def wander(time: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """A smooth curve within about [-1, 1]: three slow sines."""
    rates = rng.uniform((0.1, 0.3, 0.7), (0.3, 0.7, 1.6))
    phases = rng.uniform(0, 2 * np.pi, 3)
    gains = np.array([0.55, 0.3, 0.15])
    curve = gains[:, None] * np.sin(2 * np.pi * rates[:, None] * time + phases[:, None])
    return np.asarray(curve.sum(axis=0))
