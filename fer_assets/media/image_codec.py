"""Pictures to JPEG bytes and back.

Belongs here: the one encoding that crops are stored in. Does not belong here: cropping.
"""

from __future__ import annotations

import contextlib

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_assets.errors import FerError


class ImageError(FerError):
    """Bytes that are no picture."""


def encode_jpeg(image: NDArray[np.uint8], quality: int = 95) -> bytes:
    """Encode as JPEG with full-resolution colour (4:4:4); the same pixels give the same bytes.

    Args:
        image: uint8 (h, w, 3) RGB.
        quality: 0 to 100.
    """
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    is_done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    if not is_done:
        raise ValueError(f"can't encode an image of shape {image.shape}")
    return bytes(data)


def decode_image(data: bytes) -> NDArray[np.uint8]:
    """Decode JPEG, PNG or WebP bytes, as uint8 (h, w, 3) RGB, turned as EXIF asks.

    Raises:
        ImageError: the bytes are no picture.
    """
    image = None
    if data:
        # cv2 refuses a header of more than a thousand million pixels in its own way
        with contextlib.suppress(cv2.error):
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ImageError("image", expected="JPEG, PNG or WebP", found=f"{len(data)} other bytes")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
