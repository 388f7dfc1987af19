import numpy as np
import pytest

from fer_assets.media.image_codec import ImageError, decode_image, encode_jpeg


def test_colours_survive_at_full_resolution() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, 0::2] = (220, 30, 30)
    image[:, 1::2] = (30, 30, 220)
    data = encode_jpeg(image)
    assert data == encode_jpeg(image)
    back = decode_image(data)
    assert back.shape == image.shape
    # With halved colour resolution, neighbouring columns would share their colour.
    assert np.abs(back.astype(int) - image).mean() < 8


@pytest.mark.parametrize("data", [b"", b"not a picture"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ImageError):
        decode_image(data)
