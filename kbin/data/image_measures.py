"""What an audit wants to know of each image, from one decoding: facts of file and pixels, and a miniature."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL import Image

from kbin.data.decoding_room import decoding_room
from kbin.data.image_facts import FORMATS, MAKER_LETTERS, MODES, file_facts, maker_of, pixel_facts
from kbin.data.image_files import pillow_as_needed
from kbin.data.image_sources import ImageSource, StoredImage
from kbin.data.images import to_rgb
from kbin.data.machine_faults import refuse_machine_fault
from kbin.data.wording import counted, first_few
from kbin.errors import BadImagesError

MINIATURE = 48  # pixels a side
NUMBERS = 2  # raised when what is measured changes, so that old measures are not used

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
    "noise",  # its standard deviation, in grey values, of the same pixels
    "black_border",  # share of the image in whole black rows and columns at its sides, 0 to 1
    "white_border",
    "black_pixels",  # share of the pixels at the ends of the luminance, 0 to 1
    "white_pixels",
)
MAKER = "maker"  # a fact as well: camera or software of the EXIF, text
_HASH_BYTES = 16
_FACTS_END = _HASH_BYTES + 8 * len(FACTS)
_MAKER_END = _FACTS_END + MAKER_LETTERS
ROW_BYTES = _MAKER_END + 3 * MINIATURE**2


@dataclass(frozen=True)
class ImageMeasures:
    """The measures of n images.

    Attributes:
        pixel_hashes: shape (n,), 32 hexadecimal digits, equal for equal decoded pixels of equal size.
        facts: Name of `FACTS`, or "maker" -> shape (n,); "format", "mode" and "maker" are text, the others float64.
        miniatures: shape (n, 48, 48, 3), uint8.
    """

    pixel_hashes: np.ndarray
    facts: Mapping[str, np.ndarray]
    miniatures: np.ndarray


def measure(images: ImageSource, indices: Sequence[int]) -> np.ndarray:
    """Measures images in threads.

    Args:
        images: The images.
        indices: Which of them.

    Returns:
        shape (len(indices), ROW_BYTES), uint8: a row an image, for `unpacked`.

    Raises:
        BadImagesError: Images cannot be read; it names them.
        DataError: The machine is at fault, not an image.
    """
    rows = np.empty((len(indices), ROW_BYTES), np.uint8)

    def fill(place: int) -> str | None:
        index = int(indices[place])
        try:
            rows[place] = _row(images, index)
        except Exception as error:  # Pillow's readers raise nearly anything on a damaged file
            refuse_machine_fault(error, images.location(index))
            return f"{images.location(index)} ({images.fault(index, error)})"
        return None

    with pillow_as_needed(), ThreadPoolExecutor(os.cpu_count()) as threads:
        faults = [fault for fault in threads.map(fill, range(len(indices))) if fault is not None]
    if faults:
        raise BadImagesError(
            f"{counted(len(faults), 'image')} cannot be read: {first_few(faults)}. Restore what was there, or run the "
            "experiment anew."
        )
    return rows


def unpacked(rows: np.ndarray) -> ImageMeasures:
    """Returns the measures that rows of `measure` hold, shape (n, ROW_BYTES)."""
    numbers = np.ascontiguousarray(rows[:, _HASH_BYTES:_FACTS_END]).view(np.float64)
    facts: dict[str, np.ndarray] = {name: numbers[:, place] for place, name in enumerate(FACTS)}
    for name, names in (("format", FORMATS), ("mode", MODES)):
        facts[name] = np.array(names)[np.clip(np.nan_to_num(facts[name]), 0, len(names) - 1).astype(np.int64)]
    makers = np.ascontiguousarray(rows[:, _FACTS_END:_MAKER_END]).view(f"S{MAKER_LETTERS}")[:, 0]
    return ImageMeasures(
        np.array([bytes(one).hex() for one in rows[:, :_HASH_BYTES]], dtype=f"<U{2 * _HASH_BYTES}"),
        facts | {MAKER: makers.astype(f"<U{MAKER_LETTERS}")},
        rows[:, _MAKER_END:].reshape(-1, MINIATURE, MINIATURE, 3),
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
    about_file = file_facts(stored)
    rgb = to_rgb(stored)
    facts = about_file | pixel_facts(rgb)
    digest = hashlib.blake2b(f"{rgb.size}".encode(), digest_size=_HASH_BYTES)
    digest.update(rgb.tobytes())
    small = rgb.resize((MINIATURE, MINIATURE), Image.Resampling.BILINEAR)
    return np.concatenate(
        [
            np.frombuffer(digest.digest(), np.uint8),
            np.array([facts[name] for name in FACTS], np.float64).view(np.uint8),
            np.frombuffer(maker_of(stored).encode("ascii").ljust(MAKER_LETTERS, b"\0"), np.uint8),
            np.asarray(small).ravel(),
        ]
    )
