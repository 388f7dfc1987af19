"""Settings of an affect challenge: defaults, what a file may set, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from fer_assets.challenges.reading import load_challenge
from fer_assets.errors import FerError
from fer_assets.lines.frame_affect.settings import AffectSettings, affect_settings


def _read(folder: Path, settings: str) -> AffectSettings:
    folder = folder / "clips"
    folder.mkdir(exist_ok=True)
    text = f'kind = "affect"\n[settings.affect]\n{settings}\n'
    (folder / "challenge.toml").write_text(text)
    return affect_settings(load_challenge(folder))


def test_what_is_left_out_takes_its_default(tmp_path: Path) -> None:
    assert _read(tmp_path, "") == AffectSettings()
    assert AffectSettings().features == ("embeddings", "scores", "both")
    found = _read(tmp_path, 'tasks = ["VA", "AU"]\nwindow = 5\ndev_share = 0.2\nseed = 3')
    assert found == AffectSettings(tasks=("VA", "AU"), window=5, dev_share=0.2, seed=3)


@pytest.mark.parametrize(
    "settings",
    [
        'tasks = ["expr"]',
        'tasks = ["VA", "VA"]',
        "tasks = [1]",
        "backbones = []",
        'backbones = [""]',
        'features = ["all"]',
        'heads = ["deep"]',
        'smoothing = "gauss"',
        "window = 4",
        "window = 0",
        "dev_share = 0",
        "dev_share = 1.0",
        "dev_share = nan",
        "seed = -1",
    ],
)
def test_what_is_refused(tmp_path: Path, settings: str) -> None:
    with pytest.raises(FerError, match=f"settings.affect.{settings.split(maxsplit=1)[0]}"):
        _read(tmp_path, settings)
