import io
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from fer_assets.prompts.cutting import CuttingError, Mark, cut, parse_mark, read_marks, wav_bytes
from fer_assets_tests.prompts.sounds import voice


def test_marks_are_parsed() -> None:
    assert parse_mark("angry=12.3-13.8") == Mark("angry", 12.3, 13.8)


@pytest.mark.parametrize(
    "text",
    ["angry", "angry=1", "angry=2-1", "=1-2", "angry=a-b", "angry=1-1.05", "a=1-inf", "a=nan-2"],
)
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(CuttingError):
        parse_mark(text)


def test_marks_from_a_table(tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    path.write_text("\ufeffprompt,start_s,end_s,note\nsad,0.5,1.5,x\nkiss,2,3,\n", encoding="utf-8")
    assert read_marks(path) == (Mark("sad", 0.5, 1.5), Mark("kiss", 2.0, 3.0))


@pytest.mark.parametrize(
    ("content", "found"),
    [("prompt,start_s\na,1\n", "end_s"), ("prompt,start_s,end_s\n", "none"),
     ("prompt,start_s,end_s\na,1,2\nb,x,2\n", "row 3"), ("prompt,start_s,end_s\na,1\n", "row 2")],
)  # fmt: skip
def test_a_broken_table_is_named(tmp_path: Path, content: str, found: str) -> None:
    path = tmp_path / "marks.csv"
    path.write_text(content)
    with pytest.raises(CuttingError, match=found):
        read_marks(path)


def test_cuts_are_exact_and_keep_their_loudness() -> None:
    audio = 0.5 * voice(1)
    sounds = cut(audio, [Mark("a", 0.25, 0.75), Mark("b", 1.0, 1.5)])
    np.testing.assert_array_equal(sounds["a"], audio[4000:12_000])
    np.testing.assert_array_equal(sounds["b"], audio[16_000:24_000])
    rate_hz, samples = wavfile.read(io.BytesIO(wav_bytes(sounds["a"])))
    assert (rate_hz, samples.dtype, samples.ndim) == (16_000, np.int16, 1)
    np.testing.assert_allclose(samples / 32768, sounds["a"], atol=0.51 / 32768)


def test_full_scale_is_clipped_not_wrapped() -> None:
    _, samples = wavfile.read(io.BytesIO(wav_bytes(np.array([1.0, 1.5, -1.0, -2.0], np.float32))))
    assert samples.tolist() == [32767, 32767, -32768, -32768]


@pytest.mark.parametrize(
    ("marks", "found"),
    [([Mark("a", 1.0, 1.6)], "1.500 s"), ([Mark("a", 0.2, 0.5)] * 2, "two")],
)
def test_marks_that_do_not_fit(marks: list[Mark], found: str) -> None:
    with pytest.raises(CuttingError, match=found):
        cut(voice(1), marks)


def test_silence_is_no_prompt() -> None:
    with pytest.raises(CuttingError, match="silence"):
        cut(np.zeros(32_000, np.float32), [Mark("a", 0.5, 1.0)])
