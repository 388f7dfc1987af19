"""`fer-assets checkpoint`."""

from __future__ import annotations

import click


@click.group()
def checkpoint() -> None:
    """Trained checkpoints: list, show, export."""
