"""Checkpoints: back to the same predictions; anything else is refused."""

from __future__ import annotations

import hashlib
import json
import math
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load as parse_safetensors
from safetensors.torch import save as format_safetensors
from torch import Tensor

from fer_assets.training.checkpoints import (
    CheckpointError,
    checkpoint_bytes,
    load_checkpoint,
    make_card,
)
from fer_assets.training.networks import build_network
from fer_assets_tests.training.tiny import bars, tiny_recipe

CLASSES = ("angry", "sad", "smiling")


def a_checkpoint() -> tuple[bytes, bytes]:
    recipe = tiny_recipe(classes=CLASSES)
    network = build_network(recipe, 3, Path("none"))
    return checkpoint_bytes(network, make_card(recipe, CLASSES, network, release_digest="abc"))


def test_round_trip() -> None:
    tensors, card = a_checkpoint()
    assert (tensors, card) == a_checkpoint()
    classifier = load_checkpoint(tensors, card)
    assert classifier.classes == CLASSES
    assert classifier.recipe == tiny_recipe(classes=CLASSES)
    assert classifier.card["release_digest"] == "abc"
    images, _ = bars(5, 0)
    probs = classifier.predict(images)
    assert probs.shape == (5, 3)
    np.testing.assert_allclose(probs.sum(1), 1, rtol=1e-5)
    network = build_network(tiny_recipe(classes=CLASSES), 3, Path("none"))
    again = load_checkpoint(*checkpoint_bytes(network, make_card(tiny_recipe(), CLASSES, network)))
    np.testing.assert_array_equal(probs, again.predict(images))
    np.testing.assert_array_equal(probs[2:4], classifier.predict(images)[2:4])
    assert classifier.predict(images[:0]).shape == (0, 3)


def test_a_picture_s_probabilities_do_not_depend_on_its_company() -> None:
    classifier = load_checkpoint(*a_checkpoint())
    images, _ = bars(70, 0)
    np.testing.assert_array_equal(classifier.predict(images)[:3], classifier.predict(images[:3]))


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("exploded"),))  # type: ignore[return-value]


def test_a_pickle_dressed_as_safetensors_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _, card = a_checkpoint()
    for data in (pickle.dumps(Bomb()), b"", b"\x00" * 64):
        described = {**json.loads(card), "sha256": hashlib.sha256(data).hexdigest()}
        with pytest.raises(CheckpointError, match="safetensors"):
            load_checkpoint(data, described)
    assert not (tmp_path / "exploded").exists()


def test_halves_that_do_not_belong_together_are_refused() -> None:
    tensors, card = a_checkpoint()
    with pytest.raises(CheckpointError, match="SHA-256"):
        load_checkpoint(tensors + b" ", card)
    values = json.loads(card)
    with pytest.raises(CheckpointError, match=r"expected \(2,"):
        load_checkpoint(tensors, {**values, "classes": ["angry", "sad"]})
    with pytest.raises(CheckpointError, match="format"):
        load_checkpoint(tensors, {**values, "format": 99})
    with pytest.raises(CheckpointError, match="JSON"):
        load_checkpoint(tensors, b"{")
    del values["mean"]
    with pytest.raises(CheckpointError, match="mean"):
        load_checkpoint(tensors, values)


def described(data: bytes, card: bytes) -> dict[str, object]:
    """The card, made to vouch for other bytes: what is tested is what comes after the digest."""
    return {**json.loads(card), "sha256": hashlib.sha256(data).hexdigest()}


def header(data: bytes) -> tuple[dict[str, Any], bytes]:
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def with_header(values: dict[str, Any], rest: bytes) -> bytes:
    text = json.dumps(values).encode()
    return len(text).to_bytes(8, "little") + text + rest


def test_a_file_cut_off_anywhere_is_refused() -> None:
    tensors, card = a_checkpoint()
    with pytest.raises(CheckpointError, match="cut off"):
        load_checkpoint(tensors[:-1], card)
    for length in (4, 8, 100, len(tensors) // 2, len(tensors) - 1):
        data = tensors[:length]
        with pytest.raises(CheckpointError, match="safetensors"):
            load_checkpoint(data, described(data, card))


def lies(values: dict[str, Any]) -> Iterator[dict[str, Any]]:
    name = "body.classifier.weight"
    start, end = values[name]["data_offsets"]
    for change in (
        {"shape": [3, 2**40]},
        {"data_offsets": [start, end + 4]},
        {"data_offsets": [start, 2**62]},
        {"data_offsets": [end, start]},
        {"dtype": "F4"},
        {"dtype": "Q9"},
    ):
        yield {**values, name: {**values[name], **change}}


def test_a_header_that_lies_is_refused() -> None:
    tensors, card = a_checkpoint()
    values, rest = header(tensors)
    assert with_header(values, rest)  # the honest one is read
    load_checkpoint(with_header(values, rest), described(with_header(values, rest), card))
    for lie in lies(values):
        data = with_header(lie, rest)
        with pytest.raises(CheckpointError):
            load_checkpoint(data, described(data, card))
    for length in (2**63, 2**31, len(tensors)):
        data = length.to_bytes(8, "little") + tensors[8:]
        with pytest.raises(CheckpointError, match="safetensors"):
            load_checkpoint(data, described(data, card))


def changed(change: Callable[[dict[str, Tensor]], None]) -> tuple[bytes, dict[str, object]]:
    tensors, card = a_checkpoint()
    state = parse_safetensors(tensors)
    change(state)
    data = format_safetensors(state)
    return data, described(data, card)


def test_tensors_that_do_not_fit_are_named() -> None:
    name = "body.classifier.weight"
    for change, said in (
        (lambda state: state.pop(name), "found none"),
        (lambda state: state.update(extra=torch.zeros(1)), "extra"),
        (lambda state: state.update({name: state[name][:, :-1].contiguous()}), "classifier"),
        (lambda state: state.update({name: state[name].double()}), "float64"),
        (lambda state: state[name][0].fill_(math.nan), "NaN"),
        (lambda state: state["body.bn1.running_var"].fill_(math.inf), "running_var"),
    ):
        with pytest.raises(CheckpointError, match=said):
            load_checkpoint(*changed(change))


def test_a_random_byte_never_gives_another_classifier() -> None:
    """What is damaged and still read, under a card that vouches for it, is of the right shape."""
    tensors, card = a_checkpoint()
    rng = np.random.default_rng(0)
    images, _ = bars(2, 0)
    for place in rng.integers(0, 3000, 60):
        data = bytearray(tensors)
        data[place] ^= 1 << int(rng.integers(8))
        with pytest.raises(CheckpointError, match="SHA-256"):
            load_checkpoint(bytes(data), card)
        try:
            classifier = load_checkpoint(bytes(data), described(bytes(data), card))
        except CheckpointError:
            continue
        assert classifier.predict(images).shape == (2, 3)


def test_reading_leaves_torch_s_generator_alone() -> None:
    checkpoint = a_checkpoint()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load_checkpoint(*checkpoint)
    assert torch.equal(torch.rand(3), expected)


def test_the_batch_size_changes_nothing_but_rounding() -> None:
    classifier = load_checkpoint(*a_checkpoint())
    images, _ = bars(5, 0)
    one = classifier.predict(images, batch_size=1)
    np.testing.assert_allclose(one, classifier.predict(images), atol=1e-6)


def test_normalises_as_the_weights_expect() -> None:
    recipe = tiny_recipe()
    network = build_network(recipe, 3, Path("none")).eval()
    images = torch.rand((2, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = network.body((images - 0.5) / 0.5)
        torch.testing.assert_close(network(images), expected, atol=1e-5, rtol=1e-4)
