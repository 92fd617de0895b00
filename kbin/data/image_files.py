"""Opening an image file: which formats are read, how large an image may be, and what is wrong with one."""

import errno
import os
import re
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from kbin.data.wording import printable
from kbin.errors import DataError

# Megapixels; what `data.max_megapixels` is by default.
MAX_MEGAPIXELS = 100

# Pillow decodes these itself and knows their size once they are open. Of the others, EPS runs Ghostscript, WMF, HDF5,
# GRIB and BUFR are stubs, and ICO, ICNS and IPTC hold a second image whose size shows only when it is decoded.
# JPEG opens MPO too.
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "DIB", "GIF", "WEBP", "AVIF", "JPEG2000", "PPM", "PCX", "SGI", "DDS", "QOI")
# Its files begin with nothing that tells them, so it is tried for none but those that are called so: it would take
# damaged files of other formats for its own.
_BY_NAME = "TGA"
_BY_SUFFIX = frozenset([*FORMATS, _BY_NAME, "MPO"])


class ImageFault(DataError):
    """Why one image cannot be read, without its name."""


def has_image_name(path: Path) -> bool:
    """Returns whether a file's suffix is that of a format that kbin reads."""
    return Image.registered_extensions().get(path.suffix.lower()) in _BY_SUFFIX


def check_regular(path: Path) -> None:
    """Makes sure that a path leads to a file: opening a named pipe would wait for ever.

    Raises:
        ImageFault: It leads to something else.
        OSError: It leads to nothing.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
        raise ImageFault(f"{kinds.get(stat.S_IFMT(mode), 'a device')}, not a file")


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Compares an image's size with the limit.

    Raises:
        ImageFault: It has more pixels.
    """
    if width * height > max_pixels:
        raise _too_large(width * height, max_pixels)


def open_image(path: Path, max_pixels: int) -> Image.Image:
    """Opens an image file, of which no pixel is decoded yet; the caller closes it.

    Args:
        path: The file.
        max_pixels: The most that it may have.

    Raises:
        ImageFault: It is no file, or has more pixels.
        Exception: Whatever Pillow raises on what is no image, or a damaged one.
    """
    check_regular(path)
    by_name = Image.registered_extensions().get(path.suffix.lower()) == _BY_NAME
    formats = [name for name in (*FORMATS, _BY_NAME) if name in Image.OPEN and (by_name or name != _BY_NAME)]
    with pillow_as_needed(max_pixels):
        try:
            image = Image.open(path, formats=formats)
        except Image.DecompressionBombError as error:
            found = re.search(r"\d+", str(error))
            raise _too_large(int(found[0]) if found else None, max_pixels) from error
    try:
        check_size(*image.size, max_pixels)
    except ImageFault:
        image.close()
        raise
    return image


def fault_text(error: Exception, path: Path | None = None) -> str:
    """Returns what is wrong with an image, in words.

    Args:
        error: What reading it raised.
        path: Its file, where it is one.
    """
    if path is not None and isinstance(error, OSError):
        if _is_empty(path):
            return "an empty file"
        if isinstance(error, FileNotFoundError) and path.is_symlink():
            return "a link to a file that is not there"
    if isinstance(error, UnidentifiedImageError):
        return "not an image that kbin can read"
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return "a link that leads to itself"
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno).lower()
    return printable(str(error)) or type(error).__name__


def _is_empty(path: Path) -> bool:
    try:
        return path.is_file() and not path.stat().st_size
    except OSError:
        return False


def _too_large(pixels: int | None, max_pixels: int) -> ImageFault:
    size = "too many" if pixels is None else f"{pixels / 1e6:,g}"
    return ImageFault(f"{size} megapixels, more than max_megapixels allows ({max_pixels / 1e6:g})")


class _Settings:
    """Pillow's settings that belong to the whole process, as reading needs them while anything is read.

    Warnings (odd EXIF blocks, large images) are silenced; what matters is an error and still raised. Pillow's own limit
    is a warning up to twice its value and an error above: it is raised where ours is higher, and stands as it is for
    what lies inside a file, such as a tile of a TIFF. Threads that overlap share one change.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._caught: warnings.catch_warnings[None] | None = None
        self._limit: int | None = None

    def enter(self, max_pixels: int) -> None:
        with self._lock:
            if not self._users:
                self._caught = warnings.catch_warnings()
                self._caught.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")
                self._limit = Image.MAX_IMAGE_PIXELS
            self._users += 1
            if Image.MAX_IMAGE_PIXELS is not None:
                Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, -(-max_pixels // 2))

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users and self._caught is not None:
                self._caught.__exit__(None, None, None)
                Image.MAX_IMAGE_PIXELS = self._limit


_settings = _Settings()


@contextmanager
def pillow_as_needed(max_pixels: int = 0) -> Iterator[None]:
    """Keeps Pillow quiet in the block, and its own limit from refusing what `max_pixels` allows."""
    _settings.enter(max_pixels)
    try:
        yield
    finally:
        _settings.leave()
