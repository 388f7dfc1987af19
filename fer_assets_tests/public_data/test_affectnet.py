"""AffectNet's two layouts, as published and with what goes wrong in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fer_assets.challenges.vocabulary import AFFECTNET_EXPRESSIONS
from fer_assets.public_data import affectnet
from fer_assets.public_data.class_names import expression_of
from fer_assets.public_data.pictures import PublicDataError

HEADER = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,"
    "valence,arousal"
)


def _table(path: Path, rows: list[str], header: str = HEADER) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def _photo(root: Path, name: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(b"photo")


def test_the_tables_decide_who_is_held_out_and_what_counts(tmp_path: Path) -> None:
    photos = tmp_path / "Manually_Annotated_Images"
    for name in ("1/a.jpg", "1/b.jpg", "2/c.jpg", "3/v.jpg"):
        _photo(photos, name)
    training = [
        "1/a.jpg,10,20,30,40,1;2;3,1,0.5,0.1",
        "1/b.jpg,10.4,20,30,40,1;2;3,6,-0.5,0.1",
        "2/c.jpg,0,0,5,5,1;2,8,-2,-2",
        "2/c.jpg,0,0,5,5,1;2,9,-2,-2",
        "2/c.jpg,NULL,NULL,NULL,NULL,NULL,10,-2,-2",
        "2/c.jpg,0,0,0,5,1;2,0,0,0",
        "2/gone.jpg,0,0,5,5,1;2,0,0,0",
        "2/c.jpg,0,0,5,5,1;2,what,0,0",
    ]
    _table(tmp_path / "training.csv", training)
    _table(tmp_path / "validation.csv", ["3/v.jpg,1,2,3,4,1;2,7,0,0"])
    found = affectnet.read(tmp_path)
    assert affectnet.is_there(tmp_path)
    assert [path.name for path in found.paths] == ["a.jpg", "b.jpg", "v.jpg"]
    assert found.targets == ("happiness", "anger", "contempt")
    assert found.boxes == ((10, 20, 30, 40), (10, 20, 30, 40), (1, 2, 3, 4))
    assert found.is_validation == (False, False, True)
    assert found.left_out == {
        "labelled None": 1,
        "labelled No-Face": 1,
        "labelled Uncertain": 1,
        "listed file is not there": 1,
        "without a face box": 1,
        "without an expression's number": 1,
    }


def test_one_table_says_nothing_of_validation(tmp_path: Path) -> None:
    _photo(tmp_path, "1/a.jpg")
    table = _table(tmp_path / "faces.csv", ["1/a.jpg,3"], "subDirectory_filePath,expression")
    found = affectnet.read(table)
    assert (found.is_validation, found.boxes, found.targets) == (None, None, ("surprise",))
    assert found.notes[0] == affectnet.RESEARCH_ONLY
    assert "used whole" in found.notes[1]


@pytest.mark.parametrize("missing", ["expression", "face_width"])
def test_a_missing_column_is_named(missing: str, tmp_path: Path) -> None:
    header = ",".join(name for name in HEADER.split(",") if name != missing)
    table = _table(tmp_path / "training.csv", ["1/a.jpg,1,2,3,4,5,6,7"], header)
    with pytest.raises(PublicDataError, match=missing):
        affectnet.read(table)


def test_photos_that_are_nowhere_are_an_error(tmp_path: Path) -> None:
    _table(tmp_path / "training.csv", ["1/a.jpg,10,20,30,40,1;2;3,1,0.5,0.1"])
    with pytest.raises(PublicDataError, match="Manually_Annotated_Images"):
        affectnet.read(tmp_path)


def test_the_newer_folders_with_npy_annotations(tmp_path: Path) -> None:
    for part, numbers in (("train_set", {0: "1", 2: "7", 10: "8"}), ("val_set", {5: "4"})):
        folder = tmp_path / part / "annotations"
        folder.mkdir(parents=True)
        for number, code in numbers.items():
            _photo(tmp_path / part / "images", f"{number}.jpg")
            np.save(folder / f"{number}_exp.npy", np.array(code))
    _photo(tmp_path / "train_set" / "images", "11.jpg")
    _photo(tmp_path / "train_set" / "images", "12.jpg")
    (tmp_path / "train_set" / "annotations" / "12_exp.npy").write_bytes(b"no array")
    found = affectnet.read(tmp_path)
    assert affectnet.is_there(tmp_path)
    assert found.targets == ("happiness", "contempt", "fear")
    assert found.is_validation == (False, False, True)
    assert found.boxes is None
    assert found.left_out == {
        "labelled None": 1,
        "without an annotation": 1,
        "without an expression's number": 1,
    }


def test_the_projects_names_are_those_of_affectnets_words() -> None:
    assert {expression_of(name): name for name in AFFECTNET_EXPRESSIONS} == affectnet.OF_PROJECT
