"""What a person gives to an estimator as images: arrays, paths, or Pillow's images."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from kbin.data.image_sources import ArrayImages, FileImages, ImageSource, JoinedImages
from kbin.data.images import to_rgb
from kbin.data.wording import first_few, printable
from kbin.errors import EstimatorInputError

_ALLOWED = (
    "give an array of shape (images, height, width, 3) with values from 0 to 255, a list of such images, of paths, or "
    "of Pillow images"
)
_NAME = "X"
_WHITE = 255.0


def estimator_images(images: Any) -> ImageSource:
    """Returns images by index, as the engine reads them.

    Args:
        images: One of:

            - an array of shape (n, height, width, channels) with 1, 3 (RGB) or 4 (RGBA) channels, or grey ones of shape
              (n, height, width); whole numbers or floats from 0 to 255, floats rounded;
            - a list of such images, which may differ in size;
            - a list, array or table of one column of paths, text or `Path`;
            - a list of Pillow's images, which are copied.

    Raises:
        EstimatorInputError: It is none of these, there is no image, a file does not exist, or values lie elsewhere.
    """
    if isinstance(images, np.ndarray) and images.dtype.kind in "biufc":
        return _array(images)
    if isinstance(images, str | os.PathLike):
        raise EstimatorInputError(f"X is one path, {str(images)!r}: {_ALLOWED}.")
    several = _as_list(images)
    if several and all(isinstance(one, str | os.PathLike) for one in several):
        return _files([Path(one) for one in several])
    if several and all(isinstance(one, Image.Image) for one in several):
        return JoinedImages([_array(np.asarray(to_rgb(one))[np.newaxis]) for one in several])
    if several and all(isinstance(one, np.ndarray) for one in several) and len({one.shape for one in several}) > 1:
        return JoinedImages([_array(one[np.newaxis]) for one in several])
    return _array(_numbers(images))


def _as_list(images: Any) -> list[Any]:
    if hasattr(images, "__array__") and not isinstance(images, np.ndarray):
        images = np.asarray(images)  # of pandas
    if isinstance(images, np.ndarray):
        column = images[:, 0] if images.ndim == 2 and images.shape[1] == 1 else images
        return column.tolist() if column.dtype.kind in "UO" and column.ndim == 1 else []
    return list(images) if isinstance(images, Sequence) else []


def _numbers(images: Any) -> npt.NDArray[Any]:
    try:
        found = np.asarray(images)
        return found if found.dtype.kind in "biufc" else found.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise EstimatorInputError(f"X is no images ({error}): {_ALLOWED}.") from None


def _array(images: npt.NDArray[Any]) -> ImageSource:
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] not in (1, 3, 4)):
        raise EstimatorInputError(f"X has shape {images.shape}: {_ALLOWED}.")
    if not images.size:
        raise EstimatorInputError(f"X has shape {images.shape} and so 0 sample(s) or pixels: give at least one image.")
    if images.dtype.kind in "bc":
        raise EstimatorInputError(f"X is of type {images.dtype}: {_ALLOWED}.")
    if images.dtype == np.uint8:
        return ArrayImages(images, _NAME)
    low, high = images.min(), images.max()
    # Written so that NaN, which compares false, is refused too.
    if not (low >= 0 and high <= _WHITE):
        raise EstimatorInputError(f"X has values from {low} to {high}; allowed: 0 to 255, no NaN and no inf.")
    if images.dtype.kind == "f" and 0 < high <= 1:
        raise EstimatorInputError("X has floats from 0 to 1, which would all be black: multiply them by 255.")
    return ArrayImages(images, _NAME, white=_WHITE)


def _files(paths: list[Path]) -> FileImages:
    absent = [printable(str(path)) for path in paths if not path.is_file()]
    if absent:
        raise EstimatorInputError(
            f"{len(absent)} of {len(paths)} paths lead to no file: {first_few(absent)}. Relative ones begin at the "
            f"current folder, {Path.cwd()}."
        )
    return FileImages(paths)
