"""Heads: outputs against torch's layers, bytes and back, what is refused."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch
from torch import nn

from fer_assets.frame_affect.heads.head import (
    ACTION_UNITS,
    EXPRESSION,
    OUTPUTS,
    ROWS_AT_ONCE,
    VALENCE_AROUSAL,
    Head,
    HeadError,
    head_bytes,
    head_inputs,
    load_head,
)


def _head(task: str, n_inputs: int = 20, hidden: int = 0, **more: object) -> Head:
    rng = np.random.default_rng(len(task) + hidden)
    sizes = [n_inputs, *([hidden] if hidden else []), len(OUTPUTS[task])]
    layers = tuple(
        (
            rng.normal(size=(out, into)).astype(np.float32),
            rng.normal(size=out).astype(np.float32),
        )
        for into, out in itertools.pairwise(sizes)
    )
    return Head(task, "embeddings", layers, **more)


def _by_torch(head: Head, inputs: np.ndarray) -> np.ndarray:
    values = torch.from_numpy(inputs)
    for number, (weights, biases) in enumerate(head.layers):
        layer = nn.Linear(weights.shape[1], weights.shape[0])
        layer.weight.data = torch.from_numpy(weights)
        layer.bias.data = torch.from_numpy(biases)
        values = layer(values.relu() if number else values)
    parts = []
    if head.task in EXPRESSION:
        parts.append(values[:, EXPRESSION[head.task]].softmax(1))
    if head.task in VALENCE_AROUSAL:
        parts.append(values[:, VALENCE_AROUSAL[head.task]].tanh())
    if head.task in ACTION_UNITS:
        parts.append(values[:, ACTION_UNITS[head.task]].sigmoid())
    return torch.cat(parts, 1).detach().numpy()


@pytest.mark.parametrize("task", sorted(OUTPUTS))
@pytest.mark.parametrize("hidden", [0, 7])
def test_outputs_are_those_of_torch(task: str, hidden: int) -> None:
    head = _head(task, hidden=hidden)
    assert head.hidden == hidden
    assert head.n_inputs == 20
    inputs = np.random.default_rng(1).normal(size=(50, 20)).astype(np.float32)
    inputs[0] *= 100
    found = head.outputs(inputs)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, _by_torch(head, inputs), atol=2e-6)
    assert head.outputs(inputs[:0]).shape == (0, len(OUTPUTS[task]))


def test_rows_beyond_one_block_are_worked_on() -> None:
    head = _head("VA", n_inputs=2)
    inputs = np.random.default_rng(1).normal(size=(ROWS_AT_ONCE + 3, 2)).astype(np.float32)
    found = head.outputs(inputs)
    np.testing.assert_array_equal(found[ROWS_AT_ONCE:], head.outputs(inputs[ROWS_AT_ONCE:]))


def test_the_order_of_outputs() -> None:
    names = OUTPUTS["MTL"]
    assert names[EXPRESSION["MTL"]] == OUTPUTS["EXPR"]
    assert names[VALENCE_AROUSAL["MTL"]] == OUTPUTS["VA"] == ("valence", "arousal")
    assert names[ACTION_UNITS["MTL"]] == OUTPUTS["AU"]
    assert len(names) == 22


def test_what_a_head_sees() -> None:
    embeddings, scores = np.ones((3, 4), np.float32), np.zeros((3, 2), np.float32)
    assert head_inputs("embeddings", embeddings, scores).shape == (3, 4)
    assert head_inputs("scores", embeddings, scores).shape == (3, 2)
    both = head_inputs("both", embeddings, scores)
    np.testing.assert_array_equal(both[:, :4], embeddings)
    np.testing.assert_array_equal(both[:, 4:], scores)
    for features in ("scores", "both"):
        with pytest.raises(HeadError, match="taught none"):
            head_inputs(features, embeddings, scores[:, :0])
    assert head_inputs("embeddings", embeddings, scores[:, :0]).shape == (3, 4)


def test_bytes_and_back() -> None:
    thresholds = np.linspace(0.1, 0.9, 12)
    head = _head("MTL", hidden=5, thresholds=thresholds, card={"run": "mtl-x"})
    data, card = head_bytes(head)
    assert (data, card) == head_bytes(head)
    again = load_head(data, card)
    inputs = np.random.default_rng(1).normal(size=(9, 20)).astype(np.float32)
    np.testing.assert_array_equal(again.outputs(inputs), head.outputs(inputs))
    np.testing.assert_array_equal(again.thresholds, thresholds)
    assert again.card["run"] == "mtl-x"
    assert head_bytes(again) == (data, card)
    assert load_head(*head_bytes(_head("EXPR"))).thresholds is None


def test_what_is_refused() -> None:
    head = _head("AU")
    data, card = head_bytes(head)
    with pytest.raises(HeadError, match="inputs of length 20"):
        head.outputs(np.zeros((2, 19), np.float32))
    with pytest.raises(HeadError, match="as its card says"):
        load_head(data[:-1], card)
    with pytest.raises(HeadError, match="JSON"):
        load_head(data, b"{")
    with pytest.raises(HeadError, match="format"):
        load_head(data, b"{}")
    known = json.loads(card)
    with pytest.raises(HeadError, match="task"):
        load_head(data, known | {"task": "ER"})
    with pytest.raises(HeadError, match="outputs"):
        load_head(data, known | {"task": "VA"})
    with pytest.raises(HeadError, match="2 layers"):
        load_head(data, known | {"hidden": 5})
    with pytest.raises(HeadError, match="shape"):
        _head("VA", thresholds=np.zeros(12))
    weights, biases = head.layers[0]
    with pytest.raises(HeadError, match="12 outputs"):
        Head("AU", "embeddings", ((weights[:3], biases[:3]),))
    with pytest.raises(HeadError, match="fit each other"):
        Head("AU", "embeddings", ((weights, biases[:3]),))
    broken = Head("AU", "embeddings", ((weights * np.nan, biases),))
    with pytest.raises(HeadError, match="finite"):
        load_head(*head_bytes(broken))
