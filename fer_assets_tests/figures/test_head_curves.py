"""Learning curves of heads."""

from __future__ import annotations

import polars as pl

from fer_assets.figures.head_curves import head_curves_plot
from fer_assets.figures.png import MAX_PNG_BYTES
from fer_assets.media.image_codec import decode_image


def _curve(tasks: tuple[str, ...], n_backbones: int) -> pl.DataFrame:
    """Runs of all kinds; those of the final protocol have no scores."""
    rows = [
        {
            "run": f"{task}-net{backbone}-{features}-{head}-{protocol}",
            "epoch": epoch,
            "train_loss": 1 / (1 + epoch) + 0.1 * backbone,
            "dev_loss": None if protocol == "final" else 0.5,
            "dev_score": None if protocol == "final" else 1 - 1 / (2 + epoch + backbone),
        }
        for task in tasks
        for backbone in range(n_backbones)
        for features in ("embeddings", "scores", "both")
        for head in ("linear", "hidden")
        for protocol in ("held-out", "paper", "final")
        for epoch in range(3 + 5 * backbone)
    ]
    return pl.DataFrame(rows)


def test_a_picture_for_any_number_of_runs() -> None:
    sizes = {}
    for tasks, n_backbones in ((("expr",), 1), (("au", "expr", "mtl", "va"), 2)):
        png = head_curves_plot(_curve(tasks, n_backbones))
        assert len(png) <= MAX_PNG_BYTES
        image = decode_image(png)
        sizes[len(tasks)] = (image < 250).any(axis=2).sum()
        assert png == head_curves_plot(_curve(tasks, n_backbones))
    assert sizes[4] > sizes[1] > 0


def test_one_epoch_and_none() -> None:
    one = head_curves_plot(_curve(("va",), 1).filter(pl.col("epoch") == 0))
    none = head_curves_plot(_curve(("va",), 1).clear())
    assert one[:4] == none[:4] == b"\x89PNG"
    assert one != none
