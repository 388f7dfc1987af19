"""Reading and checking a `challenge.toml`.

Belongs here: everything that can be wrong with the file, said so that it can be mended.
Does not belong here: whether the videos or sounds can be decoded (`sources`, `prompts`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from fer_assets.challenges.policy import read_policy
from fer_assets.challenges.spec import KINDS, Challenge, ChallengeError, Prompt
from fer_assets.challenges.vocabulary import EKMAN

CHALLENGE_FILE: Final = "challenge.toml"

_KEYS: Final[Mapping[str, set[str]]] = {
    "prompted": {"name", "kind", "videos", "prompts", "settings", "policy"},
    "affect": {"name", "kind", "videos", "annotations", "frames", "settings", "policy"},
}
_PROMPT_KEYS: Final = {"id", "name", "expression", "group", "audio"}
_IN_WORDS: Final[Mapping[object, str]] = {str: "text", list: "a list"}
_SLUG: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

SETTINGS: Final[Mapping[str, Mapping[str, type | tuple[type, ...]]]] = {
    "sources": {
        "max_corrupt_share": (int, float),
        "seconds_between_downloads": (int, float),
        "download_attempts": int,
        "stall_limit_s": (int, float),
        "download_limit_s": (int, float),
        "download_limit_mb": (int, float),
    },
    "prompts": {
        "false_alarms_per_hour": (int, float),
        "frames_hz": (int, float),
        "settle_s": (int, float),
        "max_clip_s": (int, float),
        "max_drift": (int, float),
        "max_speed_change": (int, float),
        "min_audible": (int, float),
    },
    "faces": {"min_score": (int, float)},
    "identities": {
        "embedder": str,
        "within_video": (int, float),
        "across_videos": (int, float),
        "duplicate": (int, float),
    },
    "labels": {
        "answers_per_face": int,
        "answers_at_most": int,
        "batch_size": int,
        "convincing_share": (int, float),
        "soft_labels": str,
    },
    "release": {"publish": str, "licence": str, "creator": str},
    "training": {"recipe": str, "folds": int},
    "affect": {
        "tasks": list,
        "backbones": list,
        "features": list,
        "heads": list,
        "smoothing": str,
        "window": int,
        "dev_share": (int, float),
        "seed": int,
    },
}
"""Stage to setting to type: what a challenge may set; everything else is an unknown key."""


def load_challenge(folder: Path) -> Challenge:
    """Read ``folder/challenge.toml``.

    Raises:
        ChallengeError: the file is missing or not TOML, a key is unknown or missing or has the
            wrong type, the folder's name is no slug, two prompts share an id, a prompt's audio or
            the video folder's name points nowhere.
    """
    path = folder / CHALLENGE_FILE
    data = _parse(path)
    check_slug(folder.name, str(folder), "the folder's name")
    kind = data.get("kind", "prompted")
    if kind not in KINDS:
        raise ChallengeError(
            f"{path}: kind", expected=f"one of {', '.join(KINDS)}", found=repr(kind)
        )
    _refuse_unknown(data, _KEYS[kind], path, "")
    return Challenge(
        key=folder.name,
        name=_text(data, "name", path, "", default=folder.name),
        kind=kind,
        folder=folder,
        videos=folder / _text(data, "videos", path, "", default="videos"),
        prompts=_prompts(data, path) if kind == "prompted" else (),
        settings=_settings(data, path),
        policy=read_policy(data["policy"], path) if "policy" in data else None,
        annotations=_folder(data, "annotations", path) if kind == "affect" else None,
        frames=_folder(data, "cropped_aligned", path, "frames") if kind == "affect" else None,
    )


def _parse(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ChallengeError(
            str(path),
            expected="a challenge file",
            found="none",
            remedy="Make one with `fer-assets challenge new KEY`.",
        )
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ChallengeError(str(path), expected="valid TOML", found=str(error)) from error
    except UnicodeDecodeError as error:
        raise ChallengeError(str(path), expected="UTF-8 text", found=str(error)) from error


def _prompts(data: Mapping[str, Any], path: Path) -> tuple[Prompt, ...]:
    entries = data.get("prompts")
    if not isinstance(entries, list) or not entries:
        raise ChallengeError(
            f"{path}: prompts",
            expected="at least one [[prompts]] table",
            found="none",
            remedy='Add one: [[prompts]] with id = "angry" and audio = "prompts/angry.wav".',
        )
    prompts = tuple(_prompt(entry, path, f"prompts[{i}]") for i, entry in enumerate(entries))
    seen: set[str] = set()
    for prompt in prompts:
        if prompt.prompt_id in seen:
            raise ChallengeError(
                f"{path}: prompts",
                expected="a different id for each",
                found=f"{prompt.prompt_id} twice",
            )
        seen.add(prompt.prompt_id)
    return prompts


def _prompt(entry: Mapping[str, Any], path: Path, field: str) -> Prompt:
    _refuse_unknown(entry, _PROMPT_KEYS, path, field)
    prompt_id = _text(entry, "id", path, field)
    check_slug(prompt_id, f"{path}: {field}.id", "the prompt's id")
    expression = _text(entry, "expression", path, field, default=prompt_id)
    group = entry.get("group", "ekman" if expression in EKMAN else "beyond")
    if group not in ("ekman", "beyond"):
        raise ChallengeError(
            f"{path}: {field}.group", expected="ekman or beyond", found=repr(group)
        )
    audio = path.parent / _text(entry, "audio", path, field)
    if not audio.is_file():
        raise ChallengeError(
            f"{path}: {field}.audio",
            expected="an audio file",
            found=f"nothing at {audio}",
            remedy="Put the prompt's sound there or correct the path.",
        )
    name = _text(entry, "name", path, field, default=prompt_id)
    return Prompt(prompt_id, name, expression, group, audio)


def _settings(data: Mapping[str, Any], path: Path) -> dict[str, dict[str, Any]]:
    stages = data.get("settings", {})
    _refuse_unknown(stages, set(SETTINGS), path, "settings")
    for stage, values in stages.items():
        field = f"settings.{stage}"
        if not isinstance(values, dict):
            raise ChallengeError(f"{path}: {field}", expected="a table", found=repr(values))
        _refuse_unknown(values, set(SETTINGS[stage]), path, field)
        for name, value in values.items():
            if isinstance(value, bool) or not isinstance(value, SETTINGS[stage][name]):
                kind = _IN_WORDS.get(SETTINGS[stage][name], "a number")
                raise ChallengeError(f"{path}: {field}.{name}", expected=kind, found=repr(value))
    return {stage: dict(values) for stage, values in stages.items()}


def _folder(data: Mapping[str, Any], default: str, path: Path, name: str = "") -> Path:
    """A folder beside the file, or an absolute one; whether it is there is asked later."""
    return path.parent / _text(data, name or default, path, "", default=default)


def _text(
    table: Mapping[str, Any], name: str, path: Path, field: str, default: str | None = None
) -> str:
    where = f"{path}: {field}.{name}" if field else f"{path}: {name}"
    value = table.get(name, default)
    if value is None:
        raise ChallengeError(where, expected="a value", found="none", remedy=f'Add {name} = "...".')
    if not isinstance(value, str) or not value.strip():
        raise ChallengeError(where, expected="text", found=repr(value))
    return value


def _refuse_unknown(table: object, known: set[str], path: Path, field: str) -> None:
    where = f"{path}: {field}" if field else str(path)
    if not isinstance(table, dict):
        raise ChallengeError(where, expected="a table", found=repr(table))
    if unknown := sorted(set(table) - known):
        raise ChallengeError(
            where,
            expected=f"only the keys {', '.join(sorted(known))}",
            found=f"unknown key {unknown[0]}",
            remedy=f"Remove or correct {unknown[0]}.",
        )


def check_slug(text: str, where: str, what: str) -> None:
    """Raise a ChallengeError unless `text` is a slug."""
    if not _SLUG.fullmatch(text):
        raise ChallengeError(
            where, expected=f"{what} to be a slug of a-z, 0-9 and single hyphens", found=repr(text)
        )
