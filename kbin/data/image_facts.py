"""Facts of one image: what its file says, and what its pixels measure."""

import os
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.ExifTags import Base as ExifTag

from kbin.data.image_sources import StoredImage

# Codes in a stored row; what is not listed is "other".
FORMATS = ("other", "array", "JPEG", "PNG", "BMP", "TIFF", "GIF", "WEBP", "PPM", "JPEG2000", "MPO", "AVIF", "ICO")
MODES = ("other", "array", "1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "I;16", "F", "PA", "LAB", "I;16B")
MAKER_LETTERS = 24

_MIDDLE_SIDE = 512  # pixels; sharpness and noise look at no more, from the centre
# Of the luminance: what a lossy file makes of black and white at a border.
_BLACK, _WHITE = 16, 239
_NEARLY_BLACK, _NEARLY_WHITE = 2, 253
_LEVELS = np.arange(256)
# The luminance table of the JPEG standard, Annex K.1, which libjpeg scales by the quality.
_STANDARD_TABLE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
).ravel()


def _table_sums() -> npt.NDArray[np.int64]:
    """Returns the sum of the table's 64 entries at quality 1 to 100, as libjpeg rounds and cuts them."""
    qualities = np.arange(1, 101)
    scales = np.where(qualities < 50, 5000 // qualities, 200 - 2 * qualities)
    scaled = (_STANDARD_TABLE * scales[:, None] + 50) // 100
    return scaled.clip(1, 255).sum(axis=1)


_TABLE_SUMS = _table_sums()


def file_facts(stored: StoredImage) -> dict[str, float]:
    """Returns bytes, format, mode and jpeg_quality of an image as stored, before it is decoded.

    Format and mode are places in `FORMATS` and `MODES`.
    """
    if isinstance(stored, np.ndarray):
        return {"bytes": np.nan, "format": FORMATS.index("array"), "mode": MODES.index("array"), "jpeg_quality": np.nan}
    return {
        "bytes": _num_bytes(stored),
        "format": FORMATS.index(stored.format) if stored.format in FORMATS else 0,
        "mode": MODES.index(stored.mode) if stored.mode in MODES else 0,
        "jpeg_quality": _jpeg_quality(stored),
    }


def maker_of(stored: StoredImage) -> str:
    """Returns who made the file, as its EXIF says: the maker of the camera, else the software; "" where it does not.

    Only after the pixels were read: a PNG may have its EXIF behind them. At most 24 printable ASCII letters.
    """
    if isinstance(stored, np.ndarray):
        return ""
    try:
        tags = stored.getexif()
        said = [tags.get(tag) for tag in (ExifTag.Make, ExifTag.Software)]
    except Exception:  # a damaged EXIF block says nothing of an image whose pixels are whole
        return ""
    return next((text for text in map(_plain_letters, said) if text), "")


def pixel_facts(rgb: Image.Image) -> dict[str, float]:
    """Returns the facts of a decoded image's pixels; see `kbin.data.image_measures.FACTS` for what they are.

    Sharpness and noise are NaN where the image has less than 3 pixels a side.
    """
    luminance = rgb.convert("L")
    counts = np.array(luminance.histogram(), np.float64)
    number = counts.sum()
    brightness = counts @ _LEVELS / number
    channels = np.array(rgb.histogram(), np.float64).reshape(3, 256) @ _LEVELS / number
    red, green, blue = (np.asarray(one) for one in rgb.split())
    largest, smallest = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    grey = np.asarray(luminance)
    return {
        "width": rgb.width,
        "height": rgb.height,
        "brightness": brightness,
        "contrast": float(np.sqrt(counts @ (_LEVELS - brightness) ** 2 / number)),
        "red": channels[0],
        "green": channels[1],
        "blue": channels[2],
        "saturation": float((largest - smallest).mean(dtype=np.float64)),
        "black_border": _border(grey <= _BLACK),
        "white_border": _border(grey >= _WHITE),
        "black_pixels": counts[: _NEARLY_BLACK + 1].sum() / number,
        "white_pixels": counts[_NEARLY_WHITE:].sum() / number,
        **_fine_structure(grey),
    }


def _plain_letters(value: Any) -> str:
    """Returns printable ASCII of a tag; a damaged one need not hold text."""
    if not isinstance(value, str):
        return ""
    words = "".join(one if " " <= one <= "~" else " " for one in value).split()
    return " ".join(words)[:MAKER_LETTERS].strip()


def _num_bytes(image: Image.Image) -> float:
    try:
        return os.path.getsize(image.filename)  # type: ignore[attr-defined]
    except (AttributeError, OSError, TypeError):
        return np.nan


def _jpeg_quality(image: Image.Image) -> float:
    """Returns the quality whose scaled standard table has the sum nearest to that of the file's luminance table."""
    tables = getattr(image, "quantization", None)
    if image.format not in ("JPEG", "MPO") or not tables or 0 not in tables:
        return np.nan
    return float(1 + np.abs(_TABLE_SUMS - sum(tables[0])).argmin())


def _border(is_plain: npt.NDArray[np.bool_]) -> float:
    """Returns the share of the image that whole rows and columns of one colour at its four sides take."""
    inner = 1.0
    for axis in (0, 1):
        other = np.flatnonzero(~is_plain.all(axis=1 - axis))
        if not len(other):
            return 1.0
        inner *= (other[-1] - other[0] + 1) / is_plain.shape[axis]
    return 1.0 - inner


def _fine_structure(grey: npt.NDArray[np.uint8]) -> dict[str, float]:
    """Returns sharpness and noise.

    Source:
        Immerkaer 1996, "Fast noise variance estimation": the mean absolute value of what a mask leaves that takes
        edges away.
    """
    height, width = grey.shape
    top, left = max(0, (height - _MIDDLE_SIDE) // 2), max(0, (width - _MIDDLE_SIDE) // 2)
    part = grey[top : top + _MIDDLE_SIDE, left : left + _MIDDLE_SIDE].astype(np.int16)
    if min(part.shape) < 3:
        return {"sharpness": np.nan, "noise": np.nan}
    across = part[:, :-2] - 2 * part[:, 1:-1] + part[:, 2:]
    along = part[:-2] - 2 * part[1:-1] + part[2:]
    laplacian = across[1:-1] + along[:, 1:-1]
    masked = across[:-2] - 2 * across[1:-1] + across[2:]
    return {
        "sharpness": float(laplacian.std(dtype=np.float32)),
        "noise": float(np.sqrt(np.pi / 2) / 6 * np.abs(masked).mean(dtype=np.float64)),
    }
