"""A trained classifier as an ONNX file that anyone can run without this project.

Belongs here: the graph around the network, and the proof that it says what the classifier says.
Does not belong here: the exporter (`onnx_tracing.py`), other formats (`checkpoints.py`), writing
files.

The graph takes what the network sees: square RGB pictures of `Recipe.image_px`, 0-255, cut from
the middle of an aligned crop (`Recipe.view`) and made smaller by area. Normalisation, the mirror
image where the recipe averages over it, and softmax are inside.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fer_assets.compute.progress import track
from fer_assets.training.checkpoints import Classifier
from fer_assets.training.onnx_tracing import INPUT, ExportError, made_up_pictures, traced
from fer_assets.training.samples import shrink

OUTPUT: Final = "probs"

TOLERANCE: Final = 1e-4
"""Largest difference between a probability of the graph and of the classifier."""

_AT_ONCE: Final = 9


@dataclass(frozen=True)
class OnnxModel:
    """A graph that has been tried.

    Attributes:
        data: the ONNX file.
        largest_difference: of a probability from the classifier's, over all pictures tried.
        n_pictures: how many those were.
    """

    data: bytes
    largest_difference: float
    n_pictures: int


class _Graph(nn.Module):
    """What the file computes."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.network = classifier.network
        self.flip_average = classifier.recipe.flip_average

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) uint8 RGB to (n, classes) float32 probabilities."""
        scaled = images.float() / 255
        probs = self.network(scaled).softmax(1)
        if self.flip_average:
            probs = (probs + self.network(scaled.flip(-1)).softmax(1)) / 2
        result: Tensor = probs
        return result


def to_onnx(classifier: Classifier, pictures: NDArray[np.uint8] | None = None) -> OnnxModel:
    """A classifier as an ONNX graph that has proved itself.

    Its one input ``images`` is (n, 3, image_px, image_px) uint8 RGB, n free; its one output
    ``probs`` (n, classes) float32, rows summing to 1. Its metadata hold the classes, the card and
    what to do to a crop first.

    Args:
        classifier: what is written; it must be on the CPU.
        pictures: (n, h, w, 3) uint8 face crops it is tried on too, besides made-up ones.

    Raises:
        ExportError: ONNX can't say what the network does, or the graph's probabilities differ
            from `Classifier.predict` by more than `TOLERANCE`.
    """
    if classifier.device != "cpu":
        raise ValueError(f"the classifier is on {classifier.device}; load it on the CPU")
    for _ in track((None,), 1, "translating the network into ONNX"):  # nothing to see in between
        data = _described(_graph_bytes(classifier), classifier)
    size = classifier.recipe.image_px
    tried = made_up_pictures(size + size // 4)  # larger than what the network sees
    groups = [tried] if pictures is None or len(pictures) == 0 else [tried, pictures]
    compared = track(groups, len(groups), "comparing ONNX with the checkpoint")
    difference = max(_difference(data, classifier, group) for group in compared)
    if not difference <= TOLERANCE:
        raise ExportError(
            f"ONNX graph of {classifier.recipe.name}",
            expected=f"the classifier's probabilities within {TOLERANCE}",
            found=f"a difference of {difference:.2g}",
            remedy="Nothing was written. Use the safetensors file.",
        )
    return OnnxModel(data, difference, sum(len(group) for group in groups))


def _graph_bytes(classifier: Classifier) -> bytes:
    recipe = classifier.recipe
    name = f"{recipe.name} ({recipe.backbone})"
    return traced(_Graph(classifier), recipe.image_px, [OUTPUT], name)


def _described(data: bytes, classifier: Classifier) -> bytes:
    """The graph with what a user of the file must know, as metadata."""
    model = onnx.load_from_string(data)
    recipe, card = classifier.recipe, classifier.card
    facts = {
        "classes": json.dumps(classifier.classes),
        "input": f"{INPUT}: (n, 3, {recipe.image_px}, {recipe.image_px}) uint8 RGB, 0-255",
        "output": f"{OUTPUT}: (n, {len(classifier.classes)}) float32, rows sum to 1",
        "crop": "the ArcFace template in the middle 80 % of a square crop; of that crop's side "
        f"the middle {recipe.view:g}, made smaller by area to {recipe.image_px} px",
        "image_px": str(recipe.image_px),
        "view": f"{recipe.view:g}",
        "mean": json.dumps(list(card["mean"])),
        "std": json.dumps(list(card["std"])),
        "normalisation": "inside the graph: (pixel - mean) / std",
        "flip_average": json.dumps(recipe.flip_average),
        "recipe": recipe.name,
        "release_digest": str(card.get("release_digest", "")),
        "licence_of_weights": _licence(card),
        "card": json.dumps(dict(card), sort_keys=True),
    }
    onnx.helper.set_model_props(model, facts)
    model.producer_name = "fer_assets"
    model.doc_string = "Facial expressions of aligned face crops."
    result: bytes = model.SerializeToString()
    return result


def _licence(card: Mapping[str, Any]) -> str:
    known = card.get("weights") or card.get("weights_licence") or {}
    return str(known.get("licence", ""))


def _difference(data: bytes, classifier: Classifier, pictures: NDArray[np.uint8]) -> float:
    """Largest difference of a probability, all pictures at once and one alone."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    size, view = classifier.recipe.image_px, classifier.recipe.view
    seen = np.stack([shrink(picture, size, view) for picture in pictures]).transpose(0, 3, 1, 2)
    found = np.concatenate([session.run([OUTPUT], {INPUT: part})[0] for part in (seen, seen[:1])])
    expected = classifier.predict(pictures, batch_size=_AT_ONCE)
    expected = np.concatenate([expected, expected[:1]])
    return float(np.abs(found - expected).max())
