"""The source `csv`: a table with a path and a label an image; and tables of groups."""

import csv
import io
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

import numpy as np

from kbin.data.classes import label_indices
from kbin.data.datasets import UNSPLIT, Dataset, FileImages
from kbin.data.memory_limits import check_memory
from kbin.data.set_names import set_name_of_file
from kbin.data.wording import counted, first_few
from kbin.errors import DataError, unknown_name

REQUIRED = ("path", "label")
OPTIONAL = ("split", "group")

_BYTES_A_LETTER = 10  # of a table in memory, where each cell is a text of its own
_LONGEST_SHOWN = 200


@dataclass(frozen=True)
class Table:
    """The rows of a CSV file.

    Attributes:
        path: The file.
        headings: Its headings.
        rows: The cells of each row by heading, without surrounding spaces.
        lines: The line number of each row, from 1.
    """

    path: Path
    headings: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]
    lines: tuple[int, ...]

    def column(self, heading: str) -> list[str]:
        """Returns the cells below a heading."""
        return [row[heading] for row in self.rows]

    def full_column(self, heading: str) -> list[str]:
        """Returns the cells below a heading, none of which may be empty."""
        cells = self.column(heading)
        empty = [f"line {line}" for line, cell in zip(self.lines, cells, strict=True) if not cell]
        if empty:
            raise DataError(
                f"{self.path}: the column '{heading}' is empty in {first_few(empty)}. Fill it in, or remove the rows."
            )
        return cells


def read_table(path: Path, required: Sequence[str]) -> Table:
    """Reads a CSV file with a row of headings, separated by commas, semicolons or tabs.

    Args:
        path: The file, in UTF-8 (with or without a byte order mark).
        required: Headings that must be there.

    Raises:
        DataError: The file is missing, is not such a table, lacks a heading, or has no rows.
    """
    (_, headings), *records = _records(path, required)
    for heading in required:
        if heading not in headings:
            raise DataError(f"{path}: {unknown_name('column', heading, headings)}")
    if len(set(headings)) < len(headings):
        raise DataError(f"{path}: two columns have the same heading, in {', '.join(headings)}. Rename one.")
    for line, cells in records:
        if len(cells) != len(headings):
            raise DataError(
                f"{path}, line {line}: {counted(len(cells), 'cell')} where there are {len(headings)} headings. "
                "Put double quotes around a cell that contains the separator."
            )
    if not records:
        raise DataError(f"{path} has headings but no rows. Add a row for each image.")
    rows = tuple(dict(zip(headings, cells, strict=True)) for _, cells in records)
    return Table(path, tuple(headings), rows, tuple(line for line, _ in records))


def _records(path: Path, required: Sequence[str]) -> list[tuple[int, list[str]]]:
    """The cells of each line that is not blank, with its number; at least one."""
    if not path.is_file():
        kind = "is a folder, not a CSV file" if path.is_dir() else "does not exist"
        raise DataError(f"{path} {kind}. A CSV file with the columns {', '.join(required)} is needed.")
    check_memory(path, _BYTES_A_LETTER * path.stat().st_size)
    try:
        text = path.read_text(encoding="utf-8-sig")
        # Spreadsheets write semicolons where the comma is the decimal sign.
        delimiter = max(",;\t", key=text.partition("\n")[0].count)
        reader = csv.reader(io.StringIO(text), delimiter=delimiter)
        records = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as CSV: {error}. Save it again as CSV in UTF-8.") from error
    records = [record for record in records if any(record[1])]
    if not records:
        raise DataError(f"{path} is empty. A CSV file with the columns {', '.join(required)} is needed.")
    return records


def read_csv(
    path: Path, classes: Sequence[str] | None = None, columns: Mapping[str, str] | None = None
) -> dict[str, Dataset]:
    """Reads a table of images.

    Args:
        path: A CSV file with the columns path and label, and if wanted split and group. Any other is kept as a column
            of the dataset. Image paths are relative to the file's folder, or absolute.
        classes: The labels there may be; None means whichever there are, in alphabetical order.
        columns: The file's own headings for path, label, split, group: `{"path": "file", "label": "diagnosis"}`.

    Returns:
        A dataset for each set that the column split names; rows without one under UNSPLIT.

    Raises:
        DataError: The table is not as described, an image is missing, a relative path leads out of the file's folder,
            or a label is unknown.
    """
    own = dict(columns or {})
    for name in own:
        if name not in REQUIRED + OPTIONAL:
            raise DataError(f"data.columns: {unknown_name('column', name, REQUIRED + OPTIONAL)}")
    heading_of = {name: own.get(name, name) for name in REQUIRED + OPTIONAL}
    table = read_table(path, [heading_of[name] for name in (*REQUIRED, *own)])
    files, paths = _image_files(table, heading_of["path"])
    labels, chosen = label_indices(
        table.full_column(heading_of["label"]), classes, str(path), lambda row: f"line {table.lines[row]}"
    )
    used = (heading_of["path"], heading_of["label"], heading_of["split"])
    kept = {name: table.column(name) for name in table.headings if name not in used}
    if heading_of["group"] in kept:
        kept["group"] = kept[heading_of["group"]]
    everything = Dataset(
        paths=np.array(paths, dtype=np.str_),
        labels=labels,
        classes=chosen,
        images=FileImages(files),
        columns={name: np.array(values, dtype=np.str_) for name, values in kept.items()},
    )
    if heading_of["split"] not in table.headings:
        return {UNSPLIT: everything}
    named = np.array(
        [set_name_of_file(cell, str(path)) if cell else UNSPLIT for cell in table.column(heading_of["split"])]
    )
    # dict.fromkeys keeps the order in which the sets first appear.
    return {name: everything.select(np.flatnonzero(named == name)) for name in dict.fromkeys(named.tolist())}


def _image_files(table: Table, heading: str) -> tuple[list[Path], list[str]]:
    """Each row's file, and its path as `Dataset.paths` has it."""
    folder = table.path.parent
    files, paths, line_of = [], [], dict[str, int]()
    faults, missing = [], []
    leaves = _leaving(folder)
    for line, cell in zip(table.lines, table.full_column(heading), strict=True):
        path = os.path.normpath(cell)
        if path.split(os.sep)[0] == os.pardir:
            faults.append(f"line {line}: '{_shown(cell)}' lies outside {folder}: write an absolute path.")
        elif path in line_of:
            faults.append(f"line {line}: '{_shown(cell)}' is already in line {line_of[path]}: remove one of them.")
        elif not _is_file(folder / path):
            missing.append(f"line {line}: {_shown(cell)}")
        elif not os.path.isabs(path) and leaves(path):
            faults.append(f"line {line}: '{_shown(cell)}' leads out of {folder} by a link: write an absolute path.")
        line_of.setdefault(path, line)
        files.append(folder / path)
        paths.append(PurePosixPath(path).as_posix())
    if missing:
        faults.append(
            f"{counted(len(missing), 'image')} not found in {folder}: {first_few(missing)}. "
            "Paths are relative to the CSV file's folder: correct them, or remove the rows."
        )
    if faults:
        raise DataError(f"{table.path}: {first_few(faults, separator=' ')}")
    return files, paths


def _leaving(folder: Path) -> Callable[[str], bool]:
    """Returns what says of the relative path of a file whether links lead out of the folder, which may be one."""
    root = os.path.realpath(folder)

    @cache  # a table has many images of few folders
    def real(parent: str) -> str:
        return os.path.realpath(os.path.join(root, parent))

    def leaves(path: str) -> bool:
        full = os.path.join(root, path)
        found = os.path.realpath(full) if os.path.islink(full) else real(os.path.dirname(path))
        return os.path.commonpath([root, found]) != root

    return leaves


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file system takes
        return False


def _shown(cell: str) -> str:
    return cell if len(cell) <= _LONGEST_SHOWN else f"{cell[:_LONGEST_SHOWN]}..."
