"""What a challenge, or `settings.toml` for all of them, says about releases.

Belongs here: the settings and reading them. Does not belong here: acting on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fer_assets.errors import FerError
from fer_assets.lines.inputs import challenge
from fer_assets.lines.workspace import Workspace

ON_REQUEST: Final = "on-request"
ALWAYS: Final = "always"


@dataclass(frozen=True)
class ReleaseSettings:
    """Settings of a release.

    Attributes:
        publish: ``on-request`` publishes a version when `fer-assets release publish` or an export
            asks for it; ``always`` after every build whose content is new.
        licence: licence of the dataset, for the card, the metadata and the terms.
        creator: who made it, for the citation.
    """

    publish: str = ON_REQUEST
    licence: str = ""
    creator: str = ""


def release_settings(workspace: Workspace, partition: str | None) -> ReleaseSettings:
    """The settings of a challenge; with None those over all challenges.

    Raises:
        FerError: a key or value that is not known.
    """
    given: Mapping[str, Any] = (
        challenge(workspace, partition).settings.get("release", {})
        if partition
        else workspace.settings.get("release", {})
    )
    where = f"{partition}: settings.release" if partition else "settings.toml: release"
    known = ("publish", "licence", "creator")
    if unknown := sorted(set(given) - set(known)):
        raise FerError(where, expected=f"only {', '.join(known)}", found=f"key {unknown[0]}")
    if wrong := sorted(name for name, value in given.items() if not isinstance(value, str)):
        raise FerError(f"{where}.{wrong[0]}", expected="text", found=repr(given[wrong[0]]))
    settings = ReleaseSettings(**given)
    if settings.publish not in (ON_REQUEST, ALWAYS):
        raise FerError(
            f"{where}.publish", expected=f"{ON_REQUEST} or {ALWAYS}", found=repr(settings.publish)
        )
    return settings
