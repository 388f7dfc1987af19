"""Official layouts in small, drawn: grey squares of different shades stand for faces."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fer_assets.media.image_codec import encode_jpeg


def write_picture(path: Path, level: int = 128, side: int = 24) -> Path:
    """A picture of one shade, in JPEG whatever the name says; a little dirt makes it unlike."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(sum(str(path).encode()) * 257 + level)
    noise = rng.integers(-8, 9, (side, side, 3))
    path.write_bytes(encode_jpeg(np.clip(level + noise, 0, 255).astype(np.uint8)))
    return path


def write_ck_plus(root: Path) -> Path:
    """Two subjects: S005 with an angry and an uncoded sequence, S010 happy and with contempt."""
    for subject, sequence, n_frames, code in (
        ("S005", "001", 6, 1),
        ("S005", "002", 4, None),
        ("S010", "001", 3, 5),
        ("S010", "003", 5, 2),
    ):
        for number in range(1, n_frames + 1):
            name = f"{subject}_{sequence}_{number:08d}"
            write_picture(root / "cohn-kanade-images" / subject / sequence / f"{name}.png")
        folder = root / "Emotion" / subject / sequence
        folder.mkdir(parents=True)
        if code is not None:
            name = f"{subject}_{sequence}_{n_frames:08d}_emotion.txt"
            (folder / name).write_text(f"   {code:.7e}\n")
    (root / "cohn-kanade-images" / "S005" / ".DS_Store").write_bytes(b"x")
    return root


CAFE_NAMES = (
    "9977-angry_F-AA-01.jpg",
    "9978-angryopen_F-AA-01.jpg",
    "10960-sad_F-AA-03.jpg",
    "8012-disgustwithtongue_M-LA-02.jpg",
    "8013-happyopen_M-LA-02.jpg",
    "8014-surprise_M-EA-11.jpg",
    "8015-fearfulopen_M-AS-01.jpg",
    "8016-neutral_M-PI-02.jpg",
)


def write_cafe(root: Path, names: tuple[str, ...] = CAFE_NAMES) -> Path:
    """A session folder per two photos."""
    for number, name in enumerate(names):
        write_picture(root / "sessions" / str(6280 + number // 2) / name)
    return root


NEW_HEADER = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other"
OLD_HEADER = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise"


def write_aff_wild2(
    root: Path,
    videos: dict[str, list[int]],
    header: str = NEW_HEADER,
    challenge: str = "EXPR_Classification_Challenge",
    without: frozenset[tuple[str, int]] = frozenset(),
) -> Path:
    """Annotation files of the validation set and a crop per frame, `without` some."""
    labels = root / "annotations" / challenge / "Validation_Set"
    labels.mkdir(parents=True, exist_ok=True)
    for video, codes in videos.items():
        (labels / f"{video}.txt").write_text("\n".join([header, *map(str, codes)]) + "\n")
        for frame in range(1, len(codes) + 1):
            if (video, frame) not in without:
                write_picture(root / "cropped_aligned" / video / f"{frame:05d}.jpg")
    return root
