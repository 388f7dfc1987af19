"""The plots of a dataset card: small, reproducible, and showing what they are given."""

from collections.abc import Callable

import pytest

from fer_assets.figures.png import MAX_PNG_BYTES
from fer_assets.figures.release_expressions import expression_distribution
from fer_assets.figures.release_losses import losses_by_group_plot
from fer_assets.figures.release_people import people_plot
from fer_assets.figures.style import no_data

STEPS = ("faces found", "faces that the crowd confirms", "faces with a convincing label")


def expressions(n: int) -> bytes:
    counts = {
        f"expression {i}": {"train": n * i, "val": i, "test": 3, "excluded": 5} for i in range(15)
    }
    return expression_distribution(counts, "Figure 6")


def losses(n: int) -> bytes:
    groups = {tone: [1000, 900 + n, 800] for tone in ("I", "II", "III", "IV", "V", "VI")}
    return losses_by_group_plot(
        {"skin tone": {**groups, "not known": [5, 0, 0]}, "gender": {"woman": [0, 0, 0]}},
        STEPS,
        "faces",
    )


def people(n: int) -> bytes:
    return people_plot({"skin tone": {"I": (n, 100), "II": (0, 0)}, "gender": {"$x$": (1, 2)}})


@pytest.mark.parametrize("plot", [expressions, losses, people])
def test_small_reproducible_and_of_its_values(plot: Callable[[int], bytes]) -> None:
    png = plot(3)
    assert len(png) <= MAX_PNG_BYTES
    assert plot(3) == png
    assert plot(4) != png


def test_nothing_to_show() -> None:
    assert expression_distribution({}, "Figure 6") == no_data("Figure 6", "no labelled faces")
    assert expression_distribution({"sad": {"train": 0}}, "t") == no_data("t", "no labelled faces")
    assert people_plot({"gender": {}}) == no_data("Who is in it", "nobody")
    assert losses_by_group_plot({}, STEPS, "faces") == no_data("Who drops out where", "no faces")


def test_what_is_not_known_comes_last() -> None:
    first = {"not known": [3, 1], "II": [5, 5]}
    last = {"II": [5, 5], "not known": [3, 1]}
    plots = [losses_by_group_plot({"skin tone": g}, STEPS[:2], "faces") for g in (first, last)]
    assert plots[0] == plots[1]
