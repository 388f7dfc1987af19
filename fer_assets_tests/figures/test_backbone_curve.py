"""The picture of a backbone's phases: it is one, whatever is missing."""

from __future__ import annotations

import polars as pl
import pytest

from fer_assets.figures.backbone_curve import backbone_curve_plot
from fer_assets.media.image_codec import decode_image
from fer_assets.storage.schemas.frame_affect import BACKBONE_CURVE


def _curve(phases: dict[str, int]) -> pl.DataFrame:
    return BACKBONE_CURVE.frame(
        [
            {
                "backbone": "affect-b0",
                "phase": phase,
                "epoch": epoch,
                "train_loss": 1.0 / (1 + epoch),
                "val_loss": None if epoch == n - 1 else 1.1 / (1 + epoch),
                "val_macro_f1": None if epoch == n - 1 else 0.5,
                "learning_rate": 1e-3,
                "val_accuracy": None if epoch == n - 1 else 0.6,
            }
            for phase, n in phases.items()
            for epoch in range(n)
        ]
    )


@pytest.mark.parametrize(
    "phases", [{}, {"identity": 1}, {"head": 3, "all": 5}, {"identity": 8, "head": 3, "all": 5}]
)
def test_every_state_of_a_run_is_a_picture(phases: dict[str, int]) -> None:
    data = backbone_curve_plot(_curve(phases))
    picture = decode_image(data)
    assert picture.shape[1] > 600
    assert len(data) < 64 * 1024
    assert picture.std() > 1


def test_more_epochs_are_another_picture() -> None:
    assert backbone_curve_plot(_curve({"all": 2})) != backbone_curve_plot(_curve({"all": 3}))
