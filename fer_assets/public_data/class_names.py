"""Which expression a class name means: happy, Happiness, HAPPY_face and 3_happy are one.

Belongs here: names of expressions as people write them. Does not belong here: the codes and names
of one benchmark (`label_maps.py`).

A name is resolved by its words only. Bare numbers are not: 0 is angry in FER2013, neutral in
AffectNet, and 1 is surprise in RAF-DB.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from fer_assets.challenges.vocabulary import TIKTOKFER_PROMPTS

_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "angry": "anger ang rage raging furious fury mad annoyed 😠 😡",
        "disgust": "disgusted disgusting dis",
        "sad": "sadness unhappy sorrow sorrowful ☹ 🙁",
        "surprise": "surprised surprising sur surp astonished astonishment 😮 😲",
        "smiling": "smile smiles smiley happy happiness hap joy joyful joyous glad 🙂 😀 😃 😄 😊",
        "clenched-teeth": "clenched-tooth clenching-teeth clenched grimace grimacing 😬",
        "clown-face": "clown 🤡",
        "cringe": "cringing cringy cringey",
        "cry": "crying cries tears weeping 😢 😭",
        "disappointed": "disappointment 😞",
        "eye-roll": "eyeroll eye-rolling eyerolling rolling-eyes eyes-rolling roll-eyes 🙄",
        "kiss": "kissing kisses blowing-kiss blowing-a-kiss 😘 😗",
        "nauseated-face": "nauseated nausea nauseous 🤢",
        "thinking-face": "thinking 🤔",
        "winking-face": "winking wink winks 😉",
        "neutral": "neutrality neutr neu 😐",
        "scared": "fear fearful fea afraid frightened terrified scary 😨 😱",
        "confused": "confusion puzzled 😕",
        "smug": "smirk smirking smugness 😏",
        "flirty": "flirt flirting flirtatious flirtation",
        "thoughtful": "thoughtfulness",
        "pensive": "pensiveness 😔",
        "exhausted": "exhaustion tired tiredness",
        "shocked": "shock",
        "playful": "playfulness",
        "determined": "determination",
        "contempt": "contemptuous contemptful scorn scornful con-tempt",
        "other": "others misc",
    }
)
"""Expression to other ways of saying it. Those of the paper's prompts and of the demo, and the
classes of public benchmarks that are neither (neutral, contempt, other)."""

_EXTRA: Final = frozenset(
    word
    for line in (
        "face faces facial expression expressions emotion emotions feeling emoji class label",
        "img imgs image images pic pics picture pictures photo photos person people",
        "very look looking the crop crops cropped aligned",
    )
    for word in line.split()
)
"""Words that say nothing about the expression."""

UNKNOWN: Final = "in a folder whose name means no expression"
UNKNOWN_LABEL: Final = "with a label that means no expression"
NUMBERED_LABEL: Final = "labelled by a number: what the numbers mean differs between data sets"
UNWANTED: Final = "of a class that is left out on request"
NUMBERED: Final = "in a numbered class folder: what the numbers mean differs between data sets"


@cache
def expression_of(name: str) -> str | None:
    """The expression a class name means, under the project's name; None if it is none known.

    Case, separators, a leading or trailing number, plurals and words such as "face" do not
    matter; nor does it matter whether a noun or an adjective is used.
    """
    return _by_name().get(_words(name))


def is_number(name: str) -> bool:
    """Whether a class name is a number and nothing else (apart from words such as "class")."""
    words = _split(name)
    return (
        bool(words)
        and all(word.isdigit() or word in _EXTRA for word in words)
        and any(word.isdigit() for word in words)
    )


@cache
def _by_name() -> dict[str, str]:
    table: dict[str, str] = {}
    for expression, others in _NAMES.items():
        for name in (expression, *others.split()):
            table[_words(name)] = expression
    for prompt in TIKTOKFER_PROMPTS:
        table.setdefault(_words(prompt), prompt)
    return table


def _words(name: str) -> str:
    """Lower-case words joined by hyphens, in the singular, without numbers and extra words."""
    words = [_singular(word) for word in _split(name) if not word.isdigit()]
    telling = [word for word in words if word not in _EXTRA]
    return "-".join(telling or words)


def _split(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", name).replace("\ufe0f", "")
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", plain)
    # Letters and digits apart; an emoji is a word of its own.
    return re.findall(r"[^\W\d_]+|\d+|[^\w\s.,;:()\[\]{}'\"&+~=#@!%^*$<>|\\/-]", spaced.lower())


def _singular(word: str) -> str:
    """Without a plural's s: "kisses" stays, being listed; "surprises" becomes "surprise"."""
    if len(word) > 4 and word.endswith("s") and not word.endswith(("ss", "us", "eyes", "tears")):
        return word[:-1]
    return word
