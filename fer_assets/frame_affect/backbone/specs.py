"""Expression backbones: which there are, what each starts from, how its three phases are trained.

Belongs here: the presets, settings of `[frame_affect.backbones.NAME]`, their checks. Does not
belong here: carrying the phases out (`training.py`), where a settings file lies
(`lines/frame_affect/`).

The paper (Savchenko, CVPRW 2022, section 3) says: identities of VGGFace2 for 8 epochs with Adam and
SAM, the epoch with the best validation accuracy kept; then AffectNet with weighted softmax
cross-entropy, a new last layer for 3 epochs at 1e-3 and the whole network for 5 at 1e-4. It does
not say batch sizes, the first phase's rate and schedule, SAM's radius or augmentation: those are
ours.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

from fer_assets.errors import FerError
from fer_assets.training.recipes import TIMM_PREFIX, Augmentation, Recipe, find_recipe

Phase = Literal["identity", "head", "all"]
PHASES: Final[tuple[Phase, ...]] = ("identity", "head", "all")

DEFAULT_BACKBONE: Final = "affect-lite0"
"""Its weights come as a package."""

POOLED_RELEASE: Final = "pooled_release"
"""What `expressions` says for this project's own release over all prompted challenges."""

SETTINGS_TABLE: Final = "frame_affect.backbones"

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]*")
_FIELDS: Final = ("architecture", "weights", "image_px", "identities", "expressions")
_OF_THE_BACKBONE: Final = ("name", "backbone", "weights", "image_px")
_WITHOUT_USE: Final = ("view", "target", "classes", "frozen", "flip_average", "train_final")


class BackboneError(FerError):
    """A backbone that there is not, or settings of one that can't be carried out."""


@dataclass(frozen=True)
class BackboneSpec:
    """One expression backbone.

    Attributes:
        name: in lower case; its files are called so.
        architecture: timm's name.
        weights: what it starts from, as in `Recipe.weights`.
        image_px: side of the square it sees.
        identities: folder of folders of pictures, one per person; empty for no pre-training.
        expressions: class folders, a table, AffectNet's files or `POOLED_RELEASE`; empty for none.
        identity: how it learns people.
        head: how its new last layer learns expressions, all else frozen.
        all: how the whole network goes on to learn them.
    """

    name: str
    architecture: str
    weights: str
    image_px: int
    identities: str
    expressions: str
    identity: Recipe
    head: Recipe
    all: Recipe

    def recipe(self, phase: Phase) -> Recipe:
        """How a phase is trained."""
        found: Recipe = getattr(self, phase)
        return found


@dataclass(frozen=True)
class PaperFigures:
    """Accuracies of the paper: people of VGGFace2's, expressions of AffectNet's validation set."""

    identity: float
    expression: float


PAPER_FIGURES: Final[Mapping[str, PaperFigures]] = MappingProxyType(
    {
        "mobilenetv1_100": PaperFigures(0.921, 0.6071),
        "tf_efficientnet_b0": PaperFigures(0.9419, 0.6132),
        "tf_efficientnet_b2": PaperFigures(0.9549, 0.6303),
    }
)
"""By architecture. Source: section 3; where it trains on AffectNet and VGGFace2 only."""

_PRESETS: Final[Mapping[str, tuple[str, str, int]]] = MappingProxyType(
    {
        DEFAULT_BACKBONE: ("tf_efficientnet_lite0", "efficientnet-lite0-imagenet", 224),
        "affect-mobilenet": ("mobilenetv1_100", "timm", 224),
        "affect-mobilenetv2": ("mobilenetv2_100", "mobilenetv2-imagenet", 224),
        "affect-b0": ("tf_efficientnet_b0", "timm", 224),
        "affect-b2": ("tf_efficientnet_b2", "timm", 300),
    }
)
"""Name to architecture, weights and picture size; lite0 and mobilenetv2 come as packages."""

PRESETS: Final = tuple(_PRESETS)

_VARIATION: Final = Augmentation(
    rotation_deg=8.0,
    shift=0.04,
    scale=0.08,
    brightness=0.2,
    contrast=0.2,
    saturation=0.2,
    erase_prob=0.0,
)


def _base(phase: Phase) -> dict[str, Any]:
    """The fields of a phase's recipe that all backbones share."""
    shared: dict[str, Any] = {
        "label_smoothing": 0.0,
        "flip_average": False,
        "train_final": False,
        "augmentation": _VARIATION,
    }
    if phase == "identity":
        return shared | {
            "optimiser": "sam",
            "sam_base": "adam",
            "sam_rho": 0.05,
            "learning_rate": 1e-3,
            "schedule": "one_cycle",
            "batch_size": 64,
            "max_epochs": 8,
            # As many as there are epochs: never stops early, and keeps the best one.
            "patience": 8,
        }
    rate, epochs = (1e-3, 3) if phase == "head" else (1e-4, 5)
    return shared | {
        "optimiser": "adam",
        "learning_rate": rate,
        "schedule": "constant",
        "batch_size": 32,
        "max_epochs": epochs,
        "class_weights": "balanced",
    }


def find_spec(name: str, settings: Mapping[str, Any] | None = None) -> BackboneSpec:
    """The backbone called `name`.

    Args:
        name: one of `PRESETS`; "timm/ARCHITECTURE" for any network of timm's with the weights its
            hub has; any other name if the settings give it an architecture.
        settings: its table of settings.toml: architecture, weights, image_px, identities,
            expressions, and tables identity, head and all with fields of their recipes.

    Raises:
        BackboneError: there is no such backbone, or its settings have an unknown key.
        RecipeError: a recipe has no such field, or a value is of another type or impossible.
    """
    given = dict(settings or {})
    thing = f"{SETTINGS_TABLE}.{name}"
    _check_keys(given, thing)
    architecture, weights, image_px = _start(name, given, thing)
    spec_name = backbone_key(name)

    def phase(which: Phase) -> Recipe:
        recipe = Recipe(f"{spec_name}/{which}", architecture, weights, image_px, **_base(which))
        return _overridden(recipe, given.get(which, {}), f"{thing}.{which}")

    return BackboneSpec(
        name=spec_name,
        architecture=architecture,
        weights=weights,
        image_px=image_px,
        identities=given.get("identities", ""),
        expressions=given.get("expressions", ""),
        identity=phase("identity"),
        head=phase("head"),
        all=phase("all"),
    )


def backbone_key(name: str) -> str:
    """The name that a backbone's files have: "timm/resnet18" is kept as "timm-resnet18".

    Raises:
        BackboneError: it can't be a name.
    """
    key = name.replace("/", "-") if name.startswith(TIMM_PREFIX) else name
    if not _NAME.fullmatch(key):
        raise BackboneError(
            f"backbone {name!r}",
            expected="a name of lower-case letters, digits, dots, hyphens and underscores, or "
            f"{TIMM_PREFIX}ARCHITECTURE",
            found="other characters",
        )
    return key


def _check_keys(given: Mapping[str, Any], thing: str) -> None:
    known = (*_FIELDS, *PHASES)
    for key, value in given.items():
        if key not in known:
            raise BackboneError(
                f"{thing}.{key}", expected=f"one of {', '.join(known)}", found="an unknown key"
            )
        kind: type = int if key == "image_px" else dict if key in PHASES else str
        words = {int: "a whole number above 0", dict: "a table of a recipe's fields", str: "a text"}
        is_fine = isinstance(value, kind) and not isinstance(value, bool)
        if not is_fine or (kind is int and value < 1) or (kind is str and not value):
            raise BackboneError(f"{thing}.{key}", expected=words[kind], found=repr(value))


def _start(name: str, given: Mapping[str, Any], thing: str) -> tuple[str, str, int]:
    """Architecture, weights and picture size."""
    if name in _PRESETS:
        architecture, weights, image_px = _PRESETS[name]
    elif name.startswith(TIMM_PREFIX):
        recipe = find_recipe(name)
        architecture, weights, image_px = recipe.backbone, recipe.weights, recipe.image_px
    elif "architecture" in given:
        architecture, weights, image_px = "", "timm", 224
    else:
        raise BackboneError(
            f"backbone {name}",
            expected=f"one of {', '.join(PRESETS)}, or {TIMM_PREFIX}ARCHITECTURE",
            found="none such",
            remedy=f'Or describe it in settings.toml: [{thing}] architecture = "…".',
        )
    chosen = given.get("architecture", architecture).removeprefix(TIMM_PREFIX)
    if chosen != architecture and "weights" not in given:
        weights = "timm"
    return chosen, given.get("weights", weights), given.get("image_px", image_px)


def _overridden(recipe: Recipe, changes: Mapping[str, Any], thing: str) -> Recipe:
    """`recipe` with some fields changed, the backbone's own excepted."""
    for key in changes:
        if key in _OF_THE_BACKBONE:
            raise BackboneError(
                f"{thing}.{key}",
                expected="fields of the phase only",
                found="one of the backbone",
                remedy="Set it beside the phases: all three share it.",
            )
        if key in _WITHOUT_USE:
            raise BackboneError(
                f"{thing}.{key}", expected="a field that a phase uses", found="one without use here"
            )
    return recipe.changed(changes, thing)


def plain_spec(spec: BackboneSpec) -> dict[str, Any]:
    """What decides a backbone's weights apart from its data, as plain values."""
    values = dataclasses.asdict(spec)
    # Where data lies decides nothing: its content does.
    for which, phases in (("identities", ("identity",)), ("expressions", ("head", "all"))):
        has_data = bool(values.pop(which))
        if not has_data:
            for phase in phases:
                values.pop(phase)
    return values
