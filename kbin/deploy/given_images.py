"""Which images a person means: files, folders, patterns, tables and standard input, one after the other."""

import csv
import fnmatch
import glob
import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from kbin.data.folder_walk import real_folder
from kbin.data.image_files import has_image_name
from kbin.data.wording import printable
from kbin.errors import DataError, unknown_name

STANDARD_INPUT = "-"
BY_FOLDER = "folder"
_PATH = "path"
_KINDS = "Give image files, folders, patterns such as 'photos/*.jpg', a CSV with a column `path`, or - for a list."


@dataclass(frozen=True)
class GivenImage:
    """One image that is to be predicted.

    Attributes:
        path: As it was given: in a table or list as it stands there.
        file: Where it is.
        label: Its true class, where that is known; "" elsewhere.
    """

    path: str
    file: Path
    label: str = ""


class GivenImages:
    """The images of a command line; they are found as they are asked for, and never all in memory.

    Those of a folder, or of a pattern, come in the order of their names, folder by folder. In a folder, hidden files
    and those whose names are no image's are passed over.

    Args:
        paths: Files, folders, patterns, CSV files with a column `path`, "-" for lines of standard input.
        labels: Where true classes stand: a column of a table, or `BY_FOLDER`, for images in folders that bear the
            names of classes; None where nobody asks for them.
        classes: The model's.
        stream: Standard input.
    """

    def __init__(
        self, paths: Sequence[str], labels: str | None = None, classes: Sequence[str] = (), stream: TextIO | None = None
    ):
        self._paths, self._labels, self._classes, self._stream = paths, labels, frozenset(classes), stream

    def count(self) -> int | None:
        """Returns how many there are, after a look at all names and tables; None where a list is still to come.

        Raises:
            DataError: A path leads to nothing, a pattern fits nothing, or a table is none.
        """
        total = sum(1 for path in self._paths if path != STANDARD_INPUT for _ in self._of(path))
        return None if STANDARD_INPUT in self._paths else total

    def has_file(self, file: Path) -> bool:
        """Returns whether a file, a table above all, is among what is given by name."""
        return any(Path(path).is_file() and file.is_file() and file.samefile(path) for path in self._paths)

    def __iter__(self) -> Iterator[GivenImage]:
        return itertools.chain.from_iterable(map(self._of, self._paths))

    def _of(self, path: str) -> Iterator[GivenImage]:
        if path == STANDARD_INPUT:
            return self._listed()
        if os.path.isdir(path):
            return self._in_folder(Path(path))
        if path.lower().endswith((".csv", ".tsv")):
            return self._in_table(Path(path))
        if os.path.lexists(path) or (has_image_name(Path(path)) and not glob.has_magic(path)):
            return iter([self._at(Path(path))])
        if glob.has_magic(path):
            return self._matching(path)
        raise DataError(f"{printable(path)} does not exist. {_KINDS}")

    def _at(self, file: Path) -> GivenImage:
        return GivenImage(str(file), file, self._class_above(file))

    def _class_above(self, file: Path) -> str:
        if self._labels != BY_FOLDER:
            return ""
        return next((above.name for above in file.parents if above.name in self._classes), "")

    def _listed(self) -> Iterator[GivenImage]:
        for line in self._stream or ():
            path = line.rstrip("\r\n")
            if path:
                yield self._at(Path(path))

    def _in_folder(self, folder: Path) -> Iterator[GivenImage]:
        above = {real_folder(one) for one in folder.resolve().parents}
        waiting = [folder]
        while waiting:
            place = waiting.pop()
            real = real_folder(place)
            if real in above:  # a link back, or a second way
                continue
            above.add(real)
            files, folders = _names_in(place)
            yield from (self._at(place / name) for name in files)
            waiting += [place / name for name in reversed(folders)]

    def _matching(self, pattern: str) -> Iterator[GivenImage]:
        found = False
        start, last = os.path.split(pattern)
        for folder in _folders_matching(start):
            names = sorted(fnmatch.filter(os.listdir(folder or "."), "*" if last == "**" else last))
            for name in names:
                path = Path(folder) / name
                if name.startswith(".") and not last.startswith("."):
                    continue
                found = True
                if path.is_dir():
                    yield from self._in_folder(path)
                elif last not in ("*", "**") or has_image_name(path):
                    yield self._at(path)
        if not found:
            raise DataError(f"no file fits the pattern {printable(pattern)}. {_KINDS}")

    def _in_table(self, path: Path) -> Iterator[GivenImage]:
        label_column = self._labels
        for line, row in _rows(path):
            if _PATH not in row:
                raise DataError(f"{path}: {unknown_name('column', _PATH, row)} It names the images.")
            label = ""
            if label_column in row:
                label = row[label_column]
                if label and label not in self._classes:
                    raise DataError(f"{path}, line {line}: {unknown_name('class', label, self._classes)}")
            elif label_column is not None and label_column != BY_FOLDER:
                raise DataError(f"{path}: {unknown_name('column', label_column, row)}")
            if not row[_PATH]:
                raise DataError(f"{path}, line {line}: the path is empty. Fill it in, or remove the row.")
            file = path.parent / row[_PATH]
            yield GivenImage(row[_PATH], file, label or self._class_above(file))


def _folders_matching(pattern: str) -> list[str]:
    if glob.has_magic(pattern):
        return sorted(glob.glob(os.path.join(pattern, ""), recursive=True))  # so ended, it fits folders alone
    return [pattern] if os.path.isdir(pattern or ".") else []


def _names_in(folder: Path) -> tuple[list[str], list[str]]:
    """Returns the names of images, and those of folders, each sorted; names alone take least memory."""
    files, folders = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if _is_folder(entry):
                    folders.append(entry.name)
                elif has_image_name(Path(entry.name)):
                    files.append(entry.name)
    except OSError as error:
        raise DataError(
            f"{printable(str(folder))} cannot be looked into ({error.strerror}). Give yourself permission to read it, "
            "or give the files themselves."
        ) from error
    return sorted(files), sorted(folders)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yields each row of a table by heading, with its line number; separators as `kbin.data.tables` knows them."""
    if not path.is_file():
        raise DataError(f"{path} {'is no file' if path.exists() else 'does not exist'}. {_KINDS}")
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            first = stream.readline()
            reader = csv.reader(itertools.chain([first], stream), delimiter=max(",;\t", key=first.count))
            headings = [cell.strip() for cell in next(reader, [])]
            if len(set(headings)) < len(headings):
                raise DataError(f"{path}: two columns have the same heading, in {', '.join(headings)}. Rename one.")
            is_empty = True
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(headings):
                    raise DataError(
                        f"{path}, line {reader.line_num}: {len(cells)} cells where there are {len(headings)} headings. "
                        "Put double quotes around a cell that contains the separator."
                    )
                is_empty = False
                yield reader.line_num, dict(zip(headings, map(str.strip, cells), strict=True))
            if is_empty:
                raise DataError(f"{path} has no rows. It needs a column `path`, and a row for each image.")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as CSV: {error}. Save it again as CSV in UTF-8.") from error
