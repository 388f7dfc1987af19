"""Features and annotations brought together, against a row-by-row reference."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from fer_assets.challenges.vocabulary import AFFECT_ACTION_UNITS, AFFECT_EXPRESSIONS
from fer_assets.frame_affect.heads.data import HeadDataError, gather_head_data, shuffle_labels
from fer_assets.frame_affect.heads.targets import KINDS
from fer_assets_tests.frame_affect.heads.material import (
    N_EMBEDDING,
    N_SCORES,
    annotations,
    features,
    head_data,
    latents,
    video_ids,
)


def _material(task: str, n_videos: int = 3, n_frames: int = 9):
    """Annotations with holes, features without some frames, sets."""
    videos = video_ids(n_videos)
    rng = np.random.default_rng(3)
    rows, seen = [], {}
    for video in videos:
        hidden = latents(n_frames, int(video, 16))
        own = annotations(video, task, hidden)
        holes = pl.Series(rng.random(n_frames) < 0.3)
        columns = ("expression", "valence", "arousal", *AFFECT_ACTION_UNITS)
        own = own.with_columns(
            pl.when(holes).then(None).otherwise(pl.col(name)).alias(name) for name in columns
        )
        rows.append(own.with_columns(arousal=pl.when(pl.col("frame") == 2).then("arousal")))
        seen[video] = features(video, hidden).filter(pl.Series(rng.random(n_frames) < 0.8))
    sets = dict(zip(videos, ("train", "validation", "train"), strict=False))
    return pl.concat(rows), sets, seen


@pytest.mark.parametrize("task", ["EXPR", "VA", "AU", "MTL"])
def test_row_by_row(task: str) -> None:
    rows, sets, seen = _material(task)
    data = gather_head_data(task, rows.sample(fraction=1, shuffle=True, seed=1), sets, seen.get)
    at = 0
    for row in rows.sort("video_id", "frame").iter_rows(named=True):
        own = seen[row["video_id"]].filter(pl.col("frame") == row["frame"])
        known = [row[name] for name in ("expression", "valence", "arousal", *AFFECT_ACTION_UNITS)]
        if own.is_empty() or all(value is None for value in known):
            continue
        assert data.videos[data.video[at]] == row["video_id"]
        expected = [*own["embedding"][0], *own["scores"][0]]
        np.testing.assert_array_equal(data.inputs[at], np.array(expected, np.float32))
        names = dict(enumerate(AFFECT_EXPRESSIONS)) | {-1: None}
        assert names[int(data.targets.expression[at])] == row["expression"]
        for place, name in enumerate(("valence", "arousal")):
            found = data.targets.affect[at, place]
            assert (row[name] is None and np.isnan(found)) or found == np.float32(row[name])
        marks = {None: -1, False: 0, True: 1}
        units = [marks[row[name]] for name in AFFECT_ACTION_UNITS]
        assert data.targets.action_units[at].tolist() == units
        at += 1
    assert at == len(data.targets) == len(data.inputs) > 5
    assert data.sets == ("train", "validation", "train")


def test_columns_of_each_kind_of_features() -> None:
    data = head_data("VA", 2, 1, 5)
    width = N_EMBEDDING + N_SCORES
    assert data.inputs.shape == (15, width)
    assert data.columns("embeddings") == slice(0, N_EMBEDDING)
    assert data.columns("scores") == slice(N_EMBEDDING, width)
    assert data.columns("both") == slice(0, width)


def test_many_features_are_kept_as_float16() -> None:
    small = head_data("VA", 2, 1, 5)
    n_bytes = small.inputs.nbytes
    assert small.inputs.dtype == np.float32
    assert head_data("VA", 2, 1, 5, float32_limit_bytes=n_bytes).inputs.dtype == np.float32
    halved = head_data("VA", 2, 1, 5, float32_limit_bytes=n_bytes - 1)
    assert halved.inputs.dtype == np.float16
    np.testing.assert_allclose(halved.inputs, small.inputs, rtol=1e-3, atol=1e-4)


def test_what_videos_show() -> None:
    data = head_data("MTL", 3, 1, 20)
    shown = data.shown_by_video()
    for number in range(4):
        own = data.targets.rows(data.video == number)
        assert (shown[number] == (own.counts() > 0)).all()
        assert (own.shown().sum(axis=0) == own.counts()).all()
    assert shown.shape == (4, len(KINDS))


def test_no_frames() -> None:
    rows, sets, seen = _material("VA")
    nothing = gather_head_data("VA", rows.clear(), sets, seen.get)
    assert len(nothing.targets) == len(nothing.inputs) == 0
    assert nothing.videos == ()
    assert nothing.shown_by_video().shape == (0, len(KINDS))
    without = {video: own.clear() for video, own in seen.items()}
    assert gather_head_data("VA", rows, sets, without.get).videos == ()


def test_backbones_without_expressions_have_embeddings_only() -> None:
    rows, sets, seen = _material("VA")
    bare = {video: features(video, latents(9, int(video, 16)), has_scores=False) for video in seen}
    data = gather_head_data("VA", rows, sets, bare.get)
    assert data.inputs.shape[1] == data.n_embedding == N_EMBEDDING


def test_features_that_can_not_be_used() -> None:
    rows, sets, seen = _material("VA")
    first = min(seen)
    for broken in (np.nan, np.inf):
        spoilt = seen[first].with_columns(
            embedding=pl.col("embedding").list.eval(pl.element() * 0 + broken)
        )
        with pytest.raises(HeadDataError, match="finite"):
            gather_head_data("VA", rows, sets, (seen | {first: spoilt}).get)
    large = seen[first].with_columns(
        embedding=pl.col("embedding").list.eval(pl.element() * 0 + 1e5)
    )
    gather_head_data("VA", rows, sets, (seen | {first: large}).get)
    with pytest.raises(HeadDataError, match="float16"):
        gather_head_data("VA", rows, sets, (seen | {first: large}).get, float32_limit_bytes=0)
    short = seen[first].with_columns(embedding=pl.col("embedding").list.head(3))
    with pytest.raises(HeadDataError, match="3 and 8"):
        gather_head_data("VA", rows, sets, (seen | {max(seen): short}).get)
    mixed = pl.concat([seen[first].head(2), short.tail(2)])
    with pytest.raises(HeadDataError, match="one length"):
        gather_head_data("VA", rows, sets, (seen | {first: mixed}).get)


def test_shuffled_labels_stay_in_the_training_set() -> None:
    data = head_data("MTL", 5, 2, 30)
    shuffled = shuffle_labels(data, 1)
    training = data.rows_of(data.in_set("train"))
    validation = data.rows_of(data.in_set("validation"))
    for name in ("expression", "affect", "action_units"):
        before, after = getattr(data.targets, name), getattr(shuffled.targets, name)
        np.testing.assert_array_equal(before[validation], after[validation])
        assert (before[training] != after[training]).mean() > 0.1
        order = [np.sort(values[training], axis=0) for values in (before, after)]
        np.testing.assert_array_equal(*order)
    # A frame's annotations move together, across videos.
    pairs = {tuple(row) for row in data.targets.affect[training].tolist()}
    assert {tuple(row) for row in shuffled.targets.affect[training].tolist()} == pairs
    first = data.video[training] == 0
    own = {tuple(row) for row in data.targets.affect[training][first].tolist()}
    moved = {tuple(row) for row in shuffled.targets.affect[training][first].tolist()}
    assert len(own & moved) < 0.6 * len(own)
    np.testing.assert_array_equal(shuffled.inputs, data.inputs)
