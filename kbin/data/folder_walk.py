"""Finding the files below a class folder, through links, each once."""

import os
from pathlib import Path

from kbin.data.image_files import has_image_name
from kbin.data.wording import printable
from kbin.errors import DataError

# Notes and lists that people keep beside images, and what Windows leaves there (Thumbs.db, desktop.ini).
_NOT_IMAGES = frozenset(
    [".csv", ".tsv", ".txt", ".json", ".md", ".xml", ".yaml", ".yml", ".html", ".log", ".db", ".ini"]
)

_RealFolder = tuple[int, int]


def entries_of(folder: Path) -> list[os.DirEntry[str]]:
    """Returns what a folder holds, by name.

    Raises:
        DataError: The folder may not be looked into.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(
            f"{printable(str(folder))} cannot be looked into ({error.strerror}), so kbin does not know what it lacks. "
            "Give yourself permission to read it, or move it away."
        ) from error


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Returns whether an entry is a folder or leads to one; a link to itself does not."""
    try:
        return entry.is_dir()
    except OSError:
        return False


class FolderWalk:
    """A walk through the class folders of one set, which sees no real folder twice."""

    def __init__(self) -> None:
        self._seen: dict[_RealFolder, Path] = {}

    def files_under(self, folder: Path) -> tuple[list[Path], list[str]]:
        """Returns the images at any depth below a class folder, and the names of what is neither image nor note.

        A link to a folder above is passed over, as is a second way to the same folder: both would give images twice.
        What has an image's name and is no file (a link to nothing, a folder without contents) counts as an image, so
        that whoever decodes it says so.

        Args:
            folder: Of one class.

        Raises:
            DataError: A folder may not be looked into, or belongs to two classes.
        """
        images: list[Path] = []
        strangers: list[str] = []
        own = {real_folder(above) for above in (*folder.absolute().parents, *folder.resolve().parents)}
        waiting = [folder]
        while waiting:
            place = waiting.pop()
            real = real_folder(place)
            if real in own:
                continue
            own.add(real)
            self._refuse_second_class(real, place, folder)
            for entry in entries_of(place):
                if entry.name.startswith("."):
                    continue
                path = Path(entry.path)
                is_image = has_image_name(path)
                if is_folder(entry) and not (is_image and not entries_of(path)):
                    waiting.append(path)
                elif is_image:
                    images.append(path)
                elif path.suffix.lower() not in _NOT_IMAGES:
                    strangers.append(printable(str(path.relative_to(folder.parent))))
        return images, sorted(strangers)

    def _refuse_second_class(self, real: _RealFolder, place: Path, folder: Path) -> None:
        if real in self._seen:
            raise DataError(
                f"{printable(str(self._seen[real]))} and {printable(str(place))} are one folder, below two class "
                f"folders: its images cannot be of both. Remove the link below {folder}, or the other one."
            )
        self._seen[real] = place


def real_folder(folder: Path) -> _RealFolder:
    """Returns what is the same for every way to a folder."""
    found = folder.stat()
    return found.st_dev, found.st_ino
