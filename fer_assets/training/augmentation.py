"""Variation of training pictures, a whole batch at a time on tensors.

Belongs here: drawing and applying changes. Does not belong here: how large they are (`recipes.py`).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from fer_assets.training.recipes import Augmentation

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in grey (ITU-R BT.601)."""


def augment(images: Tensor, settings: Augmentation, generator: torch.Generator) -> Tensor:
    """Vary a batch; every picture differently, all of it from `generator`.

    Args:
        images: (n, 3, h, w) float32 in [0, 1], on any device.
        settings: what is varied and how far.
        generator: CPU generator; the same state gives the same changes on every device.

    Returns:
        (n, 3, h, w) float32 in [0, 1].
    """
    draws = torch.rand((len(images), 16), generator=generator)
    varied = _warp(images, settings, draws[:, 0:5])
    varied = _soften(varied, settings, draws[:, 5])
    varied = _recolour(varied, settings, draws[:, 6:9])
    varied = _add_noise(varied, settings, draws[:, 9], generator)
    return _erase(varied.clamp_(0, 1), settings, draws[:, 10:14])


def _spread(draws: Tensor, largest: float) -> Tensor:
    """Uniform in [0, 1] to uniform in [-largest, largest]."""
    return (2 * draws - 1) * largest


def _warp(images: Tensor, settings: Augmentation, draws: Tensor) -> Tensor:
    """Mirror, rotate, scale and shift in one bilinear resampling; the rim is mirrored outward."""
    angle = _spread(draws[:, 0], math.radians(settings.rotation_deg))
    zoom = torch.exp(_spread(draws[:, 1], math.log1p(settings.scale)))
    mirror = torch.where((draws[:, 4] < 0.5) & settings.flip, -1.0, 1.0)
    shift = _spread(draws[:, 2:4], 2 * settings.shift)
    cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    rows = [torch.stack([cos * mirror, -sin, shift[:, 0]], 1)]
    rows.append(torch.stack([sin * mirror, cos, shift[:, 1]], 1))
    theta = torch.stack(rows, 1).to(images.device)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def _soften(images: Tensor, settings: Augmentation, draws: Tensor) -> Tensor:
    """Mix in a 3 x 3 mean, as a lens out of focus or a low bit rate would."""
    if settings.blur == 0:
        return images
    blurred = functional.avg_pool2d(images, 3, stride=1, padding=1, count_include_pad=False)
    weight = (draws * settings.blur).view(-1, 1, 1, 1).to(images.device)
    return torch.lerp(images, blurred, weight)


def _recolour(images: Tensor, settings: Augmentation, draws: Tensor) -> Tensor:
    """Brightness, contrast and saturation as one 3 x 3 matrix and one offset per picture."""
    gain = 1 + _spread(draws[:, 0], settings.brightness)
    contrast = 1 + _spread(draws[:, 1], settings.contrast)
    saturation = 1 + _spread(draws[:, 2], settings.saturation)
    luma = torch.tensor(LUMA)
    mixed = saturation.view(-1, 1, 1) * torch.eye(3)
    mixed = mixed + (1 - saturation).view(-1, 1, 1) * luma.expand(3, 3)
    matrix = (gain * contrast).view(-1, 1, 1) * mixed
    grey = images.mean((2, 3)) @ luma.to(images.device)
    offset = (gain * (1 - contrast)).to(images.device) * grey
    flat = images.flatten(2)
    out = torch.baddbmm(offset.view(-1, 1, 1), matrix.to(images.device), flat)
    return out.view_as(images)


def _add_noise(
    images: Tensor, settings: Augmentation, draws: Tensor, generator: torch.Generator
) -> Tensor:
    """Add grey grain: one random field for the batch, rolled differently for each picture."""
    if settings.noise == 0:
        return images
    n, _, height, width = images.shape
    field = torch.randn((height + n, width), generator=generator)
    grain = field.unfold(0, height, 1)[:n].transpose(1, 2)
    grain = grain * (draws * settings.noise).view(-1, 1, 1)
    return images + grain.unsqueeze(1).to(images.device)


def _erase(images: Tensor, settings: Augmentation, draws: Tensor) -> Tensor:
    """Paint a grey rectangle over some of the pictures."""
    if settings.erase_prob == 0:
        return images
    height, width = images.shape[2:]
    low, high = settings.erase_area
    is_erased = draws[:, 0] < settings.erase_prob
    side = torch.sqrt(low + draws[:, 1] * (high - low)) * is_erased
    sides = []
    for start, length in ((draws[:, 2], height), (draws[:, 3], width)):
        place = (torch.arange(length) + 0.5) / length
        first = (start * (1 - side)).view(-1, 1)
        sides.append((place >= first) & (place < first + side.view(-1, 1)))
    mask = (sides[0].unsqueeze(2) & sides[1].unsqueeze(1)).unsqueeze(1)
    return images.masked_fill_(mask.to(images.device), 0.5)
