"""Class names in every usual form; what is ambiguous is not guessed."""

from __future__ import annotations

import pytest

from fer_assets.challenges.vocabulary import EKMAN, TIKTOKFER_PROMPTS
from fer_assets.public_data.class_names import expression_of, is_number
from fer_assets.public_data.label_maps import LABEL_MAPS, expression_of_code, label_rows

DEMO = (
    "neutral", "scared", "confused", "smug", "flirty", "thoughtful", "pensive", "exhausted",
    "shocked", "playful", "determined",
)  # fmt: skip


@pytest.mark.parametrize("name", (*TIKTOKFER_PROMPTS, *DEMO))
def test_every_expression_in_every_case_and_separator(name: str) -> None:
    words = name.split("-")
    for form in (
        name, name.upper(), name.title(), "_".join(words), " ".join(words).capitalize(),
        "".join(word.capitalize() for word in words), f"3_{name}", f"{name}-12", f"{name}_faces",
    ):  # fmt: skip
        assert expression_of(form) == name, form


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Happiness", "smiling"), ("HAPPY_face", "smiling"), ("1_angry", "angry"),
        ("01.Anger", "angry"), ("Fearful", "scared"), ("FEAR", "scared"), ("Sadness", "sad"),
        ("surprises", "surprise"), ("Surprised faces", "surprise"), ("disgusted", "disgust"),
        ("eyeRoll", "eye-roll"), ("rolling eyes", "eye-roll"), ("kisses", "kiss"),
        ("Winking Face", "winking-face"), ("wink", "winking-face"), ("thinking", "thinking-face"),
        ("crying", "cry"), ("tears", "cry"), ("Exhaustion", "exhausted"), ("🤔", "thinking-face"),
        ("😀", "smiling"), ("Contempt", "contempt"), ("happy images", "smiling"),
        ("ClownFace", "clown-face"), ("hap", "smiling"), ("tired", "exhausted"),
    ],
)  # fmt: skip
def test_other_words(name: str, expected: str) -> None:
    assert expression_of(name) == expected


@pytest.mark.parametrize(
    "name", ["", "0", "faces", "sad or angry", "surprise party", "happily", "smug2sad", "train"]
)
def test_what_is_none(name: str) -> None:
    assert expression_of(name) is None


def test_shocked_is_not_surprised_and_thinking_is_not_thoughtful() -> None:
    assert expression_of("shock") == "shocked"
    assert expression_of("thoughtful") == "thoughtful"


def test_numbers() -> None:
    assert all(is_number(name) for name in ("0", "03", "class 3", "3.", "label_7"))
    assert not any(is_number(name) for name in ("", "3_sad", "faces", "v2"))


def test_label_maps_agree_with_the_words_and_cover_ekman() -> None:
    for benchmark, labels in LABEL_MAPS.items():
        assert {label.expression for label in labels} >= set(EKMAN)
        for label in labels:
            if label.expression is not None:
                assert expression_of(label.name) == label.expression
            assert label.is_ekman == (label.reason == ""), (benchmark, label)
    assert expression_of_code("ck-plus")["5"] == "smiling"
    assert expression_of_code("cafe")["fearfulopen"] == "scared"
    assert expression_of_code("aff-wild2")["other"] is None
    assert len(label_rows()) == 8 + 7 + 8
