"""What the system says when a file cannot be written -> a StorageError in words, with the way to mend it."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kbin.errors import KbinError, StorageError

_ROOM = "Make room, and the same command goes on: what was finished is kept."
_RIGHTS = "Give yourself the right to write there, or choose another place; the same command then goes on."
_ELSEWHERE = "Choose another place."
_AGAIN = "Once it is there again, the same command goes on: what was finished is kept."

_REASONS: dict[int, tuple[str, str]] = {
    errno.ENOSPC: ("no room is left on its disk", _ROOM),
    errno.EDQUOT: ("your quota on its disk is used up", _ROOM),
    errno.EFBIG: ("it is larger than its disk allows", _ELSEWHERE),
    errno.EROFS: ("its disk is read-only", _RIGHTS),
    errno.EACCES: ("you have no permission", _RIGHTS),
    errno.EPERM: ("you have no permission", _RIGHTS),
    errno.ENAMETOOLONG: ("its name is too long for its disk", "Choose another place, or a shorter name."),
    errno.ENOENT: ("its folder is gone", _AGAIN),
    errno.ESTALE: ("its network drive is gone", _AGAIN),
    errno.EIO: ("its disk reports an error", "Look after the disk; what was finished is kept."),
    errno.ENOTDIR: ("a file lies where its folder should be", _ELSEWHERE),
    errno.EEXIST: ("a file lies where its folder should be", _ELSEWHERE),
    errno.EISDIR: ("a folder lies in its place", _ELSEWHERE),
    errno.ELOOP: ("a link on the way to it leads to itself", _ELSEWHERE),
}
# Those that can have no other cause, wherever they are met; a missing file, say, may be one of the images.
_ONLY_STORAGE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
_NUMBER_IN_TEXT = re.compile(r"\berrno\s*=?\s*(\d+)", re.IGNORECASE)  # as HDF5 says it


def storage_error(path: Path, error: BaseException) -> StorageError:
    """Returns what to say of a file that could not be written.

    Args:
        path: The file, or the folder that was to be made.
        error: As the system, or the library that wrote the file, raised it.
    """
    number = _number(error)
    if number in _REASONS:
        reason, mend = _REASONS[number]
    else:
        words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        reason, mend = (words.splitlines() or [type(error).__name__])[0][:200], "What was finished is kept."
    return StorageError(f"{path} cannot be written: {reason}. {mend}")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns what the system says of a file that cannot be written into a StorageError.

    Args:
        path: The file that the block writes.

    Raises:
        StorageError: The block raised an OSError.
    """
    try:
        yield
    except OSError as error:
        raise storage_error(path, error) from error


def refuse_full_disk(error: BaseException, path: Path | None = None) -> None:
    """Does nothing, unless an error says that a disk is full or read-only: then it is no fault of a model or setting.

    Args:
        error: Anything that was raised, whose causes are looked at too.
        path: What was to be written, where that is known.

    Raises:
        StorageError: A disk is full or read-only, or a quota is used up.
    """
    if isinstance(error, KbinError) or _number(error) not in _ONLY_STORAGE:
        return
    named = getattr(error, "filename", None)
    raise storage_error(path or Path(named if isinstance(named, str) else "a file"), error) from error


def _number(error: BaseException) -> int | None:
    """Returns the system's number of what went wrong, of the error or of one that it came from."""
    met: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in met:
        met.add(id(one))
        if isinstance(one, OSError) and one.errno is not None:
            return one.errno
        found = _NUMBER_IN_TEXT.search(str(one))
        if found:
            return int(found.group(1))
        one = one.__cause__ or one.__context__
    return None
