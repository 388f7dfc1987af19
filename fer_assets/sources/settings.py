"""Settings of the sources: what is accepted, and how addresses are asked.

Belongs here: `[settings.sources]` of a challenge with its defaults. Does not belong here: limits
on matching (`sources/matching.py`), which are no matter of taste.
"""

from __future__ import annotations

from dataclasses import dataclass

from fer_assets.errors import FerError


@dataclass(frozen=True)
class SourceSettings:
    """What decides whether a video can be used.

    Attributes:
        max_corrupt_share: most of the surveyed frames that may be damaged or missing, 0 to 1.
    """

    max_corrupt_share: float = 0.2

    def __post_init__(self) -> None:
        if not 0 <= self.max_corrupt_share <= 1:
            raise _out_of_range("max_corrupt_share", "0 to 1", self.max_corrupt_share)


@dataclass(frozen=True)
class DownloadSettings:
    """How a manifest is fetched; none of it changes what is fetched.

    Attributes:
        seconds_between_downloads: least time between two videos from one site, in s.
        download_attempts: how often a video is asked for in one run, at least once.
        stall_limit_s: longest silence of a server, in s.
        download_limit_s: longest time for one attempt, in s.
        download_limit_mb: largest video, in MB of 1,000,000 bytes.
    """

    seconds_between_downloads: float = 2.0
    download_attempts: int = 4
    stall_limit_s: float = 30.0
    download_limit_s: float = 900.0
    download_limit_mb: float = 500.0

    def __post_init__(self) -> None:
        if self.seconds_between_downloads < 0:
            raise _out_of_range(
                "seconds_between_downloads", "0 or more", self.seconds_between_downloads
            )
        for name in ("stall_limit_s", "download_limit_s", "download_limit_mb"):
            if getattr(self, name) <= 0:
                raise _out_of_range(name, "above 0", getattr(self, name))
        if self.download_attempts < 1:
            raise _out_of_range("download_attempts", "1 or more", self.download_attempts)

    @property
    def limit_bytes(self) -> int:
        """Largest video, in bytes."""
        return int(self.download_limit_mb * 1_000_000)


def _out_of_range(name: str, expected: str, found: float) -> FerError:
    return FerError(
        f"settings.sources.{name}",
        expected=expected,
        found=str(found),
        remedy="Correct it in challenge.toml.",
    )
