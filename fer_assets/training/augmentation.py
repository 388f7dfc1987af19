"""Variation of training pictures, a whole batch at a time on tensors.

Belongs here: drawing and applying changes. Does not belong here: how large they are (`recipes.py`).

What torchvision's v2 transforms do to one picture, or to a batch with one draw for all, is done
here to a batch with a draw for each, on any device. The kernels give what
`torchvision.transforms.v2.functional` gives for the same parameters (a test holds them to it), at
a fraction of the time of its transforms called picture by picture (`bench/training.py`).
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
    """Draw mirror, rotation, scale and shift."""
    angle = _spread(draws[:, 0], settings.rotation_deg)
    zoom = torch.exp(_spread(draws[:, 1], math.log1p(settings.scale)))
    is_mirrored = (draws[:, 4] < 0.5) & settings.flip
    return warp(images, angle, zoom, _spread(draws[:, 2:4], settings.shift), is_mirrored)


def warp(
    images: Tensor, angle_deg: Tensor, zoom: Tensor, shift: Tensor, is_mirrored: Tensor
) -> Tensor:
    """Move, then scale and turn about the middle, then mirror, in one bilinear resampling.

    As `v2.functional.affine` and `horizontal_flip`, but what comes in from outside mirrors the rim.

    Args:
        images: (n, 3, h, w).
        angle_deg: (n,) clockwise rotation.
        zoom: (n,) scale; more than 1 enlarges.
        shift: (n, 2) to the right and down, as a share of the side, before scaling.
        is_mirrored: (n,) whether left and right are swapped at the end.
    """
    angle = torch.deg2rad(angle_deg)
    cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    mirror = torch.where(is_mirrored, -1.0, 1.0)
    rows = [torch.stack([cos * mirror, sin, -2 * shift[:, 0]], 1)]
    rows.append(torch.stack([-sin * mirror, cos, -2 * shift[:, 1]], 1))
    grid = _grid(torch.stack(rows, 1), images.shape[2], images.shape[3], images.device)
    return functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def _grid(theta: Tensor, height: int, width: int, device: torch.device) -> Tensor:
    """`functional.affine_grid` without its product of matrices: a tenth of the time on the CPU."""
    theta = theta.to(device)
    across = (2 * torch.arange(width, device=device) + 1) / width - 1
    down = (2 * torch.arange(height, device=device) + 1) / height - 1
    grid = torch.empty((len(theta), height, width, 2), device=device)
    for axis in (0, 1):
        along = theta[:, axis, 0, None] * across + theta[:, axis, 2, None]
        beside = theta[:, axis, 1, None] * down
        torch.add(along[:, None, :], beside[:, :, None], out=grid[..., axis])
    return grid


def _soften(images: Tensor, settings: Augmentation, draws: Tensor) -> Tensor:
    """Mix in a 3 x 3 mean, as a lens out of focus or a low bit rate would."""
    if settings.blur == 0:
        return images
    blurred = functional.avg_pool2d(images, 3, stride=1, padding=1, count_include_pad=False)
    weight = (draws * settings.blur).view(-1, 1, 1, 1).to(images.device)
    return torch.lerp(images, blurred, weight)


def _recolour(images: Tensor, settings: Augmentation, draws: Tensor) -> Tensor:
    """Draw brightness, contrast and saturation."""
    gain = 1 + _spread(draws[:, 0], settings.brightness)
    contrast = 1 + _spread(draws[:, 1], settings.contrast)
    saturation = 1 + _spread(draws[:, 2], settings.saturation)
    return recolour(images, gain, contrast, saturation)


def recolour(images: Tensor, gain: Tensor, contrast: Tensor, saturation: Tensor) -> Tensor:
    """Brightness, contrast and saturation as one 3 x 3 matrix and one offset per picture.

    As `v2.functional.adjust_brightness`, `adjust_contrast` and `adjust_saturation` one after the
    other, but nothing is cut off at white in between.

    Args:
        images: (n, 3, h, w).
        gain: (n,) factor of brightness.
        contrast: (n,) factor about the picture's mean grey.
        saturation: (n,) factor about each pixel's grey.
    """
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
    """Paint a grey rectangle of the picture's proportions over some of the pictures."""
    height, width = images.shape[2:]
    low, high = settings.erase_area
    for row, (chance, size, down, across) in enumerate(draws.tolist()):
        if chance < settings.erase_prob:
            side = math.sqrt(low + size * (high - low))
            tall, wide = round(side * height), round(side * width)
            top, left = round(down * (height - tall)), round(across * (width - wide))
            images[row, :, top : top + tall, left : left + wide] = 0.5
    return images
