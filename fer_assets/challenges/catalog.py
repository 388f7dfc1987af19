"""The challenges there are: the folders below one folder that hold a `challenge.toml`.

Belongs here: finding, adding and starting challenge folders. Does not belong here: reading one
(`challenges/reading.py`), registering partitions (`defs`).
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_assets.challenges.reading import CHALLENGE_FILE, load_challenge
from fer_assets.challenges.spec import Challenge, ChallengeError, ChallengeKind

_TEMPLATE = """\
name = "{name}"
kind = "{kind}"
videos = "videos"          # folder of the uploads, relative to this file or absolute

# One table per prompt. `group` is "ekman" or "beyond"; left out, it follows the expression.
{prompts}"""

_PROMPT = """\
[[prompts]]
id = "{prompt_id}"
expression = "{prompt_id}"
audio = "prompts/{prompt_id}.wav"
"""


@dataclass(frozen=True)
class Catalog:
    """The folder that holds the challenge folders."""

    folder: Path

    def keys(self, kind: ChallengeKind | None = None) -> list[str]:
        """Keys of the folders with a challenge file, sorted.

        With `kind`, folders whose file can not be read are left out: their kind is unknown.
        """
        if not self.folder.is_dir():
            return []
        files = self.folder.glob(f"[!.]*/{CHALLENGE_FILE}")
        found = sorted(file.parent.name for file in files)
        if kind is None:
            return found
        return [key for key in found if self._kind(key) == kind]

    def load(self, key: str) -> Challenge:
        """The challenge called `key`.

        Raises:
            ChallengeError: there is none, or its file can't be used.
        """
        folder = self.folder / key
        if not (folder / CHALLENGE_FILE).is_file():
            known = ", ".join(self.keys()) or "none"
            raise ChallengeError(
                f"challenge {key}",
                expected=f"a folder {folder} with a {CHALLENGE_FILE}",
                found=f"challenges: {known}",
                remedy=f"Make one with `fer-assets challenge new {key}`.",
            )
        return load_challenge(folder)

    def new(self, key: str, name: str, prompts: Sequence[str]) -> Path:
        """Start a challenge folder with a file to fill in; returns the file.

        Raises:
            ChallengeError: the key is taken or no slug.
        """
        folder = self.folder / key
        if folder.exists():
            raise ChallengeError(f"challenge {key}", expected="a key not in use", found=str(folder))
        for part in ("videos", "prompts"):
            (folder / part).mkdir(parents=True)
        tables = "\n".join(_PROMPT.format(prompt_id=prompt) for prompt in prompts)
        file = folder / CHALLENGE_FILE
        text = _TEMPLATE.format(name=name.replace('"', "'"), kind="prompted", prompts=tables)
        file.write_text(text, encoding="utf-8")
        return file

    def add(self, source: Path) -> Challenge:
        """Check a challenge folder and copy it in; a folder already in place is only checked.

        Raises:
            ChallengeError: the folder can't be used, or the key is taken by another one.
        """
        challenge = load_challenge(source.resolve())
        target = self.folder / challenge.key
        if target.resolve() == source.resolve():
            return challenge
        if target.exists():
            raise ChallengeError(
                f"challenge {challenge.key}", expected="a key not in use", found=str(target)
            )
        staging = self.folder / f".{challenge.key}.adding"
        shutil.rmtree(staging, ignore_errors=True)
        shutil.copytree(source, staging)
        staging.rename(target)
        return load_challenge(target)

    def _kind(self, key: str) -> ChallengeKind | None:
        try:
            return self.load(key).kind
        except ChallengeError:
            return None
