"""The source `folder`: images in `set/class/file`, or in `class/file`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kbin.data.classes import choose_classes
from kbin.data.datasets import UNSPLIT, Dataset, FileImages
from kbin.data.folder_walk import FolderWalk, entries_of, is_folder
from kbin.data.image_files import has_image_name
from kbin.data.set_names import TEST, TRAIN, VALIDATION, set_name
from kbin.data.wording import counted, first_few, printable
from kbin.errors import DataError, unknown_name

_LAYOUTS = "kbin reads `set/class/image` (train/cat/1.png) or `class/image` (cat/1.png)"


def read_folder(path: Path, classes: Sequence[str] | None = None, *, all_classes: bool = True) -> dict[str, Dataset]:
    """Reads a folder of images.

    The folder holds sets where a folder `train` with class folders is among its folders, or where two of them are
    named like sets; it holds classes otherwise, and where every one of `classes` is the name of a folder in it.

    Every file below a class folder whose suffix is that of an image is one. Hidden files and notes (CSV, text, JSON,
    ...) are passed over; any other file is refused, because leaving images out in silence would change the study.

    Args:
        path: The folder.
        classes: Class folders to use, in this order; None means all, in alphabetical order.
        all_classes: Whether every one of `classes` must have a folder; a test set of its own may lack some.

    Returns:
        A dataset for each set, or one under UNSPLIT; the images in the order of their paths.

    Raises:
        DataError: The folder is missing or holds something that is none of the two layouts.
    """
    if not path.is_dir():
        kind = "is a file, not a folder" if path.exists() else "does not exist"
        raise DataError(f"data.path: {path} {kind}. {_LAYOUTS}.")
    folders = _set_folders(path, classes)
    chosen = _classes(path, folders, classes, all_classes)
    return {name: _read_set(path, folder, chosen) for name, folder in folders.items()}


def _folders_in(folder: Path) -> dict[str, Path]:
    """The visible folders by name; `__MACOSX` is what unpacking a Mac's archive leaves."""
    found = {
        entry.name: Path(entry.path)
        for entry in entries_of(folder)
        if is_folder(entry) and not entry.name.startswith(".") and entry.name != "__MACOSX"
    }
    for name in found:
        if any("\ud800" <= letter <= "\udfff" for letter in name):
            raise DataError(
                f"{printable(str(folder))}: the folder '{printable(name)}' has a name that is no UTF-8, which tables "
                "and plots cannot show. Rename it; `convmv` does so for many."
            )
    return found


def _set_folders(root: Path, classes: Sequence[str] | None) -> dict[str, Path]:
    folders = _folders_in(root)
    if not folders:
        raise DataError(f"{root} holds no class folders. {_LAYOUTS}.")
    if classes is not None and set(classes) <= set(folders):
        return {UNSPLIT: root}
    named = [(set_name(name), folder) for name, folder in folders.items()]
    standard = [name for name, _ in named if name in (TRAIN, VALIDATION, TEST)]
    train_has_classes = any(name == TRAIN and _folders_in(folder) for name, folder in named)
    if not (train_has_classes or len(standard) > 1 or len(standard) == len(folders)):
        return {UNSPLIT: root}
    sets: dict[str, Path] = {}
    for name, folder in named:
        if name in sets:
            raise DataError(
                f"{root}: the folders '{sets[name].name}' and '{folder.name}' both name the set '{name}'. "
                "Merge them, or rename one."
            )
        sets[name] = folder
    return sets


def _classes(root: Path, sets: dict[str, Path], classes: Sequence[str] | None, all_classes: bool) -> tuple[str, ...]:
    """The classes in use; a class folder that the training set lacks is a misspelling until proved otherwise."""
    leading = [sets[TRAIN]] if TRAIN in sets else list(sets.values())
    known = {name for folder in leading for name in _folders_in(folder)}
    for folder in sets.values():
        found = _folders_in(folder)
        if not found:
            raise DataError(f"{folder} holds no class folders. {_LAYOUTS}.")
        for name in found:
            if name not in known:
                raise DataError(
                    f"{folder}: {unknown_name('class folder', name, known)} "
                    f"Rename it, or give {sets[TRAIN]} such a folder."
                )
    chosen = choose_classes(known, classes, str(root))
    missing = [name for name in chosen if name not in known]
    others = known - set(chosen)
    if missing and (all_classes or others or len(missing) == len(chosen)):
        raise DataError(
            f"data.classes: {unknown_name('class', missing[0], known)} The classes are the folders in {leading[0]}."
        )
    return chosen


def _read_set(root: Path, folder: Path, classes: tuple[str, ...]) -> Dataset:
    _refuse_stray_images(folder)
    files: list[tuple[Path, int]] = []
    strangers: list[str] = []
    walk = FolderWalk()
    for label, name in enumerate(classes):
        if not (folder / name).is_dir():
            continue
        images, others = walk.files_under(folder / name)
        strangers += others
        if not images and not others:
            raise DataError(
                f"{folder / name} holds no images. Put images of class '{name}' there, or remove the folder."
            )
        files += [(file, label) for file in images]
    if strangers:
        raise DataError(
            f"{counted(len(strangers), 'file')} under {folder} cannot be read as images, by suffix: "
            f"{first_few(strangers)}. Convert them to PNG, JPEG or TIFF, or move them away."
        )
    files.sort(key=lambda pair: pair[0].relative_to(root).parts)
    return Dataset(
        paths=np.array([file.relative_to(root).as_posix() for file, _ in files], dtype=np.str_),
        labels=np.array([label for _, label in files], dtype=np.int64),
        classes=classes,
        images=FileImages([file for file, _ in files]),
    )


def _refuse_stray_images(folder: Path) -> None:
    stray = [
        printable(entry.name)
        for entry in entries_of(folder)
        if not is_folder(entry) and not entry.name.startswith(".") and has_image_name(Path(entry.path))
    ]
    if stray:
        raise DataError(
            f"{folder}: {first_few(stray)} outside the class folders. Move each into the folder of its class, or away."
        )
