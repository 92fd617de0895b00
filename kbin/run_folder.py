"""A run's folder, which may come from a stranger, be damaged, or be removed: reading and writing inside of it alone."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from kbin.errors import RunFolderError
from kbin.files import as_json, read_file
from kbin.run_writing import RunWriter

# kbin's own JSON is some ten levels deep; hundreds exhaust the stack of whatever walks through them.
_MOST_LEVELS = 50


class RunFolder:
    """Files of one folder as text, JSON and CSV; what they are is `RunDirectory`'s business.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path):
        self.path = path
        self._writer = RunWriter(path)

    def inside(self, path: Path) -> Path:
        """Returns a path of the folder as it is, if no link leads from it to elsewhere.

        A folder may come from a stranger: its links must neither show files of the person who opens it nor have them
        overwritten. The folder itself may be a link.

        Raises:
            RunFolderError: It leads out of the folder.
        """
        try:
            if path.resolve().is_relative_to(self.path.resolve()):
                return path
        except (OSError, RuntimeError, ValueError):  # RuntimeError: a link to itself
            pass
        raise RunFolderError(f"{path} leads out of the run's folder {self.path}: give a folder that `kbin run` made.")

    def write(self, path: Path, content: str | bytes, *, lasting: bool = True) -> None:
        """Writes a file of the folder whole or not at all.

        Args:
            path: In the folder.
            content: Text or bytes.
            lasting: False for what can be made anew from other files; see `write_whole`.

        Raises:
            RunFolderError: The path leads out of the run's folder.
            StorageError: It cannot be written, or the folder was removed.
        """
        self._writer.write(self.inside(path), content, lasting=lasting)

    def has_file(self, path: Path) -> bool:
        """Returns whether there is such a file, in the folder.

        Raises:
            RunFolderError: The path leads out of it.
        """
        try:
            return self.inside(path).is_file()
        except OSError:  # a folder that may not be looked into
            return False

    def read_json(self, name: str) -> dict[str, Any]:
        """Reads an object of a JSON file of the folder.

        Raises:
            RunFolderError: There is none, it is damaged, or it leads out of the folder.
        """
        try:
            text = self._read(name)
            value = json.loads(text)
            if "\\ud" in text.lower():  # lone surrogates, which neither a page nor a plot takes, as text
                value = json.loads(as_json(value))
            deep = not _has_at_most(_MOST_LEVELS, value)
        except ValueError as error:
            raise RunFolderError(f"{self.path / name} is damaged: {error}.") from None
        except RecursionError:
            deep = True
        if deep:
            raise RunFolderError(f"{self.path / name} is damaged: its values are nested too deeply.")
        if not isinstance(value, dict):
            raise RunFolderError(f"{self.path / name} is damaged: it should hold an object.")
        return value

    def _read_csv(self, path: Path) -> list[dict[str, str]]:
        text = self._read(str(path.relative_to(self.path)), newline="")
        try:
            rows = list(csv.DictReader(io.StringIO(text, newline="")))
        except csv.Error as error:  # a cell of more than 131,072 letters, say
            raise RunFolderError(f"{path} is damaged: {error}.") from None
        if any(None in row or None in row.values() for row in rows):
            raise RunFolderError(f"{path} is damaged: a row has not as many cells as the headings.")
        return rows

    def _read(self, name: str, newline: str | None = None) -> str:
        path = self.inside(self.path / name)
        try:
            return io.TextIOWrapper(io.BytesIO(read_file(path)), encoding="utf-8", newline=newline).read()
        except (OSError, UnicodeDecodeError) as error:
            raise RunFolderError(
                f"{self.path} has no readable {name} ({type(error).__name__}): give a folder that `kbin run` made."
            ) from None


def _has_at_most(levels: int, value: Any) -> bool:
    """Returns whether lists and objects lie in each other at most so deep."""
    there = [value]
    for _ in range(levels + 1):
        inner = [one.values() if isinstance(one, dict) else one for one in there if isinstance(one, dict | list)]
        if not inner:
            return True
        there = [one for many in inner for one in many]
    return False
