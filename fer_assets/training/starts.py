"""What a network starts from: weights of the registry, of timm's hub, of a file, or none.

Belongs here: the kinds of `Recipe.weights`, finding their file, and what is known of them. Does not
belong here: the network they go into (`networks.py`), fetching by the registry (`weights/`).

==================  ========================================================================
a registry's name   fetched and verified by `weights/`
``timm``            timm's default weights of the backbone, through its hub; ``timm/TAG`` by tag
``file:PATH``       a local .safetensors with timm's names of exactly that backbone, the
                    classifier optional; or a checkpoint of this project, its card beside it
``random``          none, on purpose
==================  ========================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from fer_assets.training.cards import CheckpointError, read_card
from fer_assets.training.recipes import RANDOM_WEIGHTS, Recipe, RecipeError
from fer_assets.weights.fetching import ensure, file_sha256, pinned_sha256
from fer_assets.weights.registry import find_weight, packaged_backbones
from fer_assets.weights.weight import TimmHub, WeightError, WheelMember

TIMM: Final = "timm"
FILE_PREFIX: Final = "file:"
HUB_FILE: Final = "model.safetensors"

_MIDDLE: Final = (127.5, 127.5, 127.5)
_FREE: Final = frozenset(
    {"apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "unlicense"}
)
_NOT_COMMERCIAL: Final = ("-nc", "noncommercial", "non-commercial", "amlr", "seer", "research")

Channels = tuple[float, float, float]


@dataclass(frozen=True)
class Start:
    """What a network started from, as its card says it.

    Attributes:
        weights: name, e.g. ``efficientnet-lite0-imagenet``, ``timm/resnet18.a1_in1k``.
        source: where they come from, in words.
        sha256: digest of the file; "" for a random start.
        licence: SPDX identifier or the licensor's words; "unknown" where nobody says.
        is_commercial_ok: whether that licence allows commercial use; None where not known.
        restrictions: what else there is to know.
        mean: what the network subtracts, per channel, in pixel units of 0-255.
        std: what it divides by, likewise.
        file: where the tensors are; None for a random start.
    """

    weights: str
    source: str
    sha256: str
    licence: str
    is_commercial_ok: bool | None
    restrictions: str
    mean: Channels
    std: Channels
    file: Path | None

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that whoever uses the trained network must read."""
        if self.file is None:
            return ("Trained from random weights.",)
        if self.is_commercial_ok is None:
            return (f"Whether the weights {self.weights} may be used commercially is not known.",)
        if not self.is_commercial_ok:
            return (f"The licence of the weights {self.weights} forbids commercial use.",)
        return ()

    def to_dict(self) -> dict[str, Any]:
        """The start as plain JSON values; where the file lies on this machine is left out."""
        left_out = ("file", "mean", "std")
        return {name: value for name, value in asdict(self).items() if name not in left_out}


def start_digests(recipe: Recipe, weights_folder: Path) -> dict[str, str]:
    """Name to SHA-256 of what a recipe starts from, for provenance; fetches and imports nothing.

    What the hub has is not known before it is fetched, so timm's weights stand for themselves.

    Raises:
        WeightError: the registry has no such name.
        RecipeError: there is no such file.
    """
    if recipe.weights == RANDOM_WEIGHTS:
        return {}
    if recipe.weights.startswith(FILE_PREFIX):
        file = _local_file(recipe)
        return {f"{FILE_PREFIX}{file.name}": file_sha256(file)}
    if recipe.weights.split("/")[0] == TIMM:
        return {f"{TIMM}/{tagged_backbone(recipe)}": "hub"}
    return {recipe.weights: pinned_sha256(recipe.weights, weights_folder) or "not pinned"}


def tagged_backbone(recipe: Recipe) -> str:
    """timm's name of the backbone with the tag of the weights that the recipe asks timm for."""
    kind, _, tag = recipe.weights.partition("/")
    return f"{recipe.backbone.partition('.')[0]}.{tag}" if kind == TIMM and tag else recipe.backbone


def find_start(recipe: Recipe, pretrained: Any, weights_folder: Path) -> Start:
    """Find, and fetch where needed, what a recipe starts from.

    Args:
        recipe: its `weights` and `backbone` are used.
        pretrained: timm's `PretrainedCfg` of the backbone, with the tag that `weights` asks for.
        weights_folder: where weights are, or are fetched to.

    Raises:
        RecipeError: there are no such weights, or they can't be had.
    """
    if recipe.weights == RANDOM_WEIGHTS:
        return Start(RANDOM_WEIGHTS, "none", "", "", True, "", _MIDDLE, _MIDDLE, None)
    if recipe.weights.startswith(FILE_PREFIX):
        return _of_file(recipe, pretrained)
    if recipe.weights.split("/")[0] == TIMM:
        return _of_hub(recipe, pretrained, weights_folder)
    return _of_registry(recipe, weights_folder)


def _of_registry(recipe: Recipe, weights_folder: Path) -> Start:
    weight = find_weight(recipe.weights)
    if weight.architecture != recipe.backbone or weight.input.channels != "rgb":
        raise RecipeError(
            f"recipe {recipe.name}: weights {recipe.weights}",
            expected=f"weights of {recipe.backbone}, RGB",
            found=f"weights of {weight.architecture}, {weight.input.channels}",
        )
    try:
        file = ensure(recipe.weights, weights_folder)
    except WeightError as error:
        raise without_weights(recipe, str(error)) from error
    match weight.source:
        case WheelMember(package=package, version=version):
            source = f"package {package} {version}"
        case TimmHub(model=model):
            source = f"timm's hub, {model}"
        case _:
            source = type(weight.source).__name__
    return Start(
        weights=weight.name,
        source=source,
        sha256=str(pinned_sha256(weight.name, weights_folder)),
        licence=weight.licence,
        is_commercial_ok=weight.is_commercial_ok,
        restrictions=weight.restrictions,
        mean=weight.input.mean,
        std=weight.input.std,
        file=file,
    )


def _of_hub(recipe: Recipe, pretrained: Any, weights_folder: Path) -> Start:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    if pretrained is None or not pretrained.hf_hub_id:
        raise without_weights(recipe, f"timm's hub has none of {recipe.backbone} under that name")
    name = f"{TIMM}/{pretrained.architecture}.{pretrained.tag}"
    try:
        file = Path(
            hf_hub_download(pretrained.hf_hub_id, HUB_FILE, cache_dir=weights_folder / "hub")
        )
    # A hub that can't be reached is an OSError too: the client says so in its own words.
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise without_weights(recipe, f"{pretrained.hf_hub_id}: {error}") from error
    licence = str(pretrained.license or "unknown").lower()
    return Start(
        weights=name,
        source=f"{pretrained.hf_hub_id} on the Hugging Face hub",
        sha256=file_sha256(file),
        licence=licence,
        is_commercial_ok=allows_commercial_use(licence),
        restrictions=str(pretrained.notes or ""),
        mean=_pixels(pretrained.mean),
        std=_pixels(pretrained.std),
        file=file,
    )


def _of_file(recipe: Recipe, pretrained: Any) -> Start:
    file = _local_file(recipe)
    card = _card_beside(file)
    known = card.get("weights", {})
    has_mean = bool(card) or pretrained is not None
    return Start(
        weights=f"{FILE_PREFIX}{file.name}",
        source="a local file" + (f", trained from {known['weights']}" if known else ""),
        sha256=file_sha256(file),
        licence=str(known.get("licence") or "unknown"),
        is_commercial_ok=known.get("is_commercial_ok"),
        restrictions=str(known.get("restrictions", "")),
        mean=_channels(card["mean"]) if card else _pixels(pretrained.mean) if has_mean else _MIDDLE,
        std=_channels(card["std"]) if card else _pixels(pretrained.std) if has_mean else _MIDDLE,
        file=file,
    )


def _local_file(recipe: Recipe) -> Path:
    file = Path(recipe.weights.removeprefix(FILE_PREFIX)).expanduser()
    thing = f"recipe {recipe.name}: weights {recipe.weights}"
    if file.suffix != ".safetensors":
        raise RecipeError(
            thing,
            expected="a .safetensors file: nothing here unpickles",
            found=file.suffix or "no suffix",
            remedy="Convert it where you trust it: safetensors.torch.save_file(torch.load(PATH, "
            'weights_only=True), "weights.safetensors").',
        )
    if not file.is_file():
        raise RecipeError(thing, expected=f"the file {file.absolute()}", found="none")
    return file


def _card_beside(file: Path) -> Mapping[str, Any]:
    """The card, where the file is a checkpoint of this project; {} where it is none."""
    beside = file.with_suffix(".json")
    if not beside.is_file():
        return {}
    try:
        return read_card(beside.read_bytes())
    except CheckpointError:
        return {}  # some other JSON; tensors that need a card are refused when they are loaded


def allows_commercial_use(licence: str) -> bool | None:
    """Whether a licence that timm names allows commercial use; None where that isn't known."""
    if licence in _FREE:
        return True
    return False if any(word in licence for word in _NOT_COMMERCIAL) else None


def _pixels(values: tuple[float, ...]) -> Channels:
    return _channels([value * 255 for value in values])


def _channels(values: Any) -> Channels:
    red, green, blue = (float(value) for value in values)
    return red, green, blue


def without_weights(recipe: Recipe, why: str) -> RecipeError:
    """Weights that can't be had, and what there is instead: never a silent random start."""
    packaged = ", ".join(
        f"{name} ({find_weight(name).architecture})" for name in packaged_backbones()
    )
    return RecipeError(
        f"recipe {recipe.name}: weights {recipe.weights} can't be had",
        found=why,
        remedy="Recipe tiktokfer-lite0 and the backbones affect-lite0 and affect-mobilenetv2 need "
        f"no model hub. Weights that come as a package: {packaged}. Or bring a file: weights = "
        f'"{FILE_PREFIX}PATH.safetensors" of {recipe.backbone}.',
    )
