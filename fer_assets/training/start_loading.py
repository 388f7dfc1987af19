"""Tensors of a start put into a network: all of them fit, or none is used.

Belongs here: reading safetensors of pre-trained networks and matching their names. Does not belong
here: finding the file (`starts.py`), trained checkpoints (`checkpoints.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from fer_assets.training.recipes import Recipe, RecipeError
from fer_assets.training.starts import FILE_PREFIX, TIMM, Start, tagged_backbone, without_weights
from fer_assets.weights.loading import load_into
from fer_assets.weights.weight import WeightError

_BODY: Final = "body."
_COUNTER: Final = "num_batches_tracked"


def fill_body(body: Any, recipe: Recipe, start: Start) -> None:
    """Fill a timm network, as created with its own classifier, with what it starts from.

    Args:
        body: the network; its classifier may be left as it is.
        recipe: what asks for the weights.
        start: from `find_start`, with a file.

    Raises:
        RecipeError: the file is none of safetensors, or its tensors are not this network's; the
            message names the first that differs.
    """
    assert start.file is not None
    if recipe.weights.startswith(FILE_PREFIX):
        tensors = _tensors(recipe, start)
        _fill_exactly(body, recipe, _without_classifier(body, tensors))
    elif recipe.weights.split("/")[0] == TIMM:
        _fill_from_hub(body, recipe, _tensors(recipe, start))
    else:
        # The folder of weights holds NAME/FILE.
        try:
            load_into(body, recipe.weights, start.file.parent.parent)
        except WeightError as error:
            raise without_weights(recipe, str(error)) from error


def _tensors(recipe: Recipe, start: Start) -> dict[str, Tensor]:
    assert start.file is not None
    try:
        tensors = dict(load_file(start.file))
    except (SafetensorError, KeyError) as error:
        raise RecipeError(
            f"recipe {recipe.name}: weights {start.weights}",
            expected="a safetensors file",
            found=f"something else ({error})",
        ) from error
    if tensors and all(name.startswith(_BODY) for name in tensors):
        if not start.file.with_suffix(".json").is_file():
            raise RecipeError(
                f"recipe {recipe.name}: weights {start.weights}",
                expected="the card beside a checkpoint, which says how pictures are normalised",
                found="none",
            )
        return {name.removeprefix(_BODY): value for name, value in tensors.items()}
    return tensors


def _without_classifier(body: Any, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The file's tensors but its classifier's, whose classes are other ones; ours take their place.

    Which tensors those are, timm says.
    """
    own = body.state_dict()
    named = body.pretrained_cfg.get("classifier") or ()
    heads = (named,) if isinstance(named, str) else tuple(named)
    is_head = tuple(f"{head}." for head in heads)
    kept = {name: value for name, value in tensors.items() if not name.startswith(is_head)}
    ours = {name: value for name, value in own.items() if name.startswith(is_head)}
    # Counters of batches, which older files lack, decide nothing.
    counters = {name: value for name, value in own.items() if name.endswith(_COUNTER)}
    return {**counters, **kept, **ours}


def _fill_exactly(body: Any, recipe: Recipe, tensors: Mapping[str, Tensor]) -> None:
    own = body.state_dict()
    for name in dict.fromkeys([*own, *sorted(tensors)]):
        expected = _described(own.get(name))
        found = _described(tensors.get(name))
        if expected != found:
            raise RecipeError(
                f"recipe {recipe.name}: weights {recipe.weights}, tensor {name}",
                expected=expected,
                found=found,
                remedy=f"They must be timm's {recipe.backbone}, all of it but the classifier.",
            )
    body.load_state_dict(dict(tensors))


def _described(tensor: Tensor | None) -> str:
    return "none" if tensor is None else f"shape {tuple(tensor.shape)}"


def _fill_from_hub(body: Any, recipe: Recipe, tensors: dict[str, Tensor]) -> None:
    """By name where the names are this network's; else timm translates them, strictly."""
    if {name: v.shape for name, v in body.state_dict().items()} == {
        name: v.shape for name, v in tensors.items()
    }:
        body.load_state_dict(tensors)
        return
    import timm

    try:
        translated = timm.create_model(
            tagged_backbone(recipe),
            pretrained=True,
            pretrained_cfg_overlay={"state_dict": tensors},
        )
    except (RuntimeError, KeyError) as error:
        raise RecipeError(
            f"recipe {recipe.name}: weights {recipe.weights}",
            expected=f"the tensors of timm's {recipe.backbone}",
            found=str(error)[:500],
        ) from error
    _fill_exactly(body, recipe, translated.state_dict())
