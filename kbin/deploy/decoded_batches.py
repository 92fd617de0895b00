"""Images of any kind -> batches of one size, decoded in threads while somebody works on those before."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from PIL import Image

from kbin.data.image_files import check_size, fault_text, pillow_as_needed
from kbin.data.image_sources import MAX_PIXELS, FileImages, StoredImage
from kbin.data.images import RgbImages, decode, decode_or_fault
from kbin.environment import available_cores
from kbin.model_description import ImageInput

Item = TypeVar("Item")
AnyImage = Path | StoredImage

_BATCHES_AHEAD = 2  # beside those that the threads are at


@dataclass(frozen=True, eq=False)
class DecodedBatch(Generic[Item]):
    """Some images in a row.

    Attributes:
        items: What was given, bad images among them.
        faults: What is wrong with each; "" where nothing is.
        images: The sound ones, shape (k, size, size, 3), uint8.
    """

    items: Sequence[Item]
    faults: Sequence[str]
    images: RgbImages


def decoded_batches(
    pairs: Iterable[tuple[Item, AnyImage]], wanted: ImageInput, batch_size: int, max_pixels: int = MAX_PIXELS
) -> Iterator[DecodedBatch[Item]]:
    """Yields all images in order; a few batches are decoded ahead, and no more are in memory.

    Args:
        pairs: Each item with its image: a file, an image of Pillow's, or an array as `kbin.data.images.decode` takes.
        wanted: Size, and how images come to it.
        batch_size: Images of a batch.
        max_pixels: The most that an image may have.
    """
    given = iter(pairs)
    ahead: deque[Future[DecodedBatch[Item]]] = deque()
    threads = available_cores()
    with ThreadPoolExecutor(threads) as executor:
        try:
            while batch := list(islice(given, batch_size)):
                ahead.append(executor.submit(_decoded, batch, wanted, max_pixels))
                if len(ahead) > threads + _BATCHES_AHEAD:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:  # who leaves early need not wait for batches that nobody takes
            executor.shutdown(wait=False, cancel_futures=True)


def _decoded(batch: Sequence[tuple[Item, AnyImage]], wanted: ImageInput, max_pixels: int) -> DecodedBatch[Item]:
    with pillow_as_needed(max_pixels):
        found = [_image_or_fault(image, wanted, max_pixels) for _, image in batch]
    sound = [one for one in found if not isinstance(one, str)]
    images = np.stack(sound) if sound else np.zeros((0, wanted.size, wanted.size, 3), np.uint8)
    return DecodedBatch([item for item, _ in batch], [one if isinstance(one, str) else "" for one in found], images)


def _image_or_fault(image: Any, wanted: ImageInput, max_pixels: int) -> RgbImages | str:
    if isinstance(image, Path):
        return decode_or_fault(FileImages([image], max_pixels), 0, wanted.size, wanted.resize)
    try:
        if isinstance(image, np.ndarray):
            if image.ndim not in (2, 3) or not image.size:
                return f"an array of shape {image.shape}: an image has (height, width) or (height, width, channels)"
            check_size(image.shape[1], image.shape[0], max_pixels)
        elif not isinstance(image, Image.Image):
            return f"a {type(image).__name__}: give a path, an image of Pillow's or an array"
        return decode(image, wanted.size, wanted.resize)
    except Exception as error:  # Pillow raises nearly anything on what it cannot convert
        return fault_text(error)
