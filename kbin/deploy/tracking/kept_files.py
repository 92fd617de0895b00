"""The trained model and the plot of a `model.fit`: files that lie beside that of its values until a server has them."""

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from kbin.errors import RunFolderError
from kbin.files import save_whole, write_whole
from kbin.storage_faults import writing

_MODEL, _ROC = "model.keras", "plots/roc.png"


class KeptFiles:
    """The folder `<id>.files`, which holds the files under the names that they have on a server.

    No file says what is in it, so that one from a stranger cannot have others of the person's sent: the folder is found
    by the id, and of what it holds these two names alone are taken.

    Args:
        folder: Where the run is kept.
        identity: The run's.
    """

    def __init__(self, folder: Path, identity: str):
        self.path = folder / f"{identity[:12]}.files"

    def save_model(self, save: Callable[[Path], None]) -> None:
        """Has the model written.

        Args:
            save: Writes it to the path that it is given.

        Raises:
            StorageError: It cannot be written.
        """
        save_whole(self.path / _MODEL, save)

    def save_roc(self, png: bytes) -> None:
        """Writes the picture of the ROC curve.

        Raises:
            StorageError: It cannot be written.
        """
        write_whole(self.path / _ROC, png)

    def found(self) -> dict[str, Path]:
        """Returns the files that are there, by their place on a server.

        Raises:
            RunFolderError: A link lies in the place of one of them, or of a folder.
        """
        places = {_MODEL: self.path / _MODEL, _ROC: self.path / _ROC}
        return {place: path for place, path in places.items() if self._is_there(path)}

    def remove(self) -> None:
        """Removes these files and their folders; whatever else somebody has put there stays.

        Raises:
            StorageError: They cannot be removed.
        """
        with writing(self.path):
            for path in self.found().values():
                path.unlink(missing_ok=True)
        for folder in ((self.path / _ROC).parent, self.path):
            with suppress(OSError):  # not there, or not empty
                folder.rmdir()

    def _is_there(self, path: Path) -> bool:
        for one in (self.path, path.parent, path):
            try:
                mode = os.lstat(one).st_mode
            except (FileNotFoundError, NotADirectoryError):
                return False
            if stat.S_ISLNK(mode):
                raise RunFolderError(
                    f"{one} is a link, which is not followed: remove it, or put the file in its place."
                )
        return stat.S_ISREG(mode)
