"""Variation: the same seed the same pictures; each change does what it says and no more."""

from __future__ import annotations

import numpy as np
import torch

from fer_assets.training.augmentation import augment
from fer_assets.training.predicting import to_tensor
from fer_assets.training.recipes import Augmentation
from fer_assets_tests.training.tiny import bars

NONE = Augmentation(
    flip=False,
    rotation_deg=0,
    shift=0,
    scale=0,
    brightness=0,
    contrast=0,
    saturation=0,
    erase_prob=0,
)


def pictures(n: int = 8) -> torch.Tensor:
    return to_tensor(bars(n, 1)[0], "cpu")


def varied(settings: Augmentation, seed: int = 0, n: int = 8) -> torch.Tensor:
    return augment(pictures(n), settings, torch.Generator().manual_seed(seed))


def test_no_variation_changes_nothing() -> None:
    torch.testing.assert_close(varied(NONE), pictures(), atol=1e-5, rtol=0)


def test_the_same_seed_gives_the_same_pictures_in_range() -> None:
    full = Augmentation(blur=0.8, noise=0.1, erase_prob=0.5)
    first, again, other = varied(full), varied(full), varied(full, seed=1)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.min() >= 0
    assert first.max() <= 1
    changes = (first - pictures()).abs().mean((1, 2, 3))
    assert len(set(changes.tolist())) == len(changes)


def test_flip_mirrors_half_of_them() -> None:
    settings = Augmentation(**{**NONE.__dict__, "flip": True})
    images, found = pictures(64), varied(settings, n=64)
    is_same = [torch.allclose(a, b, atol=1e-5) for a, b in zip(found, images, strict=True)]
    is_mirror = [
        torch.allclose(a, b.flip(-1), atol=1e-5) for a, b in zip(found, images, strict=True)
    ]
    assert all(a or b for a, b in zip(is_same, is_mirror, strict=True))
    assert 16 < sum(is_mirror) < 48


def test_colour_keeps_grey_pictures_grey_and_scales_by_at_most_what_is_said() -> None:
    settings = Augmentation(**{**NONE.__dict__, "saturation": 0.5, "brightness": 0.2})
    grey = torch.full((32, 3, 4, 4), 0.5)
    found = augment(grey, settings, torch.Generator().manual_seed(0))
    assert (found.std(1) < 1e-5).all()
    assert 0.4 <= found.min() < 0.45
    assert 0.55 < found.max() <= 0.6


def test_contrast_keeps_the_mean() -> None:
    settings = Augmentation(**{**NONE.__dict__, "contrast": 0.5})
    images = 0.25 + 0.5 * torch.rand((16, 1, 8, 8), generator=torch.Generator().manual_seed(0))
    images = images.expand(16, 3, 8, 8).contiguous()
    found = augment(images, settings, torch.Generator().manual_seed(0))
    torch.testing.assert_close(found.mean((1, 2, 3)), images.mean((1, 2, 3)), atol=1e-4, rtol=0)
    assert found.std((1, 2, 3)).std() > 0.01


def test_erasing_blanks_the_share_it_says() -> None:
    settings = Augmentation(**{**NONE.__dict__, "erase_prob": 1.0, "erase_area": (0.1, 0.2)})
    found = augment(torch.zeros((64, 3, 50, 50)), settings, torch.Generator().manual_seed(0))
    shares = (found == 0.5).float().mean((1, 2, 3)).numpy()
    assert 0.09 < shares.min() < shares.max() < 0.22
    assert np.std(shares) > 0.01


def test_rotation_turns_about_the_middle() -> None:
    settings = Augmentation(**{**NONE.__dict__, "rotation_deg": 90.0})
    images = torch.zeros((16, 3, 33, 33))
    images[:, :, 16, 16] = 1
    found = augment(images, settings, torch.Generator().manual_seed(0))
    assert (found[:, 0].flatten(1).argmax(1) == 16 * 33 + 16).all()
