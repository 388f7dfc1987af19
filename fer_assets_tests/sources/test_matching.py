from __future__ import annotations

import itertools

import numpy as np
import pytest

from fer_assets.media.survey import survey
from fer_assets.sources.duplicates import Film, as_rows, find_originals, from_rows
from fer_assets.sources.fingerprints import RATE_HZ, SIDE_PX, coarse_motion, mirrored, motion
from fer_assets.sources.matching import (
    MIN_DEVIATIONS,
    MIN_SCORE,
    Match,
    compare,
    find_matches,
)
from fer_assets.storage.schemas.tiktokfer import VIDEO_MATCHES
from fer_assets_tests.sources import films


def _motion(path):
    seen = survey(path, RATE_HZ, SIDE_PX)
    return motion(seen.times_s, seen.thumbnails)


@pytest.fixture(scope="module")
def moved(tmp_path_factory):
    """Motion of three takes in one room, one take in another, and changed copies of the first."""
    folder = tmp_path_factory.mktemp("films")
    made = {f"take{i}": films.write(folder / f"take{i}.mp4", films.film(i)) for i in range(3)}
    made["elsewhere"] = films.write(folder / "elsewhere.mp4", films.film(0, room=9))
    for change in films.CHANGES:
        name = f"copy-{change.__name__}"
        made[name] = films.write(folder / f"{name}.mp4", change(films.film(0)), crf=32)
    made["brief"] = films.write(folder / "brief.mp4", films.film(0, seconds=2.5))
    return {name: _motion(path) for name, path in made.items()}


def _matches(moved):
    coarse = {name: coarse_motion(rows) for name, rows in moved.items()}
    return {(m.video_id, m.other_id): m for m in find_matches(coarse, set(coarse), moved.get)}


def test_changed_copies_match_and_other_takes_in_the_same_room_do_not(moved):
    found = _matches(moved)
    for change in films.CHANGES:
        match = found[f"copy-{change.__name__}", "take0"]
        assert match.score > 0.85
        assert match.is_mirrored == (change is films.mirror)
    takes = ("take0", "take1", "take2")
    for one, other in itertools.combinations(takes, 2):
        assert (one, other) not in found
        assert compare(moved[one], moved[other]).deviations < MIN_DEVIATIONS - 1


def test_a_trimmed_copy_tells_how_much_was_cut(moved):
    match = _matches(moved)["copy-trimmed", "take0"]
    assert match.offset_s == pytest.approx(3 / films.RATE_HZ, abs=0.07)
    assert match.overlap_s == pytest.approx(8 - 5 / films.RATE_HZ, abs=0.2)


def test_too_little_to_tell_is_no_match(moved):
    assert not [pair for pair in _matches(moved) if "brief" in pair]
    still = np.repeat(films.film(5)[:1], 80, axis=0)
    rng = np.random.default_rng(0)
    noisy = [
        motion(
            np.arange(80) / RATE_HZ,
            (still[:, ::6, ::4, 0] + rng.integers(0, 2, (80, 16, 16))).astype(np.uint8),
        )
        for _ in range(2)
    ]
    assert compare(*noisy).score == 0


def test_chance_agreement_of_many_takes_in_one_room_is_no_match():
    """Slow takes agree by chance up to 0.7; how much, each pair says itself."""
    takes = []
    for take in range(12):
        small = [films.grey(image) for image in films.film(take, seconds=6)[::2]]
        takes.append(motion(np.arange(len(small)) / RATE_HZ, np.stack(small)))
    pairs = [compare(a, b) for a, b in itertools.combinations(takes, 2)]
    assert max(match.score for match in pairs) > 0.5
    assert max(match.deviations for match in pairs) < MIN_DEVIATIONS - 1
    disturbed = [compare(takes[0], takes[0] + 0.3 * take).deviations for take in takes[1:4]]
    assert min(disturbed) > MIN_DEVIATIONS


def test_only_pairs_with_a_new_video_are_looked_at_and_all_of_them(moved):
    coarse = {name: coarse_motion(rows) for name, rows in moved.items()}
    everything = find_matches(coarse, set(coarse), moved.__getitem__)
    new = {"take0", "copy-marked"}
    some = find_matches(coarse, new, moved.__getitem__)
    assert some == [m for m in everything if m.video_id in new or m.other_id in new]
    assert 0 < len(some) < len(everything)
    assert find_matches(coarse, set(), moved.__getitem__) == []


def test_many_lengths_at_once_give_the_pairs_of_a_slow_search():
    rng = np.random.default_rng(3)
    walks = [
        np.cumsum(rng.normal(0, 0.05, (int(n), 256)), axis=0).astype(np.float32)
        for n in (60, 90, 300, 700, 1400)
    ]
    moved = {f"v{i}": rows - rows.mean(axis=0) for i, rows in enumerate(walks)}
    moved["w0"] = moved["v3"][101:500] + rng.normal(0, 0.01, (399, 256)).astype(np.float32)
    moved["w1"] = mirrored(moved["v1"])
    found = _matches(moved)
    slow = {
        pair
        for pair in itertools.combinations(sorted(moved), 2)
        if _best_by_trying_all(moved[pair[0]], moved[pair[1]]) >= MIN_SCORE
    }
    assert set(found) == slow == {("v3", "w0"), ("v1", "w1")}
    assert found["v3", "w0"].offset_s == pytest.approx(-101 / RATE_HZ, abs=0.07)


def _best_by_trying_all(one, other):
    best = 0.0
    for rows in (one, mirrored(one)):
        for offset in range(-len(rows), len(other)):
            start, stop = max(0, -offset), min(len(rows), len(other) - offset)
            if stop - start < max(3 * RATE_HZ, 0.9 * min(len(rows), len(other))):
                continue
            a, b = rows[start:stop], other[start + offset : stop + offset]
            a, b = a - a.mean(0), b - b.mean(0)
            best = max(best, float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())))
    return best


def test_motion_ignores_light_black_pictures_and_gaps():
    rng = np.random.default_rng(1)
    base = np.repeat(rng.integers(40, 160, (1, 16, 16)), 80, axis=0)
    base += rng.integers(0, 20, (80, 1, 1)) + rng.integers(0, 8, (80, 16, 16))
    times = np.arange(80) / RATE_HZ
    plain = motion(times, base.astype(np.uint8))
    assert plain.shape == (80, 256)
    bright = motion(times, (base + 30).astype(np.uint8))
    np.testing.assert_allclose(bright, plain, atol=1e-4)
    black = base.copy()
    black[0] = 0
    assert not motion(times, black.astype(np.uint8))[0].any()
    kept = np.delete(np.arange(80), [10, 11])
    gappy = motion(times[kept], base[kept].astype(np.uint8))
    assert gappy.shape == plain.shape
    assert motion(np.zeros(0), np.zeros((0, 16, 16), np.uint8)).shape == (0, 256)


def _film(video_id, duration_s=10.0, area_px=100, was_accepted=False):
    return Film(video_id, duration_s, area_px, was_accepted)


def _match(one, other, overlap_s=10.0):
    return Match(one, other, 0.95, 0.9, 9.0, 0.0, overlap_s, is_mirrored=False)


@pytest.mark.parametrize(
    ("films_", "matches", "expected"),
    [
        ([_film("a"), _film("b")], [_match("a", "b")], {"b": "a"}),
        ([_film("a"), _film("b", area_px=200)], [_match("a", "b")], {"a": "b"}),
        ([_film("a"), _film("b", 11.0, 1)], [_match("a", "b")], {"a": "b"}),
        ([_film("a", was_accepted=True), _film("b", 11.0)], [_match("a", "b")], {"b": "a"}),
        ([_film("a", was_accepted=True), _film("b", 20.0)], [_match("a", "b")], {}),
        ([_film("a"), _film("b", 20.0)], [_match("a", "b", 8.0)], {}),
        (
            [_film("a"), _film("b"), _film("c")],
            [_match("a", "b"), _match("b", "c")],
            {"b": "a"},
        ),
        ([_film("a")], [_match("a", "b")], {}),
    ],
)
def test_which_of_two_copies_stays(films_, matches, expected):
    found = find_originals(films_, matches)
    assert {key: original.video_id for key, original in found.items()} == expected


def test_matches_survive_their_table():
    matches = [_match("a", "b"), _match("a", "c")]
    rows = VIDEO_MATCHES.frame(as_rows(matches)).to_dicts()
    assert from_rows(rows) == matches


def test_real_videos_and_their_copies(test_data, tmp_path):
    """Excerpts of a recording are not copies of each other; a second generation is one."""
    av = pytest.importorskip("av")
    path = test_data / "videos" / "selfie_d10.mp4"
    with av.open(str(path)) as container:
        frames = np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])
    frames = np.stack([films.cv2.resize(f, (128, 128)) for f in frames[::2]])
    half = len(frames) // 2
    made = {
        "first": films.write(tmp_path / "first.mp4", frames[:half]),
        "second": films.write(tmp_path / "second.mp4", frames[half:]),
        "whole": films.write(tmp_path / "whole.mp4", frames),
        "copy": films.write(tmp_path / "copy.mp4", films.marked(films.brighter(frames[4:])), 34),
    }
    found = _matches({name: _motion(file) for name, file in made.items()})
    assert set(found) == {("copy", "whole"), ("first", "whole"), ("second", "whole")} | {
        pair for pair in found if pair in (("copy", "first"), ("copy", "second"))
    }
    assert ("first", "second") not in found
