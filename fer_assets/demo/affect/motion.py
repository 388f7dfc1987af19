"""How a head moves, how light changes and what the sensor adds, frame by frame.

Belongs here: curves over time and the pixel operations that follow them. Does not belong here:
faces (`morph.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_assets.demo.affect.script import AffectScript
from fer_assets.demo.geometry import wander

Image = NDArray[np.uint8]


def head_path(
    script: AffectScript, rate_hz: float, size: tuple[float, float], is_aligned: bool
) -> NDArray[np.float64]:
    """Homographies of each frame, (frames, 3, 3), from the still face to the moving one.

    Roll, shift and size wander slowly; a turn of the head to a side or up and down is drawn as the
    perspective of a plane. Where the face was aligned, most roll, shift and size are gone.

    Args:
        script: the video; its seed draws the curves, its sway scales them.
        rate_hz: frames per second.
        size: width and height of the picture in pixels; the head moves about its middle.
        is_aligned: whether the picture is an aligned crop.
    """
    rng = np.random.default_rng([script.seed, 1])
    time = np.arange(script.n_frames) / rate_hz
    left_right, up_down, roll, zoom, yaw, pitch = (wander(time, rng) for _ in range(6))
    sway = script.sway * (0.5 if is_aligned else 1.0)
    width, height = size
    angle = np.deg2rad(5.0) * sway * roll
    scale = 1 + 0.04 * sway * zoom
    path = np.zeros((script.n_frames, 3, 3))
    path[:, 0, 0], path[:, 0, 1] = scale * np.cos(angle), -scale * np.sin(angle)
    path[:, 1, 0], path[:, 1, 1] = scale * np.sin(angle), scale * np.cos(angle)
    path[:, 0, 2] = 0.03 * width * sway * left_right
    path[:, 1, 2] = 0.03 * height * sway * up_down
    path[:, 2, 0] = 0.12 * script.sway * yaw / width
    path[:, 2, 1] = 0.12 * script.sway * pitch / height
    path[:, 2, 2] = 1
    centre = np.array([[1, 0, width / 2], [0, 1, height / 2], [0, 0, 1.0]])
    return np.asarray(centre @ path @ np.linalg.inv(centre))


class Light:
    """Exposure, a light from one side, colour and sensor noise of one video.

    Args:
        script: the video; its seed draws everything.
        rate_hz: frames per second.
        height, width: of the frames.
    """

    def __init__(self, script: AffectScript, rate_hz: float, height: int, width: int) -> None:
        rng = np.random.default_rng([script.seed, 2])
        time = np.arange(script.n_frames) / rate_hz
        self._gain = 1 + script.exposure * wander(time, rng)
        angle, depth = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.18)
        y, x = np.mgrid[:height, :width].astype(np.float32)
        slope = np.cos(angle) * (x / width - 0.5) + np.sin(angle) * (y / height - 0.5)
        tint = np.array([1 + script.warmth, 1, 1 - script.warmth], dtype=np.float32)
        self._shade = ((1 + depth * slope)[..., None] * tint).astype(np.float32)
        self._grain = script.grain
        self._seed = script.seed

    def apply(self, index: int, picture: Image) -> Image:
        """Frame `index`, from 0, as the camera stores it; (h, w, 3) uint8."""
        rng = np.random.default_rng([self._seed, 3, index])
        noise = rng.standard_normal(picture.shape, dtype=np.float32) * np.float32(self._grain)
        lit = picture * self._shade * np.float32(self._gain[index]) + noise
        return np.asarray(np.clip(np.round(lit), 0, 255), dtype=np.uint8)


def seen_through(picture: Image, homography: NDArray[np.float64], size: tuple[int, int]) -> Image:
    """`picture` after `homography`, as (height, width, channels) of `size` (width, height)."""
    return np.asarray(
        cv2.warpPerspective(
            picture, homography, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        ),
        dtype=np.uint8,
    )


def frame_numbers(script: AffectScript) -> Iterator[int]:
    """Indices, from 0, of the frames in which there is a face."""
    return (index for index, shows in enumerate(script.shows_face) if shows)
