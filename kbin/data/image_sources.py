"""Where the images of a dataset are, as stored: files, one array, or several of these in a row."""

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt
from PIL import Image

from kbin.errors import DataError

Indices = npt.NDArray[np.int64]
StoredImage = Image.Image | npt.NDArray[np.generic]

# 16 bytes: two different images share a digest with a probability below 1e-20 even among a billion.
_new_digest = partial(hashlib.blake2b, digest_size=16)


class ImageSource(Protocol):
    """Images by index, not yet decoded."""

    def __len__(self) -> int: ...

    def open(self, index: int) -> StoredImage:
        """Returns the image as stored: an opened file, which the caller closes, or an array."""
        ...

    def content_hash(self, index: int) -> str:
        """Returns 32 hexadecimal digits that are equal for equal stored bytes."""
        ...

    def select(self, indices: Indices) -> "ImageSource":
        """Returns the images at `indices`, in that order."""
        ...

    def location(self, index: int) -> str:
        """Returns what a message calls the image."""
        ...


class FileImages:
    """Images in files, one each.

    Args:
        files: Their paths.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = tuple(files)

    def __len__(self) -> int:
        return len(self._files)

    def open(self, index: int) -> StoredImage:
        """Returns the opened file."""
        return Image.open(self._files[index])

    def content_hash(self, index: int) -> str:
        """Returns the hash of the file's bytes."""
        try:
            with self._files[index].open("rb") as file:
                return hashlib.file_digest(file, _new_digest).hexdigest()
        except OSError as error:
            reason = error.strerror or str(error)
            raise DataError(
                f"{self.location(index)} cannot be read: {reason}. Restore the file, or take it out of the data."
            ) from error

    def select(self, indices: Indices) -> Self:
        """Returns the files at `indices`."""
        return type(self)([self._files[index] for index in indices])

    def location(self, index: int) -> str:
        """Returns the file's path."""
        return str(self._files[index])


class ArrayImages:
    """Images in one array.

    Args:
        array: Shape (n, height, width) or (n, height, width, channels).
        name: What messages call the array.
        indices: The images of the array to use; all by default.
        white: Value of white in an array of floats, where it cannot be told from one image: 1 or 255.
        numbers: What messages call the images of the array; by default their places in it.
    """

    def __init__(
        self,
        array: npt.NDArray[np.generic],
        name: str,
        indices: Indices | None = None,
        white: float | None = None,
        numbers: Indices | None = None,
    ) -> None:
        self._array = array
        self._name = name
        self._indices = np.arange(len(array)) if indices is None else indices
        self._white = white
        self._numbers = np.arange(len(array)) if numbers is None else numbers

    def __reduce__(self) -> tuple[Any, ...]:
        """Takes only its own images into another process, not the whole array."""
        own = self._array[self._indices]
        return type(self), (own, self._name, None, self._white, self._numbers[self._indices])

    def __len__(self) -> int:
        return len(self._indices)

    def open(self, index: int) -> StoredImage:
        """Returns one image of the array; floats whose `white` is known come as uint8."""
        image = self._array[self._indices[index]]
        if self._white is None:
            return image
        return np.rint(image.astype(np.float64) * (255 / self._white)).astype(np.uint8)

    def content_hash(self, index: int) -> str:
        """Returns the hash of the image's type, shape and bytes."""
        image = self._array[self._indices[index]]
        digest = _new_digest(f"{image.dtype.str}{image.shape}".encode())
        digest.update(image.tobytes())
        return digest.hexdigest()

    def select(self, indices: Indices) -> Self:
        """Returns the images at `indices`, without copying the array."""
        return type(self)(self._array, self._name, self._indices[indices], self._white, self._numbers)

    def location(self, index: int) -> str:
        """Returns the array's name and the image's place in it, from 0."""
        return f"{self._name}, image {self._numbers[self._indices[index]]}"


class JoinedImages:
    """The images of several sources in a row.

    Args:
        sources: The sources.
        indices: Which of all their images to use, counted through; all by default.
    """

    def __init__(self, sources: Sequence[ImageSource], indices: Indices | None = None) -> None:
        self._sources = tuple(sources)
        self._starts = np.cumsum([0, *(len(source) for source in sources)])
        self._indices = np.arange(self._starts[-1]) if indices is None else indices

    def __len__(self) -> int:
        return len(self._indices)

    def __reduce__(self) -> tuple[Any, ...]:
        """Takes only its own images into another process, not all of its sources."""
        owners = np.searchsorted(self._starts, self._indices, side="right") - 1
        sources = [
            self._sources[owner].select(self._indices[owners == owner] - self._starts[owner])
            for owner in np.unique(owners)
        ]
        indices = np.empty_like(self._indices)
        indices[np.argsort(owners, kind="stable")] = np.arange(len(self))
        return type(self), (sources, indices)

    def _find(self, index: int) -> tuple[ImageSource, int]:
        place = self._indices[index]
        owner = int(np.searchsorted(self._starts, place, side="right")) - 1
        return self._sources[owner], int(place - self._starts[owner])

    def open(self, index: int) -> StoredImage:
        """Returns the image as its own source opens it."""
        source, place = self._find(index)
        return source.open(place)

    def content_hash(self, index: int) -> str:
        """Returns the hash that the image's own source gives."""
        source, place = self._find(index)
        return source.content_hash(place)

    def select(self, indices: Indices) -> Self:
        """Returns the images at `indices`, from whichever source."""
        return type(self)(self._sources, self._indices[indices])

    def location(self, index: int) -> str:
        """Returns what the image's own source calls it."""
        source, place = self._find(index)
        return source.location(place)
