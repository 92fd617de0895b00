"""Decoding: from an image as stored to RGB of one size."""

import os
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps
from PIL.ExifTags import Base as ExifTag

from kbin.data.decoding_room import decoding_room
from kbin.data.image_files import pillow_as_needed
from kbin.data.image_sources import ImageSource, Indices, StoredImage
from kbin.data.machine_faults import refuse_machine_fault
from kbin.data.wording import counted, first_few
from kbin.errors import BadImagesError, DataError, unknown_name

RgbImages = npt.NDArray[np.uint8]

_BILINEAR = Image.Resampling.BILINEAR

# Orientation of EXIF -> what turns the stored image upright; 1 is upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _stretch(image: Image.Image, side: int) -> Image.Image:
    return image.resize((side, side), _BILINEAR)


def _crop(image: Image.Image, side: int) -> Image.Image:
    return ImageOps.fit(image, (side, side), _BILINEAR)


def _pad(image: Image.Image, side: int) -> Image.Image:
    width, height = image.size
    # Of a line of 1 x 20000 Pillow would leave nothing, and pad that.
    if not round(min(width, height) / max(width, height) * side):
        image = image.resize((1, side) if width < height else (side, 1), _BILINEAR)
    return ImageOps.pad(image, (side, side), _BILINEAR, color="black")


# Pillow widens the bilinear filter when it shrinks an image, so none of them aliases.
RESIZERS: dict[str, Callable[[Image.Image, int], Image.Image]] = {
    "stretch": _stretch,
    "crop": _crop,
    "pad": _pad,
}


def decode(image: StoredImage, image_size: int, resize: str = "stretch") -> RgbImages:
    """Returns any image as RGB of one size.

    Transparent parts lie on white; the EXIF orientation is applied; of an animation the first frame is taken. 16-bit
    images are read by their full range: 65535 is white (also in Pillow's mode I, which is cut to that range). Floats
    are 0 to 1 where no value of the image is above 1, and 0 to 255 otherwise.

    Args:
        image: An opened image of any of Pillow's modes, or an array of shape (height, width) or
            (height, width, 1 | 3 | 4) of type uint8, uint16 or float.
        image_size: Side of the result in pixels.
        resize: `stretch` (both sides to size), `crop` (the largest centred square), or `pad` (the whole image,
            centred on black).

    Returns:
        shape (image_size, image_size, 3), 0 to 255.

    Raises:
        DataError: The resize rule is unknown, or floats are outside their range.
        Exception: Whatever Pillow raises on a damaged file; `decode_batch` turns it into a DataError with the name.
    """
    _check_rule(resize)
    with pillow_as_needed():
        rgb = to_rgb(image)
        if rgb.size != (image_size, image_size):
            rgb = RESIZERS[resize](rgb, image_size)
        return np.array(rgb)


def to_rgb(image: StoredImage) -> Image.Image:
    """Returns any image as RGB in its own size, upright; see `decode`."""
    return _array_to_rgb(image) if isinstance(image, np.ndarray) else _to_rgb(image)


def decode_batch(
    images: ImageSource,
    indices: Indices,
    image_size: int,
    resize: str = "stretch",
    executor: Executor | None = None,
) -> RgbImages:
    """Decodes several images in threads.

    Args:
        images: The images.
        indices: Which of them, shape (n,).
        image_size: Side of the results in pixels.
        resize: See `decode`.
        executor: Threads to use; by default as many as there are cores, for this batch.

    Returns:
        shape (n, image_size, image_size, 3), 0 to 255.

    Raises:
        DataError: The resize rule is unknown.
        BadImagesError: Images cannot be read; it names those of this batch.
    """
    _check_rule(resize)
    batch = np.empty((len(indices), image_size, image_size, 3), dtype=np.uint8)

    def decode_into(place: int) -> str | None:
        index = int(indices[place])
        found = decode_or_fault(images, index, image_size, resize)
        if isinstance(found, str):
            return f"{images.location(index)} ({found})"
        batch[place] = found
        return None

    with pillow_as_needed():
        if executor is not None:
            outcomes = list(executor.map(decode_into, range(len(indices))))
        else:
            with ThreadPoolExecutor(os.cpu_count()) as threads:
                outcomes = list(threads.map(decode_into, range(len(indices))))
    faults = [fault for fault in outcomes if fault is not None]
    if faults:
        raise BadImagesError(
            f"{counted(len(faults), 'image')} cannot be read: {first_few(faults)}. Replace or remove such files."
        )
    return batch


def decode_or_fault(images: ImageSource, index: int, image_size: int, resize: str = "stretch") -> RgbImages | str:
    """Returns one image as `decode` does, or what is wrong with it, in words.

    Raises:
        DataError: The machine is at fault, not the image.
    """
    try:
        stored = images.open(index)
        with decoding_room.taking(_num_pixels(stored)):
            if isinstance(stored, np.ndarray):
                return decode(stored, image_size, resize)
            with stored:
                return decode(stored, image_size, resize)
    except Exception as error:  # Pillow's readers raise nearly anything on a damaged file
        refuse_machine_fault(error, images.location(index))
        return images.fault(index, error)


def _num_pixels(stored: StoredImage) -> int:
    height, width = stored.shape[:2] if isinstance(stored, np.ndarray) else stored.size
    return int(height * width)


def _check_rule(resize: str) -> None:
    if resize not in RESIZERS:
        raise DataError(f"data.resize: {unknown_name('rule', resize, RESIZERS)}")


def _upright(image: Image.Image) -> Image.Image:
    image.load()  # first: a PNG may have its EXIF behind the pixels, and a TIFF is turned by Pillow itself
    try:
        turn = _UPRIGHT.get(image.getexif().get(ExifTag.Orientation, 1))
    except Exception:  # a damaged EXIF block says nothing of an image whose pixels are whole
        turn = None
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image.Image) -> Image.Image:
    upright = _upright(image)
    if upright.mode == "La":  # Pillow converts it to nothing but LA
        upright = upright.convert("LA")
    if upright.mode == "I" or upright.mode.startswith("I;16"):
        values = np.asarray(upright).clip(0, 65535)
        grey = _from_16_bits(values)
        # The one value that a PNG may declare transparent.
        grey[values == upright.info.get("transparency", -1)] = 255
        return Image.fromarray(grey).convert("RGB")
    if upright.mode == "F":
        return Image.fromarray(_from_floats(np.asarray(upright))).convert("RGB")
    if upright.has_transparency_data:
        return _on_white(upright.convert("RGBA"))
    return upright.convert("RGB")


def _array_to_rgb(array: npt.NDArray[Any]) -> Image.Image:
    if array.dtype == np.uint16:
        array = _from_16_bits(array)
    elif array.dtype.kind == "f":
        array = _from_floats(array)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    image = Image.fromarray(array)
    return _on_white(image) if image.mode == "RGBA" else image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def _from_16_bits(values: npt.NDArray[Any]) -> RgbImages:
    # 65535 = 255 * 257; half of it is added to round.
    return ((values.astype(np.int32) + 128) // 257).astype(np.uint8)


def _from_floats(values: npt.NDArray[Any]) -> RgbImages:
    # Written so that NaN, which compares false, is refused too.
    if not (values.min() >= 0 and values.max() <= 255):
        raise DataError(f"floats from {values.min()} to {values.max()}; allowed: 0 to 1, or 0 to 255")
    return np.rint(values * (255.0 if values.max() <= 1 else 1.0)).astype(np.uint8)
