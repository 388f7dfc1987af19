"""Rendering the demo: crops, films, annotation files and photos, so that a kill can't spoil them.

Belongs here: files and the record of what is done. Does not belong here: what is in them.

A folder or film is made under a temporary name and renamed; then a record with the digests of its
script and its content is written. What agrees with its record is not made again.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import cv2

from fer_assets.compute.progress import track
from fer_assets.demo.affect.annotation_files import annotation_files
from fer_assets.demo.affect.casting import CHALLENGE, FILM_RATE_HZ, AffectDemoSettings, scripts
from fer_assets.demo.affect.photos import Photo, photo_files, photos
from fer_assets.demo.affect.pictures import crops, film
from fer_assets.demo.affect.script import AffectScript
from fer_assets.demo.affect.truth import truth_of, write_truth
from fer_assets.demo.encoding import SPEED
from fer_assets.demo.processes import carried_out
from fer_assets.media.image_codec import encode_jpeg
from fer_assets.media.writer import write_video
from fer_assets.storage.digests import sha256_bytes, sha256_file, sha256_json

RENDER_VERSION: Final = 1
"""Raised when the same script is to give other bytes."""

FRAMES_FOLDER: Final = "cropped_aligned"
ANNOTATIONS_FOLDER: Final = "annotations"
VIDEOS_FOLDER: Final = "videos"
PHOTOS_FOLDER: Final = "photos"
"""Below the demo's root: what the backbone learns from."""

_RECORDS: Final = Path("truth") / "rendered"

_CHALLENGE_FILE: Final = b"""\
# Rendered from synthetic people by the demo; nobody in it exists.
name = "Affect demo"
kind = "affect"

[policy]
source = "rendered by the demo from the PyPI package openpeople"
terms = "MIT"
legal_basis = "synthetic people; nobody's data"
"""


def render_affect_demo(root: Path, settings: AffectDemoSettings) -> None:
    """Render the demo's challenge and photos below `root`; what is there already is kept.

    Writes ``challenges/affect-demo/`` in the layout of Aff-Wild2, ``photos/`` for the backbone and
    ``truth/`` (Parquet tables). The same settings give the same bytes.

    Raises:
        DemoError: the synthetic people are not installed.
    """
    everything = scripts(settings)
    _prepare(root, everything)
    items: list[AffectScript | Photo] = [*everything, *photos(settings)]
    todo = [item for item in items if not _is_done(root, item)]
    todo.sort(key=lambda item: -_cost(item))
    done = carried_out(functools.partial(_carry_out, root), todo, settings.processes)
    for _ in track(done, len(todo), "rendering videos and photos"):
        pass
    truth = truth_of(everything)
    write_truth(truth, root / "truth")
    for path, text in annotation_files(truth):
        _replace(_challenge(root) / ANNOTATIONS_FOLDER / path, text.encode())
    _replace(_challenge(root) / "challenge.toml", _CHALLENGE_FILE)


def _carry_out(root: Path, item: AffectScript | Photo) -> None:
    """Make what belongs to one script or photo, and its record."""
    cv2.setNumThreads(1)
    if isinstance(item, Photo):
        for path, data in photo_files(item):
            _replace(root / PHOTOS_FOLDER / path, data)
    elif item.kind == "film":
        write_video(
            _target(root, item),
            film(item),
            frame_rate_hz=FILM_RATE_HZ,
            audio=None,
            speed=SPEED,
        )
    else:
        _write_crops(item, _target(root, item))
    record = {"script": _digest(item), "files": _content(root, item)}
    _replace(_record(root, item), json.dumps(record).encode())


def _write_crops(script: AffectScript, target: Path) -> None:
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    partial.mkdir()
    for number, picture in crops(script):
        data = encode_jpeg(picture, script.jpeg_quality)
        (partial / f"{number:05d}.jpg").write_bytes(data)
    if target.exists():
        shutil.rmtree(target)
    partial.rename(target)


def _prepare(root: Path, everything: Sequence[AffectScript]) -> None:
    """Make folders; drop leftovers of a killed run and what belongs to other scripts.

    A video that the demo did not render stays: somebody put it there.
    """
    (root / _RECORDS).mkdir(parents=True, exist_ok=True)
    wanted = {_target(root, script) for script in everything}
    for folder in (FRAMES_FOLDER, VIDEOS_FOLDER):
        (_challenge(root) / folder).mkdir(parents=True, exist_ok=True)
        for path in (_challenge(root) / folder).iterdir():
            is_rendered = (root / _RECORDS / f"{path.stem}.json").exists()
            if path.name.endswith(".part") or (is_rendered and path not in wanted):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _target(root: Path, script: AffectScript) -> Path:
    if script.kind == "film":
        return _challenge(root) / VIDEOS_FOLDER / f"{script.name}.mp4"
    return _challenge(root) / FRAMES_FOLDER / script.name


def _challenge(root: Path) -> Path:
    return root / "challenges" / CHALLENGE


def _is_done(root: Path, item: AffectScript | Photo) -> bool:
    record = _record(root, item)
    if not record.is_file():
        return False
    try:
        known = json.loads(record.read_bytes())
    except json.JSONDecodeError:  # killed while it was written
        return False
    return bool(known.get("script") == _digest(item) and known.get("files") == _content(root, item))


def _record(root: Path, item: AffectScript | Photo) -> Path:
    if isinstance(item, Photo):
        return root / _RECORDS / PHOTOS_FOLDER / f"{item.script.name}.json"
    return root / _RECORDS / f"{item.name}.json"


def _digest(item: AffectScript | Photo) -> str:
    return sha256_json({"version": RENDER_VERSION, "script": item})


def _content(root: Path, item: AffectScript | Photo) -> str:
    """Digest of the names and bytes of an item's files, whatever of them is there."""
    files = {str(path.relative_to(root)): sha256_file(path) for path in sorted(_files(root, item))}
    return sha256_bytes(json.dumps(files).encode())


def _files(root: Path, item: AffectScript | Photo) -> Iterator[Path]:
    if isinstance(item, Photo):
        yield from (root / PHOTOS_FOLDER).glob(f"*/*/{item.script.name}-*.jpg")
        return
    target = _target(root, item)
    if item.kind == "film":
        yield from (path for path in (target,) if path.is_file())
    elif target.is_dir():
        yield from (path for path in target.iterdir() if path.is_file())


def _cost(item: AffectScript | Photo) -> int:
    """Frames, a film's counted as what they cost beside a crop's."""
    if isinstance(item, Photo):
        return item.script.n_frames
    return item.n_frames * (20 if item.kind == "film" else 1)


def _replace(path: Path, data: bytes) -> None:
    if path.is_file() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    partial.write_bytes(data)
    partial.replace(path)
