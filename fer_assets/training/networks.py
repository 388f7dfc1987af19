"""Networks: a timm architecture with its weights, a new last layer, its own normalisation.

Belongs here: building. Does not belong here: training (`loop.py`), which weights there are and
where they come from (`starts.py`), weights on disk (`weights/`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fer_assets.compute.torch_setup import import_torch
from fer_assets.training.recipes import RANDOM_WEIGHTS, Recipe, RecipeError
from fer_assets.training.start_loading import fill_body
from fer_assets.training.starts import Start, find_start, tagged_backbone


class PictureNetwork(nn.Module):
    """A network that takes pictures in [0, 1] and normalises them as its weights expect.

    Attributes:
        body: the timm network, last layer included.
        mean: per channel, in pixel units of 0-255.
        std: likewise.
        frozen: names of modules of the body that are not trained.
        start: the weights it started from; None where that isn't known.
        is_only_head_trained: whether all but the last layer is frozen (`train_only_head`).
    """

    def __init__(
        self,
        body: nn.Module,
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
        frozen: tuple[str, ...] = (),
        start: Start | None = None,
    ) -> None:
        super().__init__()
        self.body = body
        self.mean, self.std, self.frozen, self.start = mean, std, frozen, start
        self.is_only_head_trained = False
        for name in frozen:
            body.get_submodule(name).requires_grad_(False)
        scale, offset = _normalisation(mean, std)
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("offset", offset, persistent=False)

    def train(self, mode: bool = True) -> PictureNetwork:
        """Switch between training and evaluation; what is frozen stays in evaluation."""
        super().train(mode)
        if self.is_only_head_trained:
            self.body.eval()
            for head in self.heads():
                head.train(mode)
        for name in self.frozen:
            self.body.get_submodule(name).eval()
        return self

    def train_only_head(self, is_only_head: bool) -> None:
        """Freeze all but the last layer, batch statistics included; or thaw what this froze."""
        self.is_only_head_trained = is_only_head
        self.body.requires_grad_(not is_only_head)
        for parameter in self.head_parameters():
            parameter.requires_grad_(True)
        for name in self.frozen:
            self.body.get_submodule(name).requires_grad_(False)
        self.train(self.training)

    def replace_head(self, n_classes: int, seed: int) -> None:
        """A new last layer of `n_classes` outputs, drawn from `seed`; 0 for none.

        Torch's own generator is left as it was.
        """
        body: Any = self.body
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            body.reset_classifier(n_classes)
        self.to(device=self.get_buffer("scale").device)

    def heads(self) -> tuple[nn.Module, ...]:
        """The last layer, or all last layers of a network with several."""
        head: Any = self.body.get_classifier()  # type: ignore[operator]
        return tuple(head) if isinstance(head, tuple | list) else (head,)

    def head_parameters(self) -> list[nn.Parameter]:
        """Parameters of the last layer, or of all last layers of a network with several."""
        return [parameter for one in self.heads() for parameter in one.parameters()]

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n, n_classes) of (n, 3, h, w) float32 RGB pictures in [0, 1]."""
        logits: Tensor = self.body(self.normalised(images))
        return logits

    def normalised(self, images: Tensor) -> Tensor:
        """Pictures in [0, 1] as the body expects them."""
        return torch.addcmul(self.get_buffer("offset"), images, self.get_buffer("scale"))


def _normalisation(mean: tuple[float, ...], std: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    deviation = torch.tensor(std).view(1, 3, 1, 1)
    return 255 / deviation, -torch.tensor(mean).view(1, 3, 1, 1) / deviation


def create_body(backbone: str, n_classes: int | None, image_px: int | None = None) -> Any:
    """An untrained timm network; draws from torch's own generator.

    Args:
        backbone: timm's name of the architecture.
        n_classes: number of outputs; None for as many as its own weights have.
        image_px: side of the square it will see, for architectures with one fixed size; None
            leaves them at their own.

    Raises:
        RecipeError: timm has no architecture of that name, it has no last layer to replace, or
            it can't take pictures of that size.
    """
    import_torch()
    import timm

    if not timm.is_model(backbone):
        raise RecipeError(
            f"backbone {backbone}",
            expected="an architecture that timm knows",
            remedy="timm.list_models() names them.",
        )
    more: dict[str, Any] = {} if n_classes is None else {"num_classes": n_classes}
    _known_tag(backbone)
    body = timm.create_model(backbone, pretrained=False, in_chans=3, **more)
    if not hasattr(body, "get_classifier") or not hasattr(body, "reset_classifier"):
        raise RecipeError(
            f"backbone {backbone}",
            expected="a network for classification, with a last layer to replace",
            found="none (it has no get_classifier)",
        )
    if image_px is not None:
        set_picture_size(body, backbone, image_px)
    return body


def set_picture_size(body: Any, backbone: str, image_px: int) -> None:
    """Make a network of one fixed picture size take another; the others take any size as it is.

    Raises:
        RecipeError: it can't.
    """
    cfg = body.pretrained_cfg
    own = cfg["input_size"][-1]
    if not cfg.get("fixed_input_size") or own == image_px:
        return
    if not hasattr(body, "set_input_size"):
        raise _wrong_size(backbone, image_px, f"one size only, {own} px")
    try:
        body.set_input_size(img_size=(image_px, image_px))
    except (AssertionError, RuntimeError, ValueError) as error:
        raise _wrong_size(backbone, image_px, str(error) or "a size it can't divide") from error


def build_network(recipe: Recipe, n_classes: int, weights_folder: Path) -> PictureNetwork:
    """The recipe's backbone with its weights and a new last layer of `n_classes` outputs.

    The new layer is drawn from `recipe.seed`; torch's own generator is left as it was. With 0
    classes there is none.

    Raises:
        RecipeError: the weights can't be had, or belong to another architecture; or the
            architecture can't classify pictures of the recipe's size.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        if recipe.weights == RANDOM_WEIGHTS:
            body = create_body(recipe.backbone, n_classes, recipe.image_px)
            start = find_start(recipe, None, weights_folder)
        else:
            body = create_body(tagged_backbone(recipe), None)
            start = find_start(recipe, _known_tag(tagged_backbone(recipe)), weights_folder)
            fill_body(body, recipe, start)
            body.reset_classifier(n_classes)
            set_picture_size(body, recipe.backbone, recipe.image_px)
        network = PictureNetwork(body, start.mean, start.std, _frozen(recipe, body), start)
        _try_out(network, recipe, n_classes)
    return network


def _known_tag(backbone: str) -> Any:
    """timm's entry on the weights of a backbone; None where it has none.

    Raises:
        RecipeError: the backbone is known, its tag is not.
    """
    import timm

    architecture, _, tag = backbone.partition(".")
    known = timm.models.get_arch_pretrained_cfgs(architecture)
    if tag and backbone not in known:
        tags = [name.partition(".")[2] for name in known]
        raise RecipeError(
            f"weights {tag} of {architecture}",
            expected=f"one of timm's tags {', '.join(tags)}" if any(tags) else "no tag",
            found="none such",
        )
    return timm.get_pretrained_cfg(backbone)


def _frozen(recipe: Recipe, body: nn.Module) -> tuple[str, ...]:
    known = {name for name, _ in body.named_modules()}
    if missing := [name for name in recipe.frozen if name not in known]:
        raise RecipeError(
            f"recipe {recipe.name}: frozen {missing[0]!r}",
            expected=f"a module of {recipe.backbone}",
            found="none of that name",
        )
    return recipe.frozen


def _try_out(network: PictureNetwork, recipe: Recipe, n_classes: int) -> None:
    """One grey picture: what can't be run should say so now, not in the middle of a run."""
    size = recipe.image_px
    try:
        with torch.no_grad():
            logits = network.eval()(torch.full((1, 3, size, size), 0.5))
    # timm's layers say in each of these ways that a picture is too small or indivisible.
    except (AssertionError, RuntimeError, ValueError, IndexError) as error:
        raise _wrong_size(recipe.backbone, size, str(error)) from error
    # Without classes there is no last layer, and what comes is an embedding of any length.
    width = n_classes or (logits.shape[-1] if isinstance(logits, Tensor) else 0)
    if not isinstance(logits, Tensor) or logits.shape != (1, width):
        found = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise RecipeError(
            f"backbone {recipe.backbone}",
            expected=f"logits of shape (1, {n_classes}) for one picture",
            found=str(found),
        )
    network.train()


def _wrong_size(backbone: str, image_px: int, found: str) -> RecipeError:
    return RecipeError(
        f"backbone {backbone}",
        expected=f"an architecture for pictures of {image_px} px (image_px)",
        found=found.splitlines()[0][:300],
        remedy="Take the size of its own weights, mostly 224, or another backbone.",
    )
