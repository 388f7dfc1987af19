"""Each layout is recognised, or said; settings are checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from fer_assets.public_data.pictures import PublicDataError
from fer_assets.public_data.reading import (
    ReadingSettings,
    read_labelled_pictures,
    recognise,
    settings_from,
)
from fer_assets_tests.public_data.layouts import (
    write_aff_wild2,
    write_cafe,
    write_ck_plus,
    write_picture,
)


def test_recognises_every_layout(tmp_path: Path) -> None:
    assert recognise(write_ck_plus(tmp_path / "a")) == "ck-plus"
    assert recognise(write_cafe(tmp_path / "b")) == "cafe"
    assert recognise(write_aff_wild2(tmp_path / "c", {"v": [0]})) == "aff-wild2"
    write_picture(tmp_path / "d" / "happy" / "1.jpg")
    assert recognise(tmp_path / "d") == "image-folder"
    for name, n in (("a", 11), ("b", 8), ("c", 1), ("d", 1)):
        images = read_labelled_pictures(tmp_path / name)
        assert len(images) == n
        assert images.layout == recognise(tmp_path / name)


def test_a_layout_that_is_said_is_not_guessed(tmp_path: Path) -> None:
    write_picture(tmp_path / "happy" / "9977-angry_F-AA-01.jpg")
    assert read_labelled_pictures(tmp_path).targets == ("angry",)
    said = ReadingSettings(layout="image-folder")
    assert read_labelled_pictures(tmp_path, said).targets == ("smiling",)
    with pytest.raises(PublicDataError, match="no folder cohn-kanade-images"):
        read_labelled_pictures(tmp_path, ReadingSettings(layout="ck-plus"))


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(PublicDataError, match="found nothing there"):
        read_labelled_pictures(tmp_path / "none")


def test_settings_are_checked() -> None:
    assert settings_from({"splits": ["test"]}, "benchmarks.x").splits == ("test",)
    for wrong, message in (
        ({"layuot": "cafe"}, r"benchmarks\.x\.layuot; expected one of layout"),
        ({"layout": "cafee"}, "one of auto, ck-plus"),
        ({"every": "2"}, "expected a int; found '2'"),
        ({"people_from": "file"}, "nothing or folder"),
    ):
        with pytest.raises(PublicDataError, match=message):
            settings_from(wrong, "benchmarks.x")


def test_labels_outside_the_checkpoint_are_counted(tmp_path: Path) -> None:
    images = read_labelled_pictures(write_cafe(tmp_path)).known_to(("angry", "sad", "surprise"))
    assert images.targets == ("angry", "angry", "sad", "surprise")
    assert images.attributes["mouth"] == ("closed", "open", "closed", "open")
    assert images.people == ("F-AA-01", "F-AA-01", "F-AA-03", "M-EA-11")
    assert images.left_out["neutral: not a class of the checkpoint"] == 1
