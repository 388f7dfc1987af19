"""The smallest demo that has everything: a person a set, a film, files with too many rows."""

from __future__ import annotations

from typing import Final

from fer_assets.demo.affect.casting import AffectDemoSettings

TINY: Final = AffectDemoSettings(
    train=("P001", "P002"),
    validation=("P003",),
    test=("P007",),
    videos_per_person=2,
    n_films=1,
    hold=(3, 4),
    move=(2, 3),
    photo_variants=2,
    processes=1,
)
