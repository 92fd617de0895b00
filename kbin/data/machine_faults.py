"""Faults of the machine that are met while an image is read: the image may be sound, and must not be left out."""

import errno
import os

from kbin.errors import DataError

_NUMBERS = frozenset(
    [
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.EIO,
        errno.ESTALE,
        errno.ENOTCONN,
        errno.ETIMEDOUT,
    ]
)


def refuse_machine_fault(error: BaseException, location: str) -> None:
    """Does nothing, unless an error says that the machine, its disk or its network is at fault.

    Args:
        error: What reading an image raised; what it came from is looked at too.
        location: What messages call the image.

    Raises:
        DataError: Memory or open files ran out, or the disk or network drive does not answer.
    """
    one: BaseException | None = error
    while one is not None:
        words = _words(one)
        if words is not None:
            raise DataError(
                f"{location} could not be read, and the machine is at fault, not the image: {words}. "
                "Look after the memory, the limit of open files, or the drive; then give the same command again. "
                "If it is this image alone each time, replace or remove it."
            ) from error
        one = one.__cause__


def _words(error: BaseException) -> str | None:
    if isinstance(error, MemoryError):
        return os.strerror(errno.ENOMEM).lower()
    if isinstance(error, OSError) and error.errno in _NUMBERS:
        return os.strerror(error.errno).lower()
    return None
