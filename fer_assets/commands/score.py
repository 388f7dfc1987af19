"""`fer-assets score`."""

from __future__ import annotations

import click


@click.command()
def score() -> None:
    """Score a checkpoint on a benchmark's folder."""
