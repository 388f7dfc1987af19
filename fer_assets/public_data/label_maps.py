"""One table of what each benchmark's own labels mean here, and of what means nothing and why.

Belongs here: codes and names of the official releases. Does not belong here: reading files
(`readers/`) and free class names (`class_names.py`).

An expression outside the five Ekman ones is kept under its name: it counts where the checkpoint
has such a class, and is counted as left out where it has not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from fer_assets.challenges.vocabulary import EKMAN, TIKTOKFER_PROMPTS

NO_PROMPT: Final = "no prompt of the paper"


@dataclass(frozen=True)
class Label:
    """One label of one benchmark.

    Attributes:
        code: how the benchmark's files write it.
        name: what it is called there.
        expression: the project's name; None if it stands for nothing that could be scored.
    """

    code: str
    name: str
    expression: str | None

    @property
    def is_ekman(self) -> bool:
        """Whether it is one of the paper's five Ekman expressions."""
        return self.expression in EKMAN

    @property
    def reason(self) -> str:
        """Why it is not among the five; empty if it is."""
        if self.expression is None:
            return _NOTHING
        return "" if self.is_ekman else _WHY_NOT.get(self.expression, "not an Ekman expression")


_NOTHING: Final = "a mixture of unnamed expressions: stands for no class"
_WHY_NOT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "neutral": f"{NO_PROMPT}; scored where a checkpoint has a class neutral",
        "scared": f"fear is {NO_PROMPT}; scored where a checkpoint has a class scared, as the "
        "demo's have",
        "contempt": f"{NO_PROMPT}; smug is not the same; scored where a checkpoint has a class "
        "contempt",
    }
)


def _labels(*rows: tuple[str, str, str | None]) -> tuple[Label, ...]:
    return tuple(Label(*row) for row in rows)


LABEL_MAPS: Final[Mapping[str, tuple[Label, ...]]] = MappingProxyType(
    {
        "ck-plus": _labels(
            ("0", "neutral", "neutral"),
            ("1", "anger", "angry"),
            ("2", "contempt", "contempt"),
            ("3", "disgust", "disgust"),
            ("4", "fear", "scared"),
            ("5", "happy", "smiling"),
            ("6", "sadness", "sad"),
            ("7", "surprise", "surprise"),
        ),
        "cafe": _labels(
            ("angry, angryopen", "angry", "angry"),
            ("disgust, disgustwithtongue", "disgusted", "disgust"),
            ("fearful, fearfulopen", "fearful", "scared"),
            ("happy, happyopen", "happy", "smiling"),
            ("neutral, neutralopen", "neutral", "neutral"),
            ("sad, sadopen", "sad", "sad"),
            ("surprise", "surprised", "surprise"),
        ),
        "aff-wild2": _labels(
            ("Neutral", "neutral", "neutral"),
            ("Anger", "anger", "angry"),
            ("Disgust", "disgust", "disgust"),
            ("Fear", "fear", "scared"),
            ("Happiness", "happiness", "smiling"),
            ("Sadness", "sadness", "sad"),
            ("Surprise", "surprise", "surprise"),
            ("Other", "other", None),
        ),
    }
)
"""Benchmark to its labels. CK+: Lucey et al. 2010, codes of the Emotion files. CAFE: LoBue and
Thrasher 2015, the words in its file names. Aff-Wild2: the names in the header of an ABAW annotation
file, which a frame's number counts; the older files have seven of them."""


def expression_of_code(benchmark: str) -> dict[str, str | None]:
    """Code to expression for one benchmark; CAFE's and Aff-Wild2's codes in lower case."""
    return {
        code.strip().lower(): label.expression
        for label in LABEL_MAPS[benchmark]
        for code in label.code.split(",")
    }


def label_rows() -> list[dict[str, str]]:
    """The table for people: benchmark, its label, the expression, which kind it is, and why not."""
    rows = []
    for benchmark, labels in LABEL_MAPS.items():
        for label in labels:
            is_prompt = label.expression in TIKTOKFER_PROMPTS
            rows.append(
                {
                    "benchmark": benchmark,
                    "label": f"{label.name} ({label.code})",
                    "expression": label.expression or "",
                    "ekman": "yes" if label.is_ekman else "",
                    "prompt": "yes" if is_prompt else "",
                    "why_not": label.reason,
                }
            )
    return rows
