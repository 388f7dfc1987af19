"""Each kernel of the variation against `torchvision.transforms.v2.functional`."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from fer_assets.compute.torch_setup import import_torch
from fer_assets.training.augmentation import augment, recolour, warp
from fer_assets.training.recipes import Augmentation

SIDE = 48
NOTHING = Augmentation(False, 0, 0, 0, 0, 0, 0, erase_prob=0)


@pytest.fixture(scope="module")
def v2() -> Any:
    import_torch()
    from torchvision.transforms import v2

    return v2


def smooth(n: int = 1, low: float = 0.25, high: float = 0.75) -> torch.Tensor:
    """(n, 3, SIDE, SIDE) soft pictures within a range that no change here drives out of [0, 1]."""
    noise = torch.rand((n, 3, 8, 8), generator=torch.Generator().manual_seed(0))
    large = torch.nn.functional.interpolate(noise, SIDE, mode="bicubic").clamp(0, 1)
    return low + (high - low) * large


@pytest.mark.parametrize("is_mirrored", [False, True])
@pytest.mark.parametrize(
    ("angle", "zoom", "across", "down"),
    [(0, 1, 0, 0), (17, 1, 0, 0), (0, 1.3, 0, 0), (0, 1, 6, -3), (-25, 0.8, 3, 6), (9, 1.2, -6, 3)],
)
def test_warp_is_torchvision_s_affine_inside(
    v2: Any, angle: float, zoom: float, across: int, down: int, is_mirrored: bool
) -> None:
    images = smooth()
    found = warp(
        images,
        torch.tensor([float(angle)]),
        torch.tensor([float(zoom)]),
        torch.tensor([[across / SIDE, down / SIDE]]) / zoom,
        torch.tensor([is_mirrored]),
    )
    options = {
        "angle": angle,
        "translate": [across, down],
        "scale": zoom,
        "shear": [0.0, 0.0],
        "interpolation": v2.InterpolationMode.BILINEAR,
    }
    # In torchvision's the shift comes after the turn; here before: so turn it back.
    turned = torch.deg2rad(torch.tensor(float(angle)))
    cos, sin = float(torch.cos(turned)), float(torch.sin(turned))
    options["translate"] = [cos * across - sin * down, sin * across + cos * down]
    expected = v2.functional.affine(images, **options)
    is_inside = v2.functional.affine(torch.ones_like(images), **options) > 0.999
    if is_mirrored:
        expected, is_inside = (v2.functional.horizontal_flip(x) for x in (expected, is_inside))
    assert is_inside.float().mean() > 0.5
    torch.testing.assert_close(found[is_inside], expected[is_inside], atol=2e-5, rtol=0)


def test_what_comes_in_from_outside_mirrors_the_rim() -> None:
    images = smooth()
    still = torch.zeros(1), torch.ones(1)
    found = warp(images, *still, torch.tensor([[5 / SIDE, 0.0]]), torch.tensor([False]))
    torch.testing.assert_close(found[..., 5:], images[..., :-5], atol=1e-5, rtol=0)
    torch.testing.assert_close(found[..., :5], images[..., :5].flip(-1), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("gain", "contrast", "saturation"),
    [(1.2, 1, 1), (1, 0.7, 1), (1, 1, 0.5), (1, 1, 1.4), (0.8, 1.3, 0.6), (1.2, 0.8, 1.3)],
)
def test_recolour_is_torchvision_s_three_changes(
    v2: Any, gain: float, contrast: float, saturation: float
) -> None:
    images = smooth(4, 0.35, 0.6)
    factors = (torch.full((4,), float(value)) for value in (gain, contrast, saturation))
    found = recolour(images, *factors)
    change = v2.functional
    expected = change.adjust_brightness(images, gain)
    expected = change.adjust_contrast(expected, contrast)
    expected = change.adjust_saturation(expected, saturation)
    assert 0 < expected.min() < expected.max() < 1
    # Their weight of red in grey is 0.2989, ours 0.299.
    torch.testing.assert_close(found, expected, atol=2e-4, rtol=0)


def test_a_batch_is_its_pictures_one_by_one() -> None:
    images = smooth(5)
    draws = torch.rand((5, 5), generator=torch.Generator().manual_seed(1))
    moves = 40 * draws[:, 0] - 20, 0.8 + 0.4 * draws[:, 1], 0.1 * draws[:, 2:4], draws[:, 4] < 0.5
    together = warp(images, *moves)
    alone = [warp(images[n : n + 1], *(move[n : n + 1] for move in moves)) for n in range(5)]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-6, rtol=0)
    factors = 0.8 + 0.4 * draws[:, 0], 0.8 + 0.4 * draws[:, 1], 0.8 + 0.4 * draws[:, 2]
    together = recolour(images, *factors)
    alone = [recolour(images[n : n + 1], *(f[n : n + 1] for f in factors)) for n in range(5)]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-6, rtol=0)


def test_erasing_is_torchvision_s_erase(v2: Any) -> None:
    settings = Augmentation(**{**NOTHING.__dict__, "erase_prob": 1.0, "erase_area": (0.04, 0.2)})
    images = smooth(16)
    found = augment(images, settings, torch.Generator().manual_seed(0))
    for before, after in zip(images, found, strict=True):
        rows, columns = torch.nonzero((after[0] - before[0]).abs() > 1e-4, as_tuple=True)
        top, left = int(rows.min()), int(columns.min())
        tall, wide = int(rows.max()) - top + 1, int(columns.max()) - left + 1
        assert tall == wide
        expected = v2.functional.erase(before, top, left, tall, wide, torch.tensor(0.5))
        torch.testing.assert_close(after, expected, atol=1e-5, rtol=0)


def test_every_change_is_drawn_for_each_picture_and_within_what_is_said() -> None:
    """A spot's place after the warp tells turn, scale and shift of each picture."""
    settings = Augmentation(**{**NOTHING.__dict__, "shift": 0.1})
    images = torch.zeros((64, 3, 41, 41))
    images[:, :, 20, 20] = 1
    found = augment(images, settings, torch.Generator().manual_seed(0))
    weights = found[:, 0].clamp(0)
    place = torch.arange(41.0) - 20
    total = weights.sum((1, 2))
    across = (weights.sum(1) * place).sum(1) / total
    down = (weights.sum(2) * place).sum(1) / total
    for moved in (across, down):
        assert moved.abs().max() <= 0.1 * 41 + 1e-3
        assert moved.abs().max() > 0.08 * 41
        assert moved.std() > 1
    assert abs(float(torch.corrcoef(torch.stack([across, down]))[0, 1])) < 0.3
