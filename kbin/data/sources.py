"""Reading a source by its name, with its groups and the part of it that is wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kbin.data.arrays import read_npz
from kbin.data.cifar10 import read_cifar10
from kbin.data.datasets import Dataset
from kbin.data.elpv import read_elpv
from kbin.data.folder import read_folder
from kbin.data.image_files import MAX_MEGAPIXELS
from kbin.data.tables import read_csv, read_table
from kbin.data.wording import counted, first_few
from kbin.errors import DataError, unknown_name
from kbin.spreadsheet import spreadsheet_cell

if TYPE_CHECKING:
    from kbin.config.data import DataConfig, TestSetConfig

SOURCES = ("folder", "csv", "npz", "elpv", "cifar10")


def read_source(
    config: "DataConfig | TestSetConfig",
    classes: Sequence[str] | None,
    *,
    all_classes: bool = True,
    max_megapixels: float = MAX_MEGAPIXELS,
) -> dict[str, Dataset]:
    """Reads a source, joins its groups, and keeps what `where` chooses.

    Args:
        config: The experiment's data, or a test set of its own.
        classes: The classes in the order in which integer labels count them; None means those of the source.
        all_classes: Whether each class must be there.
        max_megapixels: The most that an image may have.

    Returns:
        A dataset for each set that the source names, the other images under UNSPLIT; `where` may leave a set empty.
    """
    max_pixels = int(max_megapixels * 1_000_000)
    sets = {name: _guarded(one, max_pixels) for name, one in _read(config, classes, all_classes).items()}
    if config.groups is not None:
        sets = join_groups(sets, config.groups)
    return keep_where(sets, config.where)


def _read(config: "DataConfig | TestSetConfig", classes: Sequence[str] | None, all_classes: bool) -> dict[str, Dataset]:
    match config.source:
        case "folder":
            return read_folder(_required_path(config), classes, all_classes=all_classes)
        case "csv":
            return read_csv(_required_path(config), classes, config.columns)
        case "npz":
            return read_npz(_required_path(config), classes)
        case "elpv":
            return read_elpv(classes, config.probability_threshold)
        case "cifar10":
            return read_cifar10(config.path, classes)
    raise DataError(f"data.source: {unknown_name('source', str(config.source), SOURCES)}")


def _guarded(dataset: Dataset, max_pixels: int) -> Dataset:
    paths = [harmless_path(path) for path in dataset.paths.tolist()]
    return replace(dataset, paths=np.array(paths, dtype=np.str_), images=dataset.images.limited(max_pixels))


def harmless_path(path: str) -> str:
    """Returns the same relative path so that no table runs it as a formula: `=1.png` as `./=1.png`."""
    return f"./{path}" if spreadsheet_cell(path)[:1] == "'" != path[:1] else path


def _required_path(config: "DataConfig | TestSetConfig") -> Path:
    if config.path is None:
        raise DataError(f"data.path is missing: source '{config.source}' needs one.")
    return config.path


def join_groups(sets: Mapping[str, Dataset], path: Path) -> dict[str, Dataset]:
    """Adds the column `group` from a CSV with the columns file and group.

    Args:
        sets: By name.
        path: The CSV; `file` is a path as in `Dataset.paths`. Rows of other images are passed over.

    Raises:
        DataError: An image has no group or two, or the source has a column `group` already.
    """
    table = read_table(path, ["file", "group"])
    group_of: dict[str, str] = {}
    for line, file, group in zip(table.lines, table.column("file"), table.full_column("group"), strict=True):
        if group_of.setdefault(harmless_path(file), group) != group:
            others = group_of[harmless_path(file)]
            raise DataError(f"{path}, line {line}: {file} is in two groups, {others} and {group}.")
    joined = {}
    missing: list[str] = []
    for name, dataset in sets.items():
        if "group" in dataset.columns:
            raise DataError(f"data.groups: the source has a column 'group' already. Leave {path} out.")
        missing += [file for file in dataset.paths.tolist() if file not in group_of]
        groups = np.array([group_of.get(file, "") for file in dataset.paths.tolist()], dtype=np.str_)
        joined[name] = replace(dataset, columns={**dataset.columns, "group": groups})
    if missing:
        raise DataError(
            f"{path} has no group for {counted(len(missing), 'image')}: {first_few(missing)}. "
            "Write each path in the column 'file' as it is shown here."
        )
    return joined


def keep_where(sets: Mapping[str, Dataset], where: Mapping[str, Sequence[str]]) -> dict[str, Dataset]:
    """Returns the images whose columns have the wanted values; none of a set may be left.

    Args:
        sets: By name.
        where: For each column its allowed values, all of which must hold.

    Raises:
        DataError: There is no such column, no image has such a value, or none is left of all sets.
    """
    kept = dict(sets)
    for column, values in where.items():
        columns = sorted({name for dataset in sets.values() for name in dataset.columns})
        if column not in columns:
            known = unknown_name("column", column, columns) if columns else "the source has no columns."
            raise DataError(f"`where`: {known}")
        present = {value for dataset in sets.values() for value in set(dataset.columns[column].tolist())}
        for value in values:
            if value not in present:
                raise DataError(f"`where`: no image has {column} '{value}'. Values: {first_few(sorted(present))}.")
        kept = {
            name: dataset.select(np.flatnonzero(np.isin(dataset.columns[column], list(values))))
            for name, dataset in kept.items()
        }
    if not any(map(len, kept.values())):
        raise DataError(f"`where`: no image meets all of {', '.join(where)}. Ask for less at once.")
    return kept
