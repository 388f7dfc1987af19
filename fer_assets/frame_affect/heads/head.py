"""Heads: from what a backbone makes of a frame to expressions, valence, arousal, action units.

Belongs here: what a head is, its outputs for features, its bytes; numpy only, so that predicting
needs no torch. Does not belong here: training (`training.py`), gaps and smoothing, decisions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as parse_safetensors
from safetensors.numpy import save as format_safetensors

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_EXPRESSIONS
from fer_assets.errors import FerError

Features = Literal["embeddings", "scores", "both"]
Floats = NDArray[np.float32]

FORMAT: Final = 1
"""Raised when card or tensors change meaning; fields that are only added leave it."""

_ALL: Final = (*AFFECT_EXPRESSIONS, "valence", "arousal", *AFFECT_ACTION_UNITS)

OUTPUTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"EXPR": AFFECT_EXPRESSIONS, "VA": _ALL[8:10], "AU": AFFECT_ACTION_UNITS, "MTL": _ALL}
)
"""Task to the names of a head's outputs, in order."""

EXPRESSION: Final = MappingProxyType({"EXPR": slice(0, 8), "MTL": slice(0, 8)})
"""Tasks with expressions, to their place among the outputs: probabilities that sum to 1."""

VALENCE_AROUSAL: Final = MappingProxyType({"VA": slice(0, 2), "MTL": slice(8, 10)})
"""Tasks with valence and arousal, to their place among the outputs: in [-1, 1]."""

ACTION_UNITS: Final = MappingProxyType({"AU": slice(0, 12), "MTL": slice(10, 22)})
"""Tasks with action units, to their place among the outputs: probabilities, one per unit."""

ROWS_AT_ONCE: Final = 65536
"""Rows that `Head.outputs` works on at a time, so that its memory does not grow with a video."""


class HeadError(FerError):
    """A head that can't be read, or features that it can't be given."""


@dataclass(frozen=True)
class Head:
    """A trained head: no layer or one hidden layer (rectified), then the outputs.

    Attributes:
        task: EXPR, VA, AU or MTL.
        features: what it sees of a frame.
        layers: (weights (out, in) float32, biases (out,) float32) per layer.
        thresholds: (12,) float64, probability from which on each action unit is present, chosen
            for each of them; None without action units.
        card: everything else that is known of it.
    """

    task: str
    features: Features
    layers: tuple[tuple[Floats, Floats], ...]
    thresholds: NDArray[np.float64] | None = None
    card: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_layers(self.task, self.layers)
        wanted = (len(AFFECT_ACTION_UNITS),) if self.task in ACTION_UNITS else None
        found = None if self.thresholds is None else self.thresholds.shape
        if found is not None and found != wanted:
            raise HeadError("head: thresholds", expected=f"shape {wanted}", found=str(found))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        return OUTPUTS[self.task]

    @property
    def n_inputs(self) -> int:
        """Length of what it sees."""
        return int(self.layers[0][0].shape[1])

    @property
    def hidden(self) -> int:
        """Neurons of the hidden layer; 0 without one."""
        return 0 if len(self.layers) == 1 else len(self.layers[0][1])

    def outputs(self, inputs: Floats) -> Floats:
        """Outputs for frames, by softmax, tanh and sigmoid.

        Args:
            inputs: (n, n_inputs) float32, as `head_inputs` makes them.

        Returns:
            (n, len(names)) float32: expressions' probabilities, valence and arousal, action
            units' probabilities, as far as the task has them, in this order.

        Raises:
            HeadError: the inputs have another length.
        """
        if inputs.ndim != 2 or inputs.shape[1] != self.n_inputs:
            raise HeadError(
                f"head {self.task} on {self.features}",
                expected=f"inputs of length {self.n_inputs}",
                found=f"shape {inputs.shape}",
                remedy="It learned from another backbone.",
            )
        out = np.empty((len(inputs), len(self.names)), np.float32)
        for start in range(0, len(inputs), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            values = inputs[rows].astype(np.float32, copy=False)
            for number, (weights, biases) in enumerate(self.layers):
                if number:
                    values = np.maximum(values, 0)
                values = values @ weights.T + biases
            out[rows] = activated(self.task, values)
        return out


def activated(task: str, logits: Floats) -> Floats:
    """Softmax, tanh and sigmoid over the logits (n, c) of a task; (n, c) float32."""
    out = np.empty(logits.shape, np.float32)
    if task in EXPRESSION:
        part = logits[:, EXPRESSION[task]]
        powers = np.exp(part - part.max(axis=1, keepdims=True)) if len(part) else part
        out[:, EXPRESSION[task]] = powers / powers.sum(axis=1, keepdims=True)
    if task in VALENCE_AROUSAL:
        out[:, VALENCE_AROUSAL[task]] = np.tanh(logits[:, VALENCE_AROUSAL[task]])
    if task in ACTION_UNITS:
        # tanh, unlike exp, can't overflow.
        out[:, ACTION_UNITS[task]] = 0.5 + 0.5 * np.tanh(0.5 * logits[:, ACTION_UNITS[task]])
    return out


def head_inputs(features: Features, embeddings: Floats, scores: Floats) -> Floats:
    """What a head sees of n frames.

    Args:
        features: embeddings, scores, or both (embeddings first).
        embeddings: (n, d) float32.
        scores: (n, c) float32; (n, 0) of a backbone that was taught no expressions.

    Returns:
        (n, d), (n, c) or (n, d + c) float32.

    Raises:
        HeadError: scores are wanted and there are none.
    """
    if features == "embeddings":
        return embeddings
    if not scores.shape[1]:
        raise HeadError(
            f"head on {features}",
            expected="scores of the backbone's own expressions",
            found="a backbone that was taught none",
            remedy="Use a head on embeddings, or teach the backbone expressions.",
        )
    return scores if features == "scores" else np.hstack((embeddings, scores))


def head_bytes(head: Head) -> tuple[bytes, bytes]:
    """A head as (safetensors, JSON card); the same head always gives the same bytes."""
    tensors: dict[str, NDArray[Any]] = {}
    for number, (weights, biases) in enumerate(head.layers):
        tensors[f"layers.{number}.weight"] = np.ascontiguousarray(weights, np.float32)
        tensors[f"layers.{number}.bias"] = np.ascontiguousarray(biases, np.float32)
    if head.thresholds is not None:
        tensors["thresholds"] = np.ascontiguousarray(head.thresholds, np.float64)
    data = format_safetensors(tensors)
    card = {
        **head.card,
        "format": FORMAT,
        "task": head.task,
        "features": head.features,
        "hidden": head.hidden,
        "outputs": list(head.names),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    return data, json.dumps(card, sort_keys=True, indent=2).encode()


def load_head(data: bytes, card: bytes | Mapping[str, Any]) -> Head:
    """Read what `head_bytes` wrote.

    Args:
        data: the safetensors.
        card: the JSON, or what it holds.

    Raises:
        HeadError: not our card, another file than the card describes, tensors that don't fit the
            task, or numbers that are not finite.
    """
    known = _read_card(card)
    found = hashlib.sha256(data).hexdigest()
    if known["sha256"] != found:
        expected = f"SHA-256 {known['sha256']}, as its card says"
        raise HeadError("head", expected=expected, found=found)
    try:
        tensors = parse_safetensors(data)
    except (SafetensorError, KeyError) as error:
        raise HeadError("head", expected="a safetensors file", found=str(error)) from error
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise HeadError(f"head: tensor {name}", expected="finite numbers", found="others")
    numbers = range(2 if known["hidden"] else 1)
    names = [(f"layers.{n}.weight", f"layers.{n}.bias") for n in numbers]
    if set(tensors) - {"thresholds"} != {name for pair in names for name in pair}:
        expected = f"the tensors of {len(names)} layers"
        raise HeadError("head", expected=expected, found=", ".join(sorted(tensors)))
    layers = tuple((tensors[weight], tensors[bias]) for weight, bias in names)
    return Head(known["task"], known["features"], layers, tensors.get("thresholds"), known)


def _read_card(card: bytes | Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        known = json.loads(card) if isinstance(card, bytes) else card
    except (ValueError, RecursionError) as error:
        raise HeadError("head card", expected="JSON", found=str(error)) from error
    if not isinstance(known, Mapping) or known.get("format") != FORMAT:
        found = f"format {known.get('format')!r}" if isinstance(known, Mapping) else "others"
        raise HeadError("head card", expected=f"a card of format {FORMAT}", found=found)
    for name, choices in (("task", tuple(OUTPUTS)), ("features", ("embeddings", "scores", "both"))):
        if known.get(name) not in choices:
            expected = f"one of {', '.join(choices)}"
            raise HeadError(f"head card: {name}", expected=expected, found=repr(known.get(name)))
    if missing := [name for name in ("hidden", "sha256", "outputs") if name not in known]:
        raise HeadError("head card", expected=f"field {missing[0]}", found="none")
    if list(known["outputs"]) != list(OUTPUTS[known["task"]]):
        expected = ", ".join(OUTPUTS[known["task"]])
        raise HeadError("head card: outputs", expected=expected, found=repr(known["outputs"]))
    return known


def _check_layers(task: str, layers: tuple[tuple[Floats, Floats], ...]) -> None:
    """Each layer fits the next, the last one the task."""
    if task not in OUTPUTS:
        expected = f"one of {', '.join(OUTPUTS)}"
        raise HeadError("head: task", expected=expected, found=repr(task))
    n_in = None
    for weights, biases in layers:
        fits = weights.ndim == 2 and biases.shape == weights.shape[:1]
        if not fits or n_in not in (None, weights.shape[1]):
            found = f"{weights.shape} and {biases.shape}"
            raise HeadError("head: layers", expected="layers that fit each other", found=found)
        n_in = len(biases)
    if n_in != len(OUTPUTS[task]):
        expected = f"{len(OUTPUTS[task])} outputs for {task}"
        raise HeadError("head: layers", expected=expected, found=f"{n_in}")
