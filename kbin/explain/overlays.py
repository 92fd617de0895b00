"""Pictures of a gallery: an image as the model sees it, and the same under its heat map."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kbin.data.small_jpeg import small_jpeg

_LARGEST_SIDE = 224  # pixels
_STRONGEST = 0.6  # share of the heat map's colour where it is 1; the image stays visible below
_OUTLINE = 0.5  # heat at which a line is drawn around


def image_jpeg(image: NDArray[np.uint8]) -> bytes:
    """Returns an image as JPEG, at most 224 pixels wide and high.

    Args:
        image: shape (height, width, 3), RGB 0 to 255.
    """
    return small_jpeg(Image.fromarray(image), _LARGEST_SIDE)


def overlay_jpeg(image: NDArray[np.uint8], heat: NDArray[np.float32]) -> bytes:
    """Returns an image in grey under its heat map as JPEG, at most 224 pixels wide and high.

    The more heat, the more colour covers the image, from dark purple to yellow: lightness rises with heat, so that the
    order is seen without colour vision and in print. A line, light beside dark, goes around what has at least half the
    most heat; it is seen on any image.

    Args:
        image: shape (height, width, 3), RGB 0 to 255.
        heat: shape (height, width), 0 to 1.
    """
    from matplotlib import colormaps  # late: it takes 0.2 s to import

    picture = _small(Image.fromarray(image))
    size = picture.size
    grey = np.asarray(picture.convert("L").convert("RGB"), np.float32)
    warm = np.asarray(Image.fromarray(heat.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)).clip(0, 1)
    colour = colormaps["plasma"](warm)[..., :3] * 255
    share = (_STRONGEST * warm)[..., None]
    mixed = (1 - share) * grey + share * colour
    inner, outer = _outline(warm >= _OUTLINE)
    mixed[outer] = 0
    mixed[inner] = 255
    return small_jpeg(Image.fromarray(np.rint(mixed).astype(np.uint8)), _LARGEST_SIDE)


def _outline(inside: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Returns the pixels just inside the border of a region, and those just outside."""
    padded = np.pad(inside, 1, mode="edge")  # the image's edge is no border
    neighbours = [padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1]]
    return inside & ~np.logical_and.reduce(neighbours), ~inside & np.logical_or.reduce(neighbours)


def _small(picture: Image.Image) -> Image.Image:
    if max(picture.size) > _LARGEST_SIDE:
        picture.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE), Image.Resampling.LANCZOS)
    return picture
