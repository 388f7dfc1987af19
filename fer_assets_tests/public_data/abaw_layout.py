"""The official layout of the ABAW competitions in small: annotation files and drawn crops."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from fer_assets.public_data.abaw.submission import HEADERS
from fer_assets_tests.public_data.layouts import write_picture

TASK_FOLDERS = {
    "EXPR": "EXPR_Classification_Challenge",
    "VA": "VA_Estimation_Challenge",
    "AU": "AU_Detection_Challenge",
}
SET_FOLDERS = {"train": "Train_Set", "validation": "Validation_Set"}
NO_UNITS = ",".join(["-1"] * 12)


def write_annotation(
    root: Path, task: str, set_name: str, video: str, rows: Iterable[object], header: str = ""
) -> Path:
    """One video's annotation file, below ``root/annotations``."""
    folder = root / "annotations" / TASK_FOLDERS[task] / SET_FOLDERS[set_name]
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{video}.txt"
    file.write_text("".join(f"{line}\n" for line in (header or HEADERS[task], *rows)))
    return file


def write_list(root: Path, set_name: str, rows: Sequence[str], name: str = "") -> Path:
    """The MTL list of a set."""
    folder = root / "annotations" / "MTL_Challenge"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / (name or f"{set_name}_set.txt")
    file.write_text("".join(f"{line}\n" for line in (HEADERS["MTL"], *rows)))
    return file


def write_crops(root: Path, video: str, numbers: Iterable[int], level: int = 90) -> Path:
    """Crops of some frames of a video; two videos of one level and name differ by their path."""
    folder = root / "cropped_aligned" / video
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        write_picture(folder / f"{number:05d}.jpg", level + number % 100)
    return folder


def start_challenge(folder: Path, settings: str = "") -> Path:
    """An affect challenge's folder with its file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "challenge.toml").write_text(f'name = "Affect"\nkind = "affect"\n{settings}')
    return folder
