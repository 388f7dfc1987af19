"""A small part of the fuzz run, and that its parts do what they say."""

from pathlib import Path

import numpy as np
import pytest

from fer_assets_tests.fuzz.campaign import LIMITS, mutants, run
from fer_assets_tests.fuzz.mutations import MUTATIONS, atoms
from fer_assets_tests.fuzz.seeds import Seed, sound_seeds, video_seeds


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[Seed]:
    return video_seeds(tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> list[Seed]:
    return sound_seeds(tmp_path_factory.mktemp("whole"))


def test_whole_files_are_accepted(tmp_path: Path, videos: list[Seed], sounds: list[Seed]) -> None:
    seen = run(((seed.name, seed) for seed in videos), tmp_path, LIMITS, has_pictures=True)
    assert seen.outcomes == {"accepted": len(videos)}
    heard = run(((seed.name, seed) for seed in sounds), tmp_path, LIMITS, has_pictures=False)
    assert heard.outcomes == {"accepted": len(sounds)}
    assert not seen.problems
    assert not heard.problems


def test_damaged_files_end_accepted_or_quarantined(
    tmp_path: Path, videos: list[Seed], sounds: list[Seed]
) -> None:
    one_of_each = videos[:: max(1, len(videos) // 5)]
    seen = run(mutants(one_of_each, 72, 7), tmp_path, LIMITS, has_pictures=True)
    heard = run(mutants(sounds, 24, 7), tmp_path, LIMITS, has_pictures=False)
    assert not seen.problems
    assert not heard.problems
    assert (seen.files, heard.files) == (72, 24)
    assert len(seen.outcomes) > 3


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_damage_is_damage_and_repeatable(videos: list[Seed], mutate: object) -> None:
    assert callable(mutate)
    for number in range(20):
        seed = videos[number % len(videos)]
        once, again = (mutate(np.random.default_rng(number), seed, videos) for _ in range(2))
        assert once == again
    found = [mutate(np.random.default_rng(n), videos[0], videos) for n in range(20)]
    assert any(mutant != videos[0] for mutant in found)


def test_atoms_are_found(videos: list[Seed]) -> None:
    data = videos[0].data
    names = {data[start + 4 : start + 8] for start, _ in atoms(data)}
    assert {b"ftyp", b"moov", b"mdat", b"stts", b"stsz", b"stsd"} <= names
    assert all(0 <= start < stop <= len(data) for start, stop in atoms(data))
