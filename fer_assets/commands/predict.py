"""`fer-assets predict`."""

from __future__ import annotations

import click


@click.command()
def predict() -> None:
    """Detect, align and classify the faces of a video, a picture or a folder."""
