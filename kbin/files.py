"""Files that are whole or absent, and the text that goes into them."""

import contextlib
import csv
import errno
import io
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kbin.errors import StorageError
from kbin.storage_faults import refuse_full_disk, writing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# What is written aside: as `tempfile` makes a name from the prefix, and as `save_whole` does.
_LEFT_BEHIND = re.compile(r"\.(?:.+\.(?:csv|html|jpg|json|keras|md|npy|npz|png|svg|yaml)\.[a-z0-9_]{8}|[^.]+\.keras)")
_MOST_BYTES = 2 * 2**30
_SURROGATE = re.compile("[\ud800-\udfff]")


def write_whole(path: Path, content: str | bytes, root: Path | None = None, *, lasting: bool = True) -> None:
    """Writes a file whole or not at all: aside, synced, renamed.

    Args:
        path: The file; missing folders on the way to it are made.
        content: Text, written as UTF-8, or bytes.
        root: The folder that has to be there already: neither it nor what is above it is made.
        lasting: The folder is synced too, so that the file is there after a power cut. It takes as long again as the
            file itself, some milliseconds: too long for the many pictures that can be drawn anew.

    Raises:
        StorageError: It cannot be written; an older file stays as it was.
    """
    # A file name that is no UTF-8 has lone surrogates in Python, which UTF-8 refuses. A model that has trained for
    # hours must not fail over one, so the file says \\udce9 in its place.
    data = content.encode("utf-8", errors="backslashreplace") if isinstance(content, str) else content
    with writing(path):
        check_replaceable(path)
        make_folder(path.parent, root)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(name, 0o644)  # mkstemp's files are private; results are for everybody who may see the folder
            os.replace(name, path)
        except BaseException:
            _remove(Path(name))
            raise
        if lasting:
            _sync_folder(path.parent)


def save_whole(path: Path, save: Callable[[Path], None], root: Path | None = None) -> None:
    """Has a library write a file whole or not at all: aside, synced, renamed.

    Args:
        path: The file; missing folders on the way to it are made.
        save: Writes the file that it is given; its name ends as the path does.
        root: As for `write_whole`.

    Raises:
        StorageError: It cannot be written; an older file stays as it was.
    """
    aside = path.with_name(f".{path.name}")
    with writing(path):
        check_replaceable(path)
        make_folder(path.parent, root)
        try:
            try:
                save(aside)
            except OSError:
                raise
            except Exception as error:
                refuse_full_disk(error, path)
                raise
            with aside.open("rb") as stream:
                os.fsync(stream.fileno())
            os.replace(aside, path)
        except BaseException:
            _remove(aside)
            raise
        _sync_folder(path.parent)


def check_replaceable(path: Path) -> None:
    """Makes sure that no device is where a file is to be: renaming would put the file in its place for everybody.

    A pipe is replaced: one that lies in a run's folder or in the store must not keep either from being mended.

    Raises:
        StorageError: One is.
        OSError: A folder on the way to it cannot be looked into.
    """
    if path.is_char_device() or path.is_block_device():
        raise StorageError(f"{path} cannot be written: a device is in its place. Choose another place.")


def make_folder(folder: Path, root: Path | None = None) -> list[Path]:
    """Makes a folder with those above it, and returns what was not there before, outermost first.

    Args:
        folder: The folder.
        root: The folder that has to be there already, where there is one.

    Raises:
        OSError: It cannot be made, or the root is gone.
    """
    if root is not None and not root.is_dir():  # also where nothing is to be made: one may come between
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(root))
    missing = []
    here = folder
    while here != root and not here.is_dir():
        missing.append(here)
        if here == here.parent:
            break
        here = here.parent
    made = []
    for one in reversed(missing):
        try:
            one.mkdir()
            made.append(one)
        except FileExistsError:
            if not one.is_dir():
                raise
    return made


def sweep(folder: Path) -> None:
    """Removes what processes that were killed while they wrote have left in a folder and those in it.

    Only files that are named as `write_whole` and `save_whole` name them; nobody else may be writing there.

    Args:
        folder: A folder of kbin's own, such as a run's.
    """
    for place, _, names in os.walk(folder):  # links are not followed
        for name in names:
            if _LEFT_BEHIND.fullmatch(name):
                path = Path(place) / name
                if not path.is_symlink():
                    _remove(path)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):  # where it cannot be removed, what went wrong before is what to say
        path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Sees to it that the names in a folder survive a power cut, where the system can do that."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows, and folders that may be written but not listed
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EBADF):
            raise
    finally:
        os.close(handle)


def read_file(path: Path) -> bytes:
    """Reads a file that may come from a stranger.

    Raises:
        OSError: There is none, it is a pipe, which would be waited for without end, or it is larger than 2 GiB: a file
            of holes says so and takes no room on its disk.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(errno.EINVAL, "neither file nor folder", str(path))
    if path.stat().st_size > _MOST_BYTES:
        raise OSError(errno.EFBIG, "larger than 2 GiB", str(path))
    return path.read_bytes()


def save_figure(canvas: "Figure", path: Path, root: Path | None = None) -> None:
    """Saves a figure as PNG and SVG beside each other.

    Args:
        canvas: The figure.
        path: Of either; its ending is replaced.
        root: As for `write_whole`.

    Raises:
        StorageError: It cannot be written.
    """
    from matplotlib import rc_context  # late: most of what uses this module draws nothing

    # Laid out once: savefig would do it, and a dry run of the drawing, for each format.
    layout = canvas.get_layout_engine()
    if layout is not None:
        layout.execute(canvas)
        canvas.set_layout_engine("none")
    for suffix in (".png", ".svg"):
        stream = io.BytesIO()
        # Without a date and random ids the same numbers give the same bytes.
        with rc_context({"svg.hashsalt": path.stem}):
            canvas.savefig(stream, format=suffix[1:], dpi=150, metadata={"Date": None} if suffix == ".svg" else None)
        write_whole(path.with_suffix(suffix), stream.getvalue(), root, lasting=False)


def as_json(value: Any) -> str:
    """Returns plain values as JSON text; NaN and infinity, which JSON does not have, are a ValueError."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    # As `write_whole` has them in other files: with one backslash they would be surrogates again after reading.
    return _SURROGATE.sub(lambda found: rf"\\u{ord(found[0]):x}", text)


def as_csv(names: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """Returns a table as CSV text."""
    stream = io.StringIO(newline="")
    # Ended by both, a row has quotes around a cell with either: a file's name may hold a carriage return.
    writer = csv.writer(_LinesEndedByNewline(stream), lineterminator="\r\n")
    writer.writerow(names)
    writer.writerows(rows)
    return stream.getvalue()


class _LinesEndedByNewline:
    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    def write(self, row: str) -> None:
        self._stream.write(row.removesuffix("\r\n") + "\n")
