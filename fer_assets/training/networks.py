"""Networks: a timm architecture with its weights, a new last layer, its own normalisation.

Belongs here: building. Does not belong here: training (`loop.py`), weights on disk (`weights/`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fer_assets.compute.torch_setup import import_torch
from fer_assets.training.recipes import RANDOM_WEIGHTS, Recipe, RecipeError
from fer_assets.weights.fetching import ensure
from fer_assets.weights.loading import load_into
from fer_assets.weights.registry import find_weight, packaged_backbones
from fer_assets.weights.weight import WeightError

_MIDDLE = (127.5, 127.5, 127.5)


class PictureNetwork(nn.Module):
    """A network that takes pictures in [0, 1] and normalises them as its weights expect.

    Attributes:
        body: the timm network, last layer included.
        mean: per channel, in pixel units of 0-255.
        std: likewise.
        frozen: names of modules of the body that are not trained.
    """

    def __init__(
        self,
        body: nn.Module,
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
        frozen: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.body = body
        self.mean, self.std, self.frozen = mean, std, frozen
        for name in frozen:
            body.get_submodule(name).requires_grad_(False)
        scale, offset = _normalisation(mean, std)
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("offset", offset, persistent=False)

    def train(self, mode: bool = True) -> PictureNetwork:
        """Switch between training and evaluation; what is frozen stays in evaluation."""
        super().train(mode)
        for name in self.frozen:
            self.body.get_submodule(name).eval()
        return self

    def head_parameters(self) -> list[nn.Parameter]:
        """Parameters of the last layer."""
        head: nn.Module = self.body.get_classifier()  # type: ignore[operator]
        return list(head.parameters())

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n, n_classes) of (n, 3, h, w) float32 RGB pictures in [0, 1]."""
        normalised = torch.addcmul(self.get_buffer("offset"), images, self.get_buffer("scale"))
        logits: Tensor = self.body(normalised)
        return logits


def _normalisation(mean: tuple[float, ...], std: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    deviation = torch.tensor(std).view(1, 3, 1, 1)
    return 255 / deviation, -torch.tensor(mean).view(1, 3, 1, 1) / deviation


def create_body(backbone: str, n_classes: int) -> Any:
    """An untrained timm network with `n_classes` outputs.

    Raises:
        RecipeError: timm has no architecture of that name.
    """
    import_torch()
    import timm

    if not timm.is_model(backbone):
        raise RecipeError(
            f"backbone {backbone}",
            expected="an architecture that timm knows",
            remedy="timm.list_models() names them.",
        )
    return timm.create_model(backbone, pretrained=False, num_classes=n_classes)


def build_network(recipe: Recipe, n_classes: int, weights_folder: Path) -> PictureNetwork:
    """The recipe's backbone with its weights and a new last layer of `n_classes` outputs.

    The new layer is drawn from `recipe.seed`; torch's own generator is left as it was.

    Raises:
        RecipeError: the weights can't be had, or belong to another architecture.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        if recipe.weights == RANDOM_WEIGHTS:
            body = create_body(recipe.backbone, n_classes)
            return PictureNetwork(body, _MIDDLE, _MIDDLE, _frozen(recipe, body))
        weight = find_weight(recipe.weights)
        if weight.architecture != recipe.backbone or weight.input.channels != "rgb":
            raise RecipeError(
                f"recipe {recipe.name}: weights {recipe.weights}",
                expected=f"weights of {recipe.backbone}, RGB",
                found=f"weights of {weight.architecture}, {weight.input.channels}",
            )
        body = create_body(recipe.backbone, 1000)
        try:
            ensure(recipe.weights, weights_folder)
            load_into(body, recipe.weights, weights_folder)
        except WeightError as error:
            raise _without_weights(recipe, error) from error
        body.reset_classifier(n_classes)
    return PictureNetwork(body, weight.input.mean, weight.input.std, _frozen(recipe, body))


def _frozen(recipe: Recipe, body: nn.Module) -> tuple[str, ...]:
    known = {name for name, _ in body.named_modules()}
    if missing := [name for name in recipe.frozen if name not in known]:
        raise RecipeError(
            f"recipe {recipe.name}: frozen {missing[0]!r}",
            expected=f"a module of {recipe.backbone}",
            found="none of that name",
        )
    return recipe.frozen


def _without_weights(recipe: Recipe, error: WeightError) -> RecipeError:
    packaged = ", ".join(
        f"{name} ({find_weight(name).architecture})" for name in packaged_backbones()
    )
    return RecipeError(
        f"recipe {recipe.name}: weights {recipe.weights} can't be had",
        found=str(error),
        remedy="Recipe tiktokfer-lite0 needs no model hub. Backbones that come as a package: "
        f"{packaged}.",
    )
