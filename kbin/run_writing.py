"""Writing into a run's folder, which a person may remove, and start anew, while the run goes on."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kbin.errors import StorageError
from kbin.files import save_figure, save_whole, sweep, write_whole
from kbin.run_lock import HOLDER

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class RunWriter:
    """Writes files whole, and only while their folder is the one that it was.

    A folder that was removed is not made again: the person who removed it does not want half a run there, and a run
    that began in its place meanwhile must not get files of another.

    Args:
        folder: The run's folder; one that is there already is never made again.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._root = folder if _is_folder(folder) else None
        self._first: Path | None = None
        self._holder: str | None = None

    def begin(self, path: Path, content: str) -> None:
        """Writes the first file of a run, and removes what processes that were killed have left in the folder.

        From here on each write looks whether that file is still there.

        Raises:
            StorageError: It cannot be written.
        """
        sweep(self._folder)
        write_whole(path, content)
        self._root, self._first, self._holder = self._folder, path, _text(self._folder / HOLDER)

    def write(self, path: Path, content: str | bytes, *, lasting: bool = True) -> None:
        """Writes a file; see `write_whole`."""
        self._guarded(lambda: write_whole(path, content, self._root, lasting=lasting))

    def save(self, path: Path, save: Callable[[Path], None]) -> None:
        """Has a library write a file; see `save_whole`."""
        self._guarded(lambda: save_whole(path, save, self._root))

    def draw(self, canvas: "Figure", path: Path) -> None:
        """Saves a figure as PNG and SVG."""
        self._guarded(lambda: save_figure(canvas, path, self._root))

    def _guarded(self, write: Callable[[], None]) -> None:
        self._check_there()
        try:
            write()
        except StorageError:
            self._check_there()  # the better reason, where the folder went in this moment
            raise

    def _check_there(self) -> None:
        if self._root is not None and not _is_folder(self._root):
            raise self._removed()
        if self._first is None:
            return
        holder = _text(self._folder / HOLDER)
        is_another = None not in (holder, self._holder) and holder != self._holder
        if is_another or not self._first.exists():
            raise self._removed()

    def _removed(self) -> StorageError:
        return StorageError(
            f"the folder {self._folder} was removed while kbin wrote to it, and is not made again. The same command "
            "starts a run anew; computed features are kept in the store."
        )


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # nobody may look there: writing says so
        return True


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
