"""One run at a time in a folder: the second is told who holds it, and a dead holder's lock falls by itself."""

import errno
import getpass
import json
import os
import shlex
import socket
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from kbin.credentials import without_credentials
from kbin.errors import RunFolderError
from kbin.files import as_json, make_folder, write_whole
from kbin.storage_faults import refuse_full_disk, storage_error

LOCK, SOFT_LOCK, HOLDER = ".run.lock", ".run.lock.pid", ".run.holder.json"
LOCK_FILES = frozenset({LOCK, SOFT_LOCK, HOLDER})
# Not to wait for the holder, but because an attempt is lost where the lock file is removed in the same moment.
_SECONDS, _EVERY = 0.3, 0.02
_MOST_ATTEMPTS = 50
_WITHOUT_FLOCK = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
_LONGEST_HOLDER, _LONGEST_VALUE = 16_384, 200  # of what is shown, which anybody may have written


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the lock of a run's folder, which it makes where it is not there; nothing of the lock stays behind.

    The system's own lock falls with its holder, however that ends. Where the disk has none (some network drives), the
    process id, host and start time of the holder decide whether it is still there.

    Args:
        folder: The run's folder; removed again if it was made here and nothing came into it.

    Raises:
        RunFolderError: Another process holds it, or it is a file.
        StorageError: The lock cannot be made there, or the block met a full or read-only disk.
    """
    made: list[Path] = []
    try:
        lock = _acquired(folder, made)
        try:
            with _lock_files(folder, lock), _no_full_disk():
                yield
        finally:
            lock.release()
    finally:
        for one in reversed(made):
            with suppress(OSError):  # something is in it
                one.rmdir()


def _acquired(folder: Path, made: list[Path]) -> BaseFileLock:
    """Returns the lock of a folder, held; the folders that were made for it join `made`."""
    try:
        for _ in range(_MOST_ATTEMPTS):
            with suppress(FileNotFoundError):  # who made the folder has just removed it, for a fault of the input
                made += make_folder(folder)
                return _acquired_there(folder)
        made += make_folder(folder)
        return _acquired_there(folder)
    except Timeout:
        raise RunFolderError(
            f"{folder} is in use: {holder(folder)} runs in it. Wait for it, end it, or choose another folder with "
            "--out."
        ) from None
    except FileExistsError as error:
        raise RunFolderError(
            f"{error.filename or folder} is a file, not a folder: choose another place with --out."
        ) from None
    except OSError as error:
        raise storage_error(folder, error) from error


def _acquired_there(folder: Path) -> BaseFileLock:
    lock: BaseFileLock = FileLock(folder / LOCK, timeout=_SECONDS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # filelock's word that it takes the process id instead
        try:
            lock.acquire(poll_interval=_EVERY)
        except OSError as error:
            if isinstance(error, Timeout) or error.errno not in _WITHOUT_FLOCK:
                raise
            lock = SoftFileLock(folder / SOFT_LOCK, timeout=_SECONDS)
            lock.acquire(poll_interval=_EVERY)
    return lock


@contextmanager
def _lock_files(folder: Path, lock: BaseFileLock) -> Iterator[None]:
    """Says who holds the lock, and removes its files while it is still held.

    Whoever opened the lock file before gets a lock on a file without a name, which filelock sees and does not take;
    whoever comes later makes a new file. So no two hold it.
    """
    ours = _identity(folder / LOCK)
    text = as_json(_own_process())
    with suppress(Exception):  # the lock holds without it; what cannot be written is said where it matters
        write_whole(folder / HOLDER, text, folder, lasting=False)
    try:
        yield
    finally:
        # Somebody may have removed the folder, and another run begun in its place: its files stay.
        if _read(folder / HOLDER) == text:
            with suppress(OSError):
                (folder / HOLDER).unlink()
        is_soft = isinstance(lock, SoftFileLock) and Path(lock.lock_file).name == LOCK  # it removes its file itself
        if not is_soft and ours is not None and _identity(folder / LOCK) == ours:
            with suppress(OSError):
                (folder / LOCK).unlink()


@contextmanager
def _no_full_disk() -> Iterator[None]:
    """Says of a full disk that it is one, wherever in a run it was met."""
    try:
        yield
    except Exception as error:
        refuse_full_disk(error)
        raise


def holder(folder: Path) -> str:
    """Returns in words who holds the lock of a folder, as far as that is known."""
    try:
        values = json.loads(_read(folder / HOLDER) or "")
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict) or type(values.get("pid")) is not int:
        return "another process"
    shown = {name: _shown(values.get(name)) for name in _own_process()}
    return f"process {shown['pid']} of {shown['user']} on {shown['host']}, since {shown['since']} ({shown['command']}),"


def _own_process() -> dict[str, Any]:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        user = str(os.getuid()) if hasattr(os, "getuid") else "?"
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "user": user,
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": without_credentials(shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])),
    }


def _shown(value: Any) -> str:
    """Returns a value as a line's worth of text that does nothing to a terminal."""
    text = str(value)[:_LONGEST_VALUE] if isinstance(value, str | int) else "?"
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _read(path: Path) -> str | None:
    try:
        with path.open(encoding="utf-8") as stream:
            return stream.read(_LONGEST_HOLDER)
    except (OSError, UnicodeDecodeError):
        return None


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
