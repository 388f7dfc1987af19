"""One pass of a backbone for all heads: each part comes from the right one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_EXPRESSIONS
from fer_assets.frame_affect.affect_model import AffectModel
from fer_assets.frame_affect.heads.head import OUTPUTS, Head, HeadError, head_inputs
from fer_assets.training.embedding import Features

N_EMBEDDING, CLASSES = 5, ("calm", "wild", "odd")


@dataclass
class PlainSource:
    """Means of parts of a picture for an embedding; counts the pictures it saw."""

    name: str = "plain"
    image_px: int = 180
    classes: tuple[str, ...] = CLASSES
    n_embedding: int = N_EMBEDDING
    runtime: str = "numpy"
    seen: list[int] = field(default_factory=list)

    def features(self, images):
        assert images.shape[1:] == (180, 180, 3)
        self.seen.append(len(images))
        rows = images.reshape(len(images), 180, 5, 36, 3).mean(axis=(1, 3, 4)) / 255
        powers = np.exp(rows[:, : len(self.classes)])
        scores = powers / powers.sum(axis=1, keepdims=True)
        return Features(rows.astype(np.float32), scores.astype(np.float32))


def head(task, features="embeddings", seed=0, thresholds=None):
    rng = np.random.default_rng(seed)
    n_in = {"embeddings": 5, "scores": 3, "both": 8}[features]
    sizes = [n_in, 7, len(OUTPUTS[task])]
    layers = tuple(
        (rng.normal(size=(b, a)).astype(np.float32), rng.normal(size=b).astype(np.float32))
        for a, b in ((sizes[0], sizes[1]), (sizes[1], sizes[2]))
    )
    return Head(task, features, layers, thresholds)


@pytest.fixture
def crops():
    return np.random.default_rng(0).integers(0, 256, (6, 224, 224, 3), dtype=np.uint8)


def test_each_part_is_its_own_heads(crops):
    heads = {"EXPR": head("EXPR"), "VA": head("VA", "scores", 1), "AU": head("AU", "both", 2)}
    source = PlainSource()
    model = AffectModel("all", source, heads)
    values = model.values(crops)
    assert source.seen == [6]
    inner = crops[:, 22:202, 22:202]
    seen = PlainSource().features(inner)
    expected = [
        heads[task].outputs(head_inputs(heads[task].features, seen.embeddings, seen.scores))
        for task in ("EXPR", "VA", "AU")
    ]
    np.testing.assert_allclose(values, np.hstack(expected), atol=1e-6)
    assert model.columns == (*AFFECT_EXPRESSIONS, "valence", "arousal", *AFFECT_ACTION_UNITS)
    np.testing.assert_allclose(values[:, :8].sum(axis=1), 1, atol=1e-5)
    assert np.abs(values[:, 8:10]).max() <= 1
    assert model.thresholds == (0.5,) * 12


def test_company_changes_no_bit(crops):
    model = AffectModel("m", PlainSource(), {"MTL": head("MTL", "both")})
    together = model.values(crops)
    alone = np.concatenate([model.values(crop[None]) for crop in crops])
    assert np.array_equal(together, alone)
    assert model.values(crops[:0]).shape == (0, 22)


def test_a_tasks_own_head_counts_before_the_joint_one(crops):
    thresholds = np.linspace(0.1, 0.9, 12)
    joint, own = head("MTL", "embeddings", 3, thresholds), head("VA", "embeddings", 4)
    both = AffectModel("both", PlainSource(), {"MTL": joint, "VA": own})
    only = AffectModel("only", PlainSource(), {"MTL": joint})
    moods = AffectModel("moods", PlainSource(), {"VA": own})
    np.testing.assert_array_equal(both.values(crops)[:, :8], only.values(crops)[:, :8])
    np.testing.assert_array_equal(both.values(crops)[:, 10:], only.values(crops)[:, 10:])
    np.testing.assert_array_equal(both.values(crops)[:, 8:10], moods.values(crops))
    assert both.thresholds == pytest.approx(thresholds)
    assert (moods.columns, moods.expressions, moods.thresholds) == (("valence", "arousal"), (), ())


def test_heads_of_another_backbone_are_refused():
    with pytest.raises(HeadError, match="expected a head"):
        AffectModel("none", PlainSource(), {})
    with pytest.raises(HeadError, match="as plain gives"):
        AffectModel("m", PlainSource(n_embedding=9), {"EXPR": head("EXPR")})
    with pytest.raises(HeadError, match="another backbone"):
        AffectModel("m", PlainSource(classes=()), {"VA": head("VA", "scores")})
