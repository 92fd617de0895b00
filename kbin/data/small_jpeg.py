"""A small picture of an image, for pages."""

import io

from PIL import Image

_QUALITY = 85


def small_jpeg(picture: Image.Image, largest_side: int) -> bytes:
    """Returns an image as JPEG, not enlarged.

    Args:
        picture: RGB or grey; it may be changed.
        largest_side: In pixels, of the result at most.
    """
    if max(picture.size) > largest_side:
        picture.thumbnail((largest_side, largest_side), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=_QUALITY, optimize=True)
    return stream.getvalue()
