from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from fer_assets.prompts.templates import (
    TemplateError,
    load_templates,
    prompts_digest,
)
from fer_assets_tests.prompts.sounds import templates, voice


@dataclass
class File:
    prompt_id: str
    expression: str
    audio: Path


def saved(path: Path, samples: np.ndarray, rate_hz: int = 16_000) -> File:
    wavfile.write(path, rate_hz, samples)
    return File("p1", "sad", path)


def test_loading_keeps_every_sample(tmp_path: Path) -> None:
    samples = np.concatenate([np.zeros(800, np.float32), voice(1)])
    [template] = load_templates([saved(tmp_path / "a.wav", samples)])
    assert (template.prompt_id, template.expression, template.rate_hz) == ("p1", "sad", 16_000)
    np.testing.assert_array_equal(template.samples, samples)
    assert template.duration_s == pytest.approx(1.55)


def test_another_rate_is_converted(tmp_path: Path) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100).astype(np.float32)
    [template] = load_templates([saved(tmp_path / "a.wav", tone, 44_100)])
    assert template.samples.size == 16_000
    expected = np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    np.testing.assert_allclose(template.samples[200:-200], expected[200:-200], atol=0.01)


@pytest.mark.parametrize(
    ("samples", "found"),
    [(np.zeros(16_000, np.float32), "silence"), (voice(1)[:1000], "0.06")],
)
def test_unfit_sounds_are_named(tmp_path: Path, samples: np.ndarray, found: str) -> None:
    file = saved(tmp_path / "bad.wav", samples)
    with pytest.raises(TemplateError, match=r"bad\.wav") as error:
        load_templates([file])
    assert found in str(error.value)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    for name, content in (("gone.wav", None), ("text.wav", b"hello")):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(TemplateError, match=name):
            load_templates([File("p", "sad", tmp_path / name)])


def test_the_digest_follows_everything_that_matters() -> None:
    prompts = templates(3)
    louder = replace(prompts[0], samples=(1.01 * prompts[0].samples).astype(np.float32))
    digests = {
        prompts_digest(prompts),
        prompts_digest(prompts[::-1]),
        prompts_digest([replace(prompts[0], expression="x"), *prompts[1:]]),
        prompts_digest([replace(prompts[0], prompt_id="x"), *prompts[1:]]),
        prompts_digest([louder, *prompts[1:]]),
    }
    assert len(digests) == 5
    assert prompts_digest(prompts) == prompts_digest(templates(3))
