"""Locks between processes, which are waited for where an interruption is heard."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from kbin.interruption import safe_point

_SECONDS = 0.2  # between two looks for a signal; the lock itself is tried more often


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a lock file for the block, which it waits for; the lock falls with its holder.

    Raises:
        Interrupted: A signal came while another process held it.
    """
    lock = FileLock(path)
    while not lock.is_locked:
        safe_point()
        try:
            lock.acquire(timeout=_SECONDS)
        except Timeout:
            continue
    try:
        yield
    finally:
        lock.release()
