"""The prompts' own sounds, as arrays.

Belongs here: loading and checking them, their digest. Does not belong here: searching for them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fer_assets.errors import FerError
from fer_assets.media.audio import read_audio
from fer_assets.media.errors import MediaError

RATE_HZ = 16_000
"""The sample rate that prompts are searched at."""

_SHORTEST_S = 0.1
# 16-bit silence with dither stays below this.
_SILENCE = 1e-4


class TemplateError(FerError):
    """A prompt's sound file can't serve as a template."""


class PromptFile(Protocol):
    """What is needed of a challenge's prompt."""

    @property
    def prompt_id(self) -> str:
        """Identifier, unique within the challenge."""

    @property
    def expression(self) -> str:
        """What the prompt asks for."""

    @property
    def audio(self) -> Path:
        """Its sound file."""


@dataclass(frozen=True, eq=False)
class PromptTemplate:
    """A prompt's sound.

    Attributes:
        prompt_id: identifier, unique within the challenge.
        expression: what the prompt asks for.
        samples: float32 (n,) mono, as recorded; nothing is trimmed.
        rate_hz: sample rate of `samples`.
    """

    prompt_id: str
    expression: str
    samples: NDArray[np.float32]
    rate_hz: int = RATE_HZ

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.samples.size / self.rate_hz


def load_templates(prompts: Sequence[PromptFile]) -> tuple[PromptTemplate, ...]:
    """Load each prompt's sound file (anything with a sound track) at 16 kHz, in the given order.

    Raises:
        TemplateError: a file is unreadable, has no sound, is silent or shorter than 0.1 s.
    """
    return tuple(_load(prompt) for prompt in prompts)


def _load(prompt: PromptFile) -> PromptTemplate:
    thing = f"prompt {prompt.prompt_id}: {prompt.audio}"
    remedy = "Put the prompt's own sound there, as WAV or any other sound file."
    try:
        samples = read_audio(prompt.audio, RATE_HZ)
    except MediaError as error:
        expected = "a sound file"
        raise TemplateError(thing, expected=expected, found=error.reason, remedy=remedy) from error
    if samples.size == 0:
        raise TemplateError(thing, expected="a sound file", found="no sound track", remedy=remedy)
    if samples.size < _SHORTEST_S * RATE_HZ:
        found = f"{samples.size / RATE_HZ:.3f} s"
        raise TemplateError(thing, expected=f"at least {_SHORTEST_S} s", found=found, remedy=remedy)
    if float(np.std(samples)) < _SILENCE:
        raise TemplateError(thing, expected="a sound", found="silence", remedy=remedy)
    return PromptTemplate(prompt.prompt_id, prompt.expression, samples, RATE_HZ)


def prompts_digest(templates: Sequence[PromptTemplate]) -> str:
    """SHA-256 (hex) over identifiers, expressions, rates and samples, in order."""
    digest = hashlib.sha256()
    for template in templates:
        for text in (template.prompt_id, template.expression, str(template.rate_hz)):
            digest.update(len(text.encode()).to_bytes(8, "little") + text.encode())
        data = np.ascontiguousarray(template.samples, "<f4").tobytes()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()
