"""What an audit wants to know of each image, from one decoding: facts of file and pixels, and a miniature."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL import Image

from kbin.data.decoding_room import decoding_room
from kbin.data.image_files import pillow_as_needed
from kbin.data.image_sources import ImageSource, StoredImage
from kbin.data.images import to_rgb

MINIATURE = 48  # pixels a side
NUMBERS = 1  # raised when what is measured changes, so that old measures are not used
# Codes in a stored row; what is not listed is "other".
FORMATS = ("other", "array", "JPEG", "PNG", "BMP", "TIFF", "GIF", "WEBP", "PPM", "JPEG2000")
MODES = ("other", "array", "1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "I;16", "F")

# Every fact is a number in a stored row; format and mode are codes there.
FACTS = (
    "width",  # pixels, upright
    "height",
    "bytes",  # of the file; NaN for an array
    "format",
    "mode",
    "jpeg_quality",  # 1 to 100, by the luminance table; NaN for others
    "brightness",  # mean of the luminance, 0 to 255
    "contrast",  # its standard deviation
    "red",  # means of the channels, 0 to 255
    "green",
    "blue",
    "saturation",  # mean of (largest - smallest channel), 0 to 255
    "sharpness",  # standard deviation of the luminance's Laplacian, at most 512 x 512 pixels from the centre
)
_SHARPNESS_SIDE = 512  # pixels
_HASH_BYTES = 16
ROW_BYTES = _HASH_BYTES + 8 * len(FACTS) + 3 * MINIATURE**2
# Of the JPEG standard's luminance table (Annex K.1), the sum of its 64 entries; quality 50 uses it as it is.
_BASE_SUM = 3688


@dataclass(frozen=True)
class ImageMeasures:
    """The measures of n images.

    Attributes:
        pixel_hashes: shape (n,), 32 hexadecimal digits, equal for equal decoded pixels of equal size.
        facts: Name of `FACTS` -> shape (n,); "format" and "mode" are text, the others float64.
        miniatures: shape (n, 48, 48, 3), uint8.
    """

    pixel_hashes: np.ndarray
    facts: Mapping[str, np.ndarray]
    miniatures: np.ndarray


def measure(images: ImageSource, indices: Sequence[int]) -> np.ndarray:
    """Measures images in threads.

    Args:
        images: The images, each of which can be decoded.
        indices: Which of them.

    Returns:
        shape (len(indices), ROW_BYTES), uint8: a row an image, for `unpacked`.
    """
    rows = np.empty((len(indices), ROW_BYTES), np.uint8)

    def fill(place: int) -> None:
        rows[place] = _row(images, int(indices[place]))

    with pillow_as_needed(), ThreadPoolExecutor(os.cpu_count()) as threads:
        for _ in threads.map(fill, range(len(indices))):
            pass
    return rows


def unpacked(rows: np.ndarray) -> ImageMeasures:
    """Returns the measures that rows of `measure` hold, shape (n, ROW_BYTES)."""
    facts_end = _HASH_BYTES + 8 * len(FACTS)
    numbers = np.ascontiguousarray(rows[:, _HASH_BYTES:facts_end]).view(np.float64)
    facts: dict[str, np.ndarray] = {name: numbers[:, place] for place, name in enumerate(FACTS)}
    for name, names in (("format", FORMATS), ("mode", MODES)):
        facts[name] = np.array(names)[np.clip(np.nan_to_num(facts[name]), 0, len(names) - 1).astype(np.int64)]
    return ImageMeasures(
        np.array([bytes(one).hex() for one in rows[:, :_HASH_BYTES]], dtype=f"<U{2 * _HASH_BYTES}"),
        facts,
        rows[:, facts_end:].reshape(-1, MINIATURE, MINIATURE, 3),
    )


def _row(images: ImageSource, index: int) -> np.ndarray:
    stored = images.open(index)
    if isinstance(stored, np.ndarray):
        height, width = stored.shape[:2]
    else:
        width, height = stored.size
    with decoding_room.taking(width * height):
        if isinstance(stored, np.ndarray):
            return _measured(stored)
        with stored:
            return _measured(stored)


def _measured(stored: StoredImage) -> np.ndarray:
    about_file = _file_facts(stored)
    rgb = to_rgb(stored)
    pixels = np.asarray(rgb)
    digest = hashlib.blake2b(f"{rgb.size}".encode(), digest_size=_HASH_BYTES)
    digest.update(rgb.tobytes())
    luminance = np.asarray(rgb.convert("L"), np.float32)
    means = pixels.reshape(-1, 3).mean(axis=0)
    facts = about_file | {
        "width": rgb.width,
        "height": rgb.height,
        "brightness": luminance.mean(),
        "contrast": luminance.std(),
        "red": means[0],
        "green": means[1],
        "blue": means[2],
        "saturation": (pixels.max(axis=2).astype(np.int16) - pixels.min(axis=2)).mean(),
        "sharpness": _sharpness(luminance),
    }
    row = np.empty(ROW_BYTES, np.uint8)
    row[:_HASH_BYTES] = np.frombuffer(digest.digest(), np.uint8)
    numbers = np.array([facts[name] for name in FACTS], np.float64)
    row[_HASH_BYTES : _HASH_BYTES + numbers.nbytes] = numbers.view(np.uint8)
    small = rgb.resize((MINIATURE, MINIATURE), Image.Resampling.BILINEAR)
    row[_HASH_BYTES + numbers.nbytes :] = np.asarray(small).ravel()
    return row


def _file_facts(stored: StoredImage) -> dict[str, float]:
    if isinstance(stored, np.ndarray):
        return {"bytes": np.nan, "format": 1, "mode": 1, "jpeg_quality": np.nan}
    return {
        "bytes": _num_bytes(stored),
        "format": FORMATS.index(stored.format) if stored.format in FORMATS else 0,
        "mode": MODES.index(stored.mode) if stored.mode in MODES else 0,
        "jpeg_quality": _jpeg_quality(stored),
    }


def _num_bytes(image: Image.Image) -> float:
    try:
        return os.path.getsize(image.filename)  # type: ignore[attr-defined]
    except (AttributeError, OSError, TypeError):
        return np.nan


def _jpeg_quality(image: Image.Image) -> float:
    """Returns the quality that libjpeg's scaling of the standard's table explains best, by the table's sum."""
    tables = getattr(image, "quantization", None)
    if image.format != "JPEG" or not tables or 0 not in tables:
        return np.nan
    scale = 100 * sum(tables[0]) / _BASE_SUM  # 5000 / q below 50, 200 - 2 q above
    quality = (200 - scale) / 2 if scale <= 100 else 5000 / scale
    return float(np.clip(round(quality), 1, 100))


def _sharpness(luminance: np.ndarray) -> float:
    height, width = luminance.shape
    top, left = max(0, (height - _SHARPNESS_SIDE) // 2), max(0, (width - _SHARPNESS_SIDE) // 2)
    part = luminance[top : top + _SHARPNESS_SIDE, left : left + _SHARPNESS_SIDE]
    if min(part.shape) < 3:
        return 0.0
    centre = part[1:-1, 1:-1]
    return float((part[:-2, 1:-1] + part[2:, 1:-1] + part[1:-1, :-2] + part[1:-1, 2:] - 4 * centre).std())
