"""CK+ (Lucey et al. 2010) as its authors hand it out: two folders, sequences and emotion codes.

    cohn-kanade-images/S005/001/S005_001_00000001.png ... _00000011.png
    Emotion/S005/001/S005_001_00000011_emotion.txt        one number, e.g. "   3.0000000e+00"

Belongs here: this layout, and which frames count. A sequence runs from neutral to the peak, and
the code is the peak's. The paper does not say which frames it scored: ours are the last three of
each coded sequence, as in most published scores on CK+, and its first as neutral. Does not belong
here: what the codes mean (`label_maps.py`).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Final

from fer_assets.public_data.label_maps import expression_of_code
from fer_assets.public_data.pictures import LabelledPictures, PublicDataError, added
from fer_assets.public_data.readers.walking import files_below, find_folder, is_picture

LAYOUT: Final = "ck-plus"
PEAK_FRAMES: Final = 3

_IMAGES: Final = ("cohn-kanade-images", "extended-cohn-kanade-images")
_LABELS: Final = ("emotion", "emotion_labels")
_EXPECTED: Final = "cohn-kanade-images/S005/001/*.png and Emotion/S005/001/*_emotion.txt"
_FRAME: Final = re.compile(r"(S\d+)_(\d+)_(\d+)", re.IGNORECASE)

Sequence = tuple[str, str]
"""Subject and sequence, e.g. S005 and 001."""


def is_there(root: Path) -> bool:
    """Whether this looks like CK+: its folder of pictures is there."""
    return find_folder(root, _IMAGES) is not None


def read(root: Path, *, peak_frames: int = PEAK_FRAMES) -> LabelledPictures:
    """Read CK+.

    Args:
        root: the folder that holds both, or one above.
        peak_frames: how many frames at a sequence's end carry its code; the first frame is
            neutral and never among them.

    Returns:
        People are subjects. Sequences without a code (two in five) are left out and counted.

    Raises:
        PublicDataError: a folder is missing, a code can't be read, or no sequence has one.
    """
    if peak_frames < 1:
        raise PublicDataError(LAYOUT, expected="peak_frames of at least 1", found=str(peak_frames))
    images, labels = find_folder(root, _IMAGES), find_folder(root, _LABELS)
    if images is None or labels is None:
        missing = "cohn-kanade-images" if images is None else "Emotion"
        raise PublicDataError(f"CK+ at {root}", expected=_EXPECTED, found=f"no folder {missing}")
    left_out: Counter[str] = Counter()
    sequences = _sequences(images, left_out)
    codes = _codes(labels)
    if not set(sequences) & set(codes):
        found = f"{len(sequences)} sequences, {len(codes)} codes, none of them of one sequence"
        raise PublicDataError(f"CK+ at {root}", expected=_EXPECTED, found=found)
    return _chosen(sequences, codes, peak_frames, left_out)


def _sequences(images: Path, left_out: Counter[str]) -> dict[Sequence, list[Path]]:
    """The frames of each sequence, in their order."""
    found: dict[Sequence, list[tuple[int, Path]]] = defaultdict(list)
    for path in files_below(images, left_out):
        name = _FRAME.fullmatch(path.stem)
        if name and is_picture(path):
            found[name[1].upper(), name[2]].append((int(name[3]), path))
        else:
            left_out["not a frame of a sequence"] += 1
    return {key: [path for _, path in sorted(frames)] for key, frames in sorted(found.items())}


def _codes(labels: Path) -> dict[Sequence, str]:
    """The code of each sequence that has one."""
    known = expression_of_code(LAYOUT)
    codes = {}
    for path in files_below(labels, Counter()):
        name = _FRAME.fullmatch(path.stem.removesuffix("_emotion"))
        if name is None or not path.stem.endswith("_emotion"):
            continue
        text = path.read_text(encoding="utf-8", errors="replace").strip()
        try:
            code = str(int(float(text)))
        except ValueError:
            code = ""
        if code not in known:
            raise PublicDataError(
                f"CK+: {path.name}", expected="a number from 0 to 7", found=repr(text[:40])
            )
        codes[name[1].upper(), name[2]] = code
    return codes


def _chosen(
    sequences: dict[Sequence, list[Path]],
    codes: dict[Sequence, str],
    peak_frames: int,
    left_out: Counter[str],
) -> LabelledPictures:
    expression = expression_of_code(LAYOUT)
    rows: list[tuple[Path, str, str]] = []
    reasons: Counter[str] = Counter(left_out)
    for key, frames in sequences.items():
        if key not in codes:
            reasons["frames of sequences without an emotion code"] += len(frames)
            continue
        peak = frames[max(1, len(frames) - peak_frames) :]
        reasons["frames between neutral and peak"] += len(frames) - len(peak) - 1
        rows.append((frames[0], "neutral", key[0]))
        rows += [(path, str(expression[codes[key]]), key[0]) for path in peak]
    reasons["codes of sequences without pictures"] += len(set(codes) - set(sequences))
    return LabelledPictures(
        LAYOUT,
        tuple(path for path, _, _ in rows),
        tuple(target for _, target, _ in rows),
        tuple(person for _, _, person in rows),
        left_out=added(reasons),
        notes=(f"the last {peak_frames} frames of a coded sequence, and its first as neutral",),
    )
