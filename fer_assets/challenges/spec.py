"""What a challenge is: a folder with a `challenge.toml`, read into frozen data.

Belongs here: the data classes. Reading and checking the file is `challenges/reading.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from fer_assets.errors import FerError

if TYPE_CHECKING:
    from fer_assets.challenges.policy import Policy

ChallengeKind = Literal["prompted", "affect"]

KINDS: Final[tuple[ChallengeKind, ...]] = ("prompted", "affect")

PromptGroup = Literal["ekman", "beyond"]


class ChallengeError(FerError):
    """A challenge folder or its file can't be used; the text names file, field and remedy."""


@dataclass(frozen=True)
class Prompt:
    """One sound that asks for one expression.

    Attributes:
        prompt_id: slug, unique within the challenge.
        name: name for people.
        expression: the expression that it asks for, the label of `target = "prompt"`.
        group: `ekman` for the five Ekman expressions, else `beyond`.
        audio: the prompt's sound, any format that FFmpeg reads.
    """

    prompt_id: str
    name: str
    expression: str
    group: PromptGroup
    audio: Path


@dataclass(frozen=True)
class Challenge:
    """One challenge: the key of a partition and all that its file says.

    Attributes:
        key: slug, the folder's name and the partition key.
        name: name for people.
        kind: which kind of challenge, and with it which line's assets fit.
        folder: the challenge's folder.
        videos: folder of the uploads, searched through all its subfolders.
        prompts: the prompts, in the file's order; none in an affect challenge.
        settings: per stage, the settings that differ from the defaults.
        policy: what its owner states about the data; None where nothing is stated.
        annotations: affect: folder of annotation files in the layout of Aff-Wild2.
        frames: affect: folder of one folder of numbered face crops per video.
    """

    key: str
    name: str
    kind: ChallengeKind
    folder: Path
    videos: Path
    prompts: tuple[Prompt, ...]
    settings: Mapping[str, Mapping[str, Any]]
    policy: Policy | None = None
    annotations: Path | None = None
    frames: Path | None = None

    @property
    def ekman(self) -> tuple[str, ...]:
        """The challenge's Ekman expressions, in order of appearance, without repeats."""
        return self._expressions("ekman")

    @property
    def beyond_ekman(self) -> tuple[str, ...]:
        """The challenge's other expressions, in order of appearance, without repeats."""
        return self._expressions("beyond")

    def _expressions(self, group: PromptGroup) -> tuple[str, ...]:
        found = (prompt.expression for prompt in self.prompts if prompt.group == group)
        return tuple(dict.fromkeys(found))

    def file(self, name: str) -> Path | None:
        """A file beside `challenge.toml`, e.g. ``uploads.csv``; None where there is none."""
        path = self.folder / name
        return path if path.is_file() else None
