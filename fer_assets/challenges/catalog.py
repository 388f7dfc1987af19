"""The challenges there are: the folders below one folder that hold a `challenge.toml`.

Belongs here: finding, adding and starting challenge folders. Does not belong here: reading one
(`challenges/reading.py`), registering partitions (`defs`).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_assets.challenges.reading import CHALLENGE_FILE, check_slug, load_challenge
from fer_assets.challenges.spec import Challenge, ChallengeError, ChallengeKind

_TEMPLATE = """\
name = "{name}"
kind = "{kind}"
videos = {videos}          # folder of the uploads, relative to this file or absolute

# One table per prompt. `group` is "ekman" or "beyond"; left out, it follows the expression.
{prompts}"""

_PROMPT = """\
[[prompts]]
id = "{prompt_id}"
expression = "{prompt_id}"
audio = "prompts/{prompt_id}.wav"
"""

_AFFECT_TEMPLATE = """\
name = "{name}"
kind = "affect"

# Annotation files in the layout of Aff-Wild2 (ABAW), below this folder:
#   EXPR_Classification_Challenge/Train_Set/VIDEO.txt, .../Validation_Set/VIDEO.txt,
#   VA_Estimation_Challenge, AU_Detection_Challenge, MTL_Challenge/train_set.txt
annotations = "annotations"
frames = "cropped_aligned"   # one folder of crops per video: VIDEO/00001.jpg
videos = "videos"            # your own films: VIDEO.mp4; needed where there are no crops

[settings.affect]
# tasks = ["EXPR", "VA", "AU", "MTL"]    # those with annotations, if left out
# backbones = ["affect-lite0"]
# smoothing = "mean"                     # none, mean or median over `window` frames
# window = 15
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
        return [key for key in found if self.kind(key) == kind]

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

    def new(
        self,
        key: str,
        name: str,
        prompts: Sequence[str],
        *,
        sounds: Mapping[str, bytes] | None = None,
        notes: Mapping[str, str] | None = None,
        videos: str = "videos",
    ) -> Path:
        """Start a challenge folder with a file to fill in; returns the file.

        Args:
            key: the challenge's key, a slug.
            name: its name for people.
            prompts: ids of its prompts, slugs; each asks for the expression of that name at first.
            sounds: per prompt the bytes of its WAV file; without, the user puts it there.
            notes: per prompt a line to remember, a comment in the file.
            videos: folder of the uploads, relative to the challenge's folder or absolute.

        Raises:
            ChallengeError: the key is taken or no slug, or a prompt's id is no slug or there twice.
        """
        folder = self._free(key)
        for prompt_id in prompts:
            check_slug(prompt_id, f"prompt {prompt_id}", "the prompt's id")
            if list(prompts).count(prompt_id) > 1:
                expected = "a different id for each prompt"
                raise ChallengeError(f"prompt {prompt_id}", expected=expected, found="two")
        for part in ("videos", "prompts") if videos == "videos" else ("prompts",):
            (folder / part).mkdir(parents=True)
        for prompt_id, wav in (sounds or {}).items():
            (folder / "prompts" / f"{prompt_id}.wav").write_bytes(wav)
        file = folder / CHALLENGE_FILE
        file.write_text(_challenge_text(name, prompts, notes or {}, videos), encoding="utf-8")
        return file

    def new_affect(self, key: str, name: str) -> Path:
        """Start the folder of an affect challenge, with a file and empty folders; returns the file.

        Raises:
            ChallengeError: the key is taken or no slug.
        """
        folder = self._free(key)
        for part in ("annotations", "cropped_aligned", "videos"):
            (folder / part).mkdir(parents=True)
        file = folder / CHALLENGE_FILE
        file.write_text(_AFFECT_TEMPLATE.format(name=_quoted(name)), encoding="utf-8")
        return file

    def _free(self, key: str) -> Path:
        """The folder of a key that is not in use."""
        check_slug(key, f"challenge {key}", "the key")
        folder = self.folder / key
        if folder.exists():
            raise ChallengeError(f"challenge {key}", expected="a key not in use", found=str(folder))
        return folder

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

    def kind(self, key: str) -> ChallengeKind | None:
        """Which kind of challenge it is; None if its file can't be used."""
        try:
            return self.load(key).kind
        except ChallengeError:
            return None


def _challenge_text(
    name: str, prompts: Sequence[str], notes: Mapping[str, str], videos: str
) -> str:
    tables = "\n".join(
        # A file's name is anybody's: nothing of it may end the comment.
        (f"# {_printable(notes[prompt_id])}\n" if prompt_id in notes else "")
        + _PROMPT.format(prompt_id=prompt_id)
        for prompt_id in prompts
    )
    return _TEMPLATE.format(
        name=_quoted(name),
        kind="prompted",
        videos=json.dumps(videos, ensure_ascii=False),
        prompts=tables,
    )


def _quoted(name: str) -> str:
    """A name that can stand between quotes in the file."""
    return _printable(name).replace("\\", "/").replace('"', "'")


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
