"""What can be wrong with a media file, as one error with a short reason.

Belongs here: `MediaError`. Does not belong here: what a stage does about it.
"""

from __future__ import annotations

from pathlib import Path

from fer_assets.errors import FerError


class MediaError(FerError):
    """A media file can't be used.

    Args:
        path: the file; only its name enters the text.
        reason: why, in a few words that name no file and no person, e.g. ``"empty file"``; fit
            for a `reason` column. Kept as the attribute `reason`.
        detail: what a decoder said, for the text only.
    """

    def __init__(self, path: Path | str, reason: str, *, detail: str = "") -> None:
        self.reason = reason
        super().__init__(
            f"media file {Path(path).name}",
            expected="a playable file",
            found=f"{reason} ({detail})" if detail else reason,
            remedy="Replace the file or leave it out.",
        )
