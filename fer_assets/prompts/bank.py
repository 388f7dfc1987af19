"""The templates at one speed, ready to be searched for.

Belongs here: `Bank`, kept for the speeds that come again. Does not belong here: searching.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fer_assets.prompts.coarse import CoarseShape
from fer_assets.prompts.matched_filter import unit_shape
from fer_assets.prompts.null import Cells, power_cells
from fer_assets.prompts.resampling import at_speed, band_factor, decimate
from fer_assets.prompts.templates import PromptTemplate


class Bank:
    """Templates played `speed` times as fast; what only a few of them need is made when asked for.

    Args:
        templates: at the full rate.
        speed: 1 leaves them as they are.

    Attributes:
        speed: as given.
        sizes: int64 (n_templates,), samples at the full rate.
    """

    def __init__(self, templates: tuple[PromptTemplate, ...], speed: float) -> None:
        self._templates = templates
        self.speed = speed
        sizes = [round(template.samples.size / speed) for template in templates]
        self.sizes = np.array(sizes, np.int64)
        self._units: dict[int, NDArray[np.float64]] = {}
        self._quick: dict[int, NDArray[np.float32]] = {}
        self._cells: dict[int, Cells] = {}
        self._coarse: tuple[CoarseShape, ...] = ()

    def unit(self, i: int) -> NDArray[np.float64]:
        """Template `i`, (sizes[i],), mean-free and of norm 1."""
        if i not in self._units:
            shape = self._templates[i].samples.astype(np.float64)
            if self.speed != 1.0:
                shape = at_speed(shape, self.speed)
            self._units[i] = unit_shape(shape).astype(np.float64)
        return self._units[i]

    def quick(self, i: int) -> NDArray[np.float32]:
        """`unit` in float32, which is precise enough to tell one sample from the next."""
        if i not in self._quick:
            self._quick[i] = self.unit(i).astype(np.float32)
        return self._quick[i]

    def cells(self, i: int) -> Cells:
        """Power of template `i` in time and frequency."""
        if i not in self._cells:
            self._cells[i] = power_cells(self.unit(i))
        return self._cells[i]

    def coarse(self) -> tuple[CoarseShape, ...]:
        """All templates at the rates at which they are looked for first."""
        own = coarse_shapes(self._templates)
        if self.speed == 1.0:
            return own
        if not self._coarse:
            played = [at_speed(shape.samples, self.speed).astype(np.float32) for shape in own]
            self._coarse = tuple(
                CoarseShape(low, shape.factor, int(size))
                for low, shape, size in zip(played, own, self.sizes, strict=True)
            )
        return self._coarse


@lru_cache(maxsize=32)
def bank_at(templates: tuple[PromptTemplate, ...], speed: float) -> Bank:
    """The bank of `templates` at `speed`, kept for the next sound."""
    return Bank(templates, speed)


@lru_cache(maxsize=8)
def coarse_shapes(templates: tuple[PromptTemplate, ...]) -> tuple[CoarseShape, ...]:
    """All templates at speed 1 and at the rates at which they are looked for first."""
    shapes = []
    for template in templates:
        factor = band_factor(template.samples)
        low = decimate(template.samples, factor)
        shapes.append(CoarseShape(low, factor, template.samples.size))
    return tuple(shapes)
