"""CAFE: everything stands in the file's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from fer_assets.public_data.pictures import PublicDataError
from fer_assets.public_data.readers import cafe
from fer_assets_tests.public_data.layouts import write_cafe, write_picture


def test_reads_expression_child_sex_ethnicity_and_mouth(tmp_path: Path) -> None:
    images = cafe.read(write_cafe(tmp_path))
    rows = {
        path.name: (target, person, gender, ethnicity, mouth)
        for path, target, person, gender, ethnicity, mouth in zip(
            images.paths, images.targets, images.people or (), images.attributes["gender"],
            images.attributes["ethnicity"], images.attributes["mouth"], strict=True,
        )
    }  # fmt: skip
    assert len(rows) == 8
    assert rows["9978-angryopen_F-AA-01.jpg"] == (
        "angry", "F-AA-01", "female", "African American", "open",
    )  # fmt: skip
    assert rows["8012-disgustwithtongue_M-LA-02.jpg"] == (
        "disgust", "M-LA-02", "male", "Latino", "closed",
    )  # fmt: skip
    assert rows["8014-surprise_M-EA-11.jpg"][4] == "open"
    assert rows["8015-fearfulopen_M-AS-01.jpg"][0] == "scared"
    assert rows["8016-neutral_M-PI-02.jpg"][:2] == ("neutral", "M-PI-02")


@pytest.mark.parametrize(
    "name",
    ["F-AA-01_018-angry open.jpg", "f-aa-1 Angry-Open mouth.JPG", "018_angryopen_F_AA_01.png"],
)
def test_parts_in_another_order(tmp_path: Path, name: str) -> None:
    images = cafe.read(write_cafe(tmp_path, (name,)))
    assert images.targets == ("angry",)
    assert images.people == ("F-AA-01",)
    assert images.attributes["mouth"] == ("open",)


def test_counts_what_it_leaves_out(tmp_path: Path) -> None:
    root = write_cafe(tmp_path)
    write_picture(root / "subset A" / "9977-angry_F-AA-01.jpg")
    write_picture(root / "100-puzzled_F-AA-01.jpg")
    write_picture(root / "cover.jpg")
    (root / "norms.csv").write_text("x")
    assert cafe.read(root).left_out == {
        "expression in the name is not one of CAFE's": 1,
        "name is not of the form 9977-angry_F-AA-01": 1,
        "not a picture file": 1,
        "same photo in another folder": 1,
    }


def test_says_what_it_expects(tmp_path: Path) -> None:
    write_picture(tmp_path / "happy" / "1.jpg")
    assert not cafe.is_there(tmp_path)
    with pytest.raises(PublicDataError, match=r"9977-angry_F-AA-01\.jpg; found 1 name is not"):
        cafe.read(tmp_path)
