"""Where the images of a dataset are, as stored: files, one array, or several of these in a row."""

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt
from PIL import Image

from kbin.data.image_files import MAX_MEGAPIXELS, check_regular, check_size, fault_text, open_image
from kbin.data.wording import printable
from kbin.errors import BadImagesError, DataError

Indices = npt.NDArray[np.int64]
StoredImage = Image.Image | npt.NDArray[np.generic]

MAX_PIXELS = MAX_MEGAPIXELS * 1_000_000

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

    def limited(self, max_pixels: int) -> "ImageSource":
        """Returns the same images, of which none is opened that has more pixels."""
        ...

    def location(self, index: int) -> str:
        """Returns what a message calls the image."""
        ...

    def fault(self, index: int, error: Exception) -> str:
        """Returns in words what is wrong with an image, from what reading it raised."""
        ...


class FileImages:
    """Images in files, one each.

    Args:
        files: Their paths.
        max_pixels: The most that an image may have.
    """

    def __init__(self, files: Sequence[Path], max_pixels: int = MAX_PIXELS) -> None:
        self._files = tuple(files)
        self._max_pixels = max_pixels

    def __reduce__(self) -> tuple[Any, ...]:
        """Takes whole paths into another process, which may be in another folder."""
        return type(self), ([file.absolute() for file in self._files], self._max_pixels)

    def __len__(self) -> int:
        return len(self._files)

    def open(self, index: int) -> StoredImage:
        """Returns the opened file."""
        return open_image(self._files[index], self._max_pixels)

    def content_hash(self, index: int) -> str:
        """Returns the hash of the file's bytes."""
        try:
            check_regular(self._files[index])
            with self._files[index].open("rb") as file:
                return hashlib.file_digest(file, _new_digest).hexdigest()
        except (OSError, DataError) as error:
            raise BadImagesError(
                f"{self.location(index)} cannot be read: {self.fault(index, error)}. "
                "Restore the file, or take it out of the data."
            ) from error

    def select(self, indices: Indices) -> Self:
        """Returns the files at `indices`."""
        return type(self)([self._files[index] for index in indices], self._max_pixels)

    def limited(self, max_pixels: int) -> Self:
        """Returns the same files with another limit."""
        return type(self)(self._files, max_pixels)

    def location(self, index: int) -> str:
        """Returns the file's path."""
        return printable(str(self._files[index]))

    def fault(self, index: int, error: Exception) -> str:
        """Returns in words why the file cannot be read."""
        return fault_text(error, self._files[index])


class ArrayImages:
    """Images in one array.

    Args:
        array: Shape (n, height, width) or (n, height, width, channels).
        name: What messages call the array.
        indices: The images of the array to use; all by default.
        white: Value of white in an array of floats, where it cannot be told from one image: 1 or 255.
        numbers: What messages call the images of the array; by default their places in it.
        max_pixels: The most that an image may have.
    """

    def __init__(
        self,
        array: npt.NDArray[np.generic],
        name: str,
        indices: Indices | None = None,
        white: float | None = None,
        numbers: Indices | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self._array = array
        self._name = name
        self._indices = np.arange(len(array)) if indices is None else indices
        self._white = white
        self._numbers = np.arange(len(array)) if numbers is None else numbers
        self._max_pixels = max_pixels

    def __reduce__(self) -> tuple[Any, ...]:
        """Takes only its own images into another process, not the whole array."""
        own = self._array[self._indices]
        return type(self), (own, self._name, None, self._white, self._numbers[self._indices], self._max_pixels)

    def __len__(self) -> int:
        return len(self._indices)

    def open(self, index: int) -> StoredImage:
        """Returns one image of the array; floats whose `white` is known come as uint8."""
        image = self._array[self._indices[index]]
        check_size(image.shape[1], image.shape[0], self._max_pixels)
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
        return type(self)(self._array, self._name, self._indices[indices], self._white, self._numbers, self._max_pixels)

    def limited(self, max_pixels: int) -> Self:
        """Returns the same images with another limit."""
        return type(self)(self._array, self._name, self._indices, self._white, self._numbers, max_pixels)

    def location(self, index: int) -> str:
        """Returns the array's name and the image's place in it, from 0."""
        return f"{printable(self._name)}, image {self._numbers[self._indices[index]]}"

    def fault(self, index: int, error: Exception) -> str:
        """Returns in words why the image cannot be read."""
        return fault_text(error)


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

    def limited(self, max_pixels: int) -> Self:
        """Returns the same images with another limit."""
        return type(self)([source.limited(max_pixels) for source in self._sources], self._indices)

    def location(self, index: int) -> str:
        """Returns what the image's own source calls it."""
        source, place = self._find(index)
        return source.location(place)

    def fault(self, index: int, error: Exception) -> str:
        """Returns what the image's own source says of the fault."""
        source, place = self._find(index)
        return source.fault(place, error)
