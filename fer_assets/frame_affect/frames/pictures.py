"""The picture of one annotated frame: what backbones see of it.

Belongs here: from a row of annotated_frames to pixels, for stored crops and for files of the
official release alike. Does not belong here: resizing to a network's input (`training/`), which
frames there are (`frames.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fer_assets.media.face_template import CROP_PX, TEMPLATE_PX
from fer_assets.media.image_codec import ImageError, decode_image

_RIM_PX: Final = int((CROP_PX - TEMPLATE_PX) / 2)
"""What is cut off each side of a stored crop, rounded down so that both sides lose the same."""

TEMPLATE_SQUARE_PX: Final = CROP_PX - 2 * _RIM_PX
"""Side of what is left: 180 px, the template's 179.2 in whole pixels around the same centre."""


def template_square(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The middle of a stored crop, framed about as tightly as the crops of Aff-Wild2 are.

    Args:
        crop: (224, 224, 3) uint8.

    Returns:
        (180, 180, 3) uint8, a view.

    Raises:
        ValueError: the crop has another shape.
    """
    if crop.shape != (CROP_PX, CROP_PX, 3):
        raise ValueError(f"a stored crop is ({CROP_PX}, {CROP_PX}, 3), not {crop.shape}")
    inner = slice(_RIM_PX, CROP_PX - _RIM_PX)
    return crop[inner, inner]


def read_picture(row: Mapping[str, Any], frames_folder: Path | None) -> NDArray[np.uint8]:
    """The face of one frame, whole if it is a file, else the template's square of its stored crop.

    Args:
        row: `video_id`, `frame`, `file` and `image` of a row of ANNOTATED_FRAMES.
        frames_folder: the challenge's folder of frames; None where every row has an image.

    Returns:
        (h, w, 3) uint8 RGB; 180 x 180 from stored crops.

    Raises:
        ImageError: the bytes are no picture, or the file is gone; it names video and frame.
        ValueError: the row has neither an image nor a file below a known folder.
    """
    image, file = row["image"], row["file"]
    try:
        if image is not None and image["bytes"] is not None:
            return template_square(decode_image(image["bytes"]))
        if file is None or frames_folder is None:
            raise ValueError(f"frame {row['frame']} of {row['video_id']} has no picture")
        return decode_image((frames_folder / file).read_bytes())
    except (ImageError, OSError) as error:
        found = error.found if isinstance(error, ImageError) else "a file that can't be read"
        raise ImageError(
            f"frame {row['frame']} of video {row['video_id']}",
            expected="JPEG, PNG or WebP",
            found=found,
            remedy="Replace or remove the file.",
        ) from error
