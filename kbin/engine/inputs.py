"""Where a batch's inputs come from: images that are decoded when needed, or stored features."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np

from kbin.data.datasets import ImageSource
from kbin.data.images import decode_batch

_DECODED_BYTES_KEPT = 2 * 2**30  # of all decoded images that are kept between epochs


class Inputs(Protocol):
    """Samples that a network takes, by position."""

    def __len__(self) -> int: ...

    def take(self, indices: np.ndarray) -> np.ndarray:
        """Returns the samples at `indices`, shape (len(indices), ...)."""
        ...


class ImageInputs:
    """Raw images, decoded in threads.

    Args:
        images: The images.
        image_size: Side in pixels.
        resize: "stretch", "crop" or "pad".
        num_threads: Decoding threads.
        keep: Keep decoded images for the next epoch, where they take at most 2 GiB.
    """

    def __init__(self, images: ImageSource, image_size: int, resize: str, num_threads: int = 2, keep: bool = False):
        self.images, self.image_size, self.resize = images, image_size, resize
        self._executor = ThreadPoolExecutor(num_threads)
        self._num_threads = num_threads
        keep = keep and len(images) * image_size**2 * 3 <= _DECODED_BYTES_KEPT
        self._kept = np.empty((len(images), image_size, image_size, 3), np.uint8) if keep else None
        self._is_kept = np.zeros(len(images), bool)

    def keeping(self) -> "ImageInputs":
        """Returns the same images, kept in memory after the first time where there is room."""
        return ImageInputs(self.images, self.image_size, self.resize, self._num_threads, keep=True)

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: np.ndarray) -> np.ndarray:
        """Returns RGB images, shape (len(indices), image_size, image_size, 3), uint8."""
        if self._kept is None:
            return self._decode(indices)
        missing = indices[~self._is_kept[indices]]
        if len(missing):
            self._kept[missing] = self._decode(missing)
            self._is_kept[missing] = True
        return self._kept[indices]

    def _decode(self, indices: np.ndarray) -> np.ndarray:
        return decode_batch(self.images, indices, self.image_size, self.resize, self._executor)


class ArrayInputs:
    """Samples of an array, in memory or memory-mapped."""

    def __init__(self, array: np.ndarray):
        self._array = array

    def __len__(self) -> int:
        return len(self._array)

    def take(self, indices: np.ndarray) -> np.ndarray:
        """Returns the rows at `indices`."""
        return self._array[indices]


def in_memory(inputs: Inputs, most_bytes: float) -> Inputs:
    """Returns the same samples as an array, where they take at most so many bytes; what is an array stays as it is.

    Stored features are read row by row, which takes longer than a small training step.
    """
    if isinstance(inputs, ArrayInputs) or inputs.take(np.arange(1)).nbytes * len(inputs) > most_bytes:
        return inputs
    return ArrayInputs(np.asarray(inputs.take(np.arange(len(inputs)))))


class Chosen:
    """Some samples of other inputs."""

    def __init__(self, inputs: Inputs, indices: np.ndarray):
        self._inputs, self._indices = inputs, indices

    def __len__(self) -> int:
        return len(self._indices)

    def take(self, indices: np.ndarray) -> np.ndarray:
        """Returns the samples at `indices` of the choice."""
        return self._inputs.take(self._indices[indices])


class Joined:
    """The samples of several inputs, one after the other."""

    def __init__(self, parts: Sequence[Inputs]):
        self._parts = parts
        self._ends = np.cumsum([len(part) for part in parts])

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def take(self, indices: np.ndarray) -> np.ndarray:
        """Returns the samples at `indices` of the whole."""
        part_of = np.searchsorted(self._ends, indices, side="right")
        starts = np.concatenate([[0], self._ends[:-1]])
        runs = np.split(np.arange(len(indices)), np.flatnonzero(np.diff(part_of)) + 1)
        return np.concatenate(
            [self._parts[part_of[run[0]]].take(indices[run] - starts[part_of[run[0]]]) for run in runs]
        )
