"""Pictures to learn from: what counts, what is left out, who is held out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fer_assets.errors import FerError
from fer_assets.frame_affect.backbone import data as backbone_data
from fer_assets.frame_affect.backbone.data import PhaseData, expression_data, identity_data
from fer_assets.frame_affect.backbone.picture_sets import (
    expression_pictures,
    identity_pictures,
    picture_files,
)
from fer_assets.public_data.readers.walking import NO_PICTURE
from fer_assets.training.samples import Samples
from fer_assets_tests.frame_affect.backbone.material import (
    EXPRESSIONS,
    digests,
    put,
    write_pictures,
)
from fer_assets_tests.training.tiny import bars

PEOPLE = ("ada", "bob", "cem")


def _people(root: Path, seed: int = 0) -> PhaseData:
    return identity_data(identity_pictures(root, digests), 32, seed)


def _expressions(source: Path, seed: int = 0) -> PhaseData:
    return expression_data(expression_pictures(source, digests), 32, seed)


def _contents(samples: Samples) -> set[bytes]:
    return {image.tobytes() for image in samples.images(np.arange(len(samples)))}


def test_pictures_of_every_person_are_held_out_and_no_person(tmp_path: Path) -> None:
    data = _people(write_pictures(tmp_path, PEOPLE, 90, 0))
    assert data.classes == PEOPLE
    for person in range(3):
        n = int((data.train.targets == person).sum() + (data.val.targets == person).sum())
        assert (data.val.targets == person).sum() == min(2, max(1, n // 10))
    assert not _contents(data.train) & _contents(data.val)
    assert data.n_images == len(data.train) + len(data.val) == 90


def test_what_is_held_out_does_not_hang_on_names(tmp_path: Path) -> None:
    first = _people(write_pictures(tmp_path / "a", PEOPLE, 60, 0))
    again = _people(write_pictures(tmp_path / "b" / "train", ("x", "y", "z"), 60, 0).parent)
    other = _people(tmp_path / "a", seed=5)
    assert _contents(first.val) == _contents(again.val) != _contents(other.val)


def test_people_folders_leave_out_what_teaches_nothing(tmp_path: Path) -> None:
    root = write_pictures(tmp_path, PEOPLE, 30, 0)
    images, _ = bars(4, 7)
    put(root / "dee" / "only.jpg", images[0])
    put(root / "stray.jpg", images[1])
    put(root / "ada" / "twice.jpg", images[2])
    put(root / "bob" / "twice.jpg", images[2])
    (root / "ada" / "broken.jpg").write_bytes(b"no picture")
    (root / "ada" / "notes.txt").write_text("x")
    copied = next((root / "cem").glob("*.jpg"))
    put(root / "cem" / "deep" / "again.jpg", images[3])
    (root / "cem" / "copy.jpg").write_bytes(copied.read_bytes())
    data = _people(root)
    assert data.classes == PEOPLE
    assert data.n_images == 31
    assert data.left_out == {
        backbone_data.LONE: 1,
        backbone_data.CONTRADICTION: 2,
        backbone_data.BROKEN: 1,
        backbone_data.AGAIN: 1,
        "in no person's folder": 1,
        NO_PICTURE: 1,
    }


def test_one_person_is_too_few_and_goes_unnamed(tmp_path: Path) -> None:
    root = write_pictures(tmp_path, ("ada", "ada", "ada"), 20, 0)
    with pytest.raises(FerError, match="two people") as error:
        _people(root)
    assert "ada" not in str(error.value).replace(str(root), "")
    with pytest.raises(FerError, match="PERSON"):
        _people(next(root.iterdir()))
    with pytest.raises(FerError, match="nothing there"):
        _people(root / "none")


def test_class_folders_hold_out_a_tenth_of_each_expression(tmp_path: Path) -> None:
    root = write_pictures(tmp_path, EXPRESSIONS, 90, 0)
    put(root / "kissing" / "x.jpg", bars(1, 9)[0][0])
    data = _expressions(root)
    assert data.classes == ("happiness", "fear", "anger")  # AffectNet's order
    counts = np.bincount(data.train.targets), np.bincount(data.val.targets)
    assert (counts[1] == np.maximum(1, (counts[0] + counts[1]) // 10)).all()
    assert data.left_out == {"kiss: none of AffectNet's expressions": 1}


def test_validation_folders_are_held_out_and_their_pictures_not_learned(tmp_path: Path) -> None:
    write_pictures(tmp_path / "train", EXPRESSIONS, 40, 0)
    write_pictures(tmp_path / "val", EXPRESSIONS, 12, 1)
    images, _ = bars(1, 3)
    put(tmp_path / "train" / "happy" / "both.jpg", images[0])
    put(tmp_path / "val" / "happy" / "both.jpg", images[0])
    put(tmp_path / "train" / "scared" / "other.jpg", images[0][:, ::-1])
    put(tmp_path / "val" / "happy" / "other.jpg", images[0][:, ::-1])  # validation's word counts
    put(tmp_path / "val" / "sad" / "unlearned.jpg", images[0][::-1])
    data = _expressions(tmp_path)
    assert (len(data.train), len(data.val)) == (40, 14)
    assert data.left_out == {backbone_data.IN_BOTH: 2, backbone_data.NOT_LEARNED: 1}


def test_people_of_a_table_are_kept_apart(tmp_path: Path) -> None:
    root = write_pictures(tmp_path, EXPRESSIONS, 60, 0)
    files = sorted(root.rglob("*.jpg"))
    people = [f"p{number % 12}" for number in range(60)]
    table = pl.DataFrame(
        {
            "path": [str(file.relative_to(root)) for file in files],
            "label": [file.parent.name for file in files],
            "person": people,
        }
    )
    table.write_csv(root / "faces.csv")
    found = expression_pictures(root / "faces.csv", digests)
    data = expression_data(found, 32, 0)
    assert found.groups is not None
    sides = [{found.groups[row] for row in side.numbers} for side in (data.train, data.val)]
    assert len(sides[1]) == 1
    assert not sides[0] & sides[1]
    assert set(picture_files(root / "faces.csv")) == {root / "faces.csv", *files}


def test_affectnets_photos_are_cut_to_their_boxes(tmp_path: Path) -> None:
    images, targets = bars(24, 0, size=40)
    header = "subDirectory_filePath,face_x,face_y,face_width,face_height,expression"
    rows: dict[str, list[str]] = {"training": [], "validation": []}
    for number, (image, target) in enumerate(zip(images, targets.tolist(), strict=True)):
        photo = np.zeros((90, 100, 3), np.uint8)
        photo[30:70, 20:60] = image
        put(tmp_path / "photos" / f"{number}.jpg", photo)
        part = "validation" if number >= 20 else "training"
        rows[part].append(f"photos/{number}.jpg,20,30,40,40,{target + 1}")
    # A second face of one photo is another picture.
    rows["training"].append("photos/0.jpg,21,31,38,38,5")
    rows["training"].append("photos/1.jpg,500,500,40,40,5")
    for part, lines in rows.items():
        (tmp_path / f"{part}.csv").write_text("\n".join([header, *lines]))
    data = _expressions(tmp_path)
    assert (len(data.train), len(data.val)) == (21, 4)
    assert data.left_out == {backbone_data.BROKEN: 1}
    assert data.val.images(np.arange(4)).mean() > 40  # no black rim


@pytest.mark.parametrize(
    ("folders", "words"),
    [
        (("happy", "happy", "happy"), "two expressions"),
        (("kiss", "wink", "smirk"), "AffectNet"),
        (("a", "b", "c"), "folders of pictures"),
    ],
)
def test_too_little_is_an_error(folders: tuple[str, ...], words: str, tmp_path: Path) -> None:
    with pytest.raises(FerError, match=words.replace("AffectNet", "neutral, happiness")):
        _expressions(write_pictures(tmp_path, folders, 12, 0))
