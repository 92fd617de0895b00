"""The source `npz`: images and labels as NumPy arrays in one file."""

import math
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kbin.data.classes import choose_classes, label_indices
from kbin.data.datasets import UNSPLIT, ArrayImages, Dataset, Labels
from kbin.data.memory_limits import check_memory
from kbin.data.set_names import set_name_of_file
from kbin.errors import DataError

Array = npt.NDArray[Any]

_KEY = re.compile(r"(.+_)?(images|labels)")

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}

_NAMES = "`images` and `labels`, or `train_images` and `train_labels`, `val_images`, `test_images` and so on"


def read_npz(path: Path, classes: Sequence[str] | None = None) -> dict[str, Dataset]:
    """Reads the arrays of an npz file, as MedMNIST names them; other arrays are not read.

    Args:
        path: A file with the arrays `images` and `labels`, or `<set>_images` and `<set>_labels` for each set.
            Images: shape (n, height, width) or (n, height, width, 1 | 3 | 4), uint8, uint16 (0 to 65535) or floats,
            which are 0 to 1 if no value of any array is above 1, and 0 to 255 otherwise.
            Labels: shape (n,) or (n, 1), class names, or integers that count the classes from 0.
        classes: The names of the classes, in the order in which integers count them. None means the class names in
            alphabetical order, or "0", "1", ...

    Returns:
        A dataset for each set, or one under UNSPLIT.

    Raises:
        DataError: The file is not as described.
    """
    arrays = _load(path)
    prefixes = sorted({key.removesuffix("images").removesuffix("labels") for key in arrays})
    pairs: dict[str, tuple[str, Array, Array]] = {}
    for prefix in prefixes:
        for key in (prefix + "images", prefix + "labels"):
            if key not in arrays:
                raise DataError(f"{path} has no array '{key}'. It has: {', '.join(arrays)}. kbin reads {_NAMES}.")
        name = set_name_of_file(prefix.removesuffix("_"), str(path)) if prefix else UNSPLIT
        if name in pairs:
            raise DataError(f"{path}: '{pairs[name][0]}images' and '{prefix}images' both are the set '{name}'.")
        images, labels = arrays[prefix + "images"], arrays[prefix + "labels"]
        _check_images(images, f"{path}, {prefix}images")
        pairs[name] = (prefix, images, _flat_labels(labels, len(images), f"{path}, {prefix}labels"))
    if not pairs:
        raise DataError(f"{path} holds no images. It has: {', '.join(arrays) or 'nothing'}. kbin reads {_NAMES}.")
    indices, chosen = _label_indices(pairs, classes, path)
    white = _white([images for _, images, _ in pairs.values()])
    return {
        name: Dataset(
            paths=_paths(path.name, prefix, len(images)),
            labels=indices[name],
            classes=chosen,
            images=ArrayImages(
                images, f"{path}, {prefix}images" if prefix else str(path), white=white.get(images.dtype.kind)
            ),
        )
        for name, (prefix, images, _) in pairs.items()
    }


def _load(path: Path) -> dict[str, Array]:
    if not path.is_file():
        kind = "is a folder, not an npz file" if path.is_dir() else "does not exist"
        raise DataError(f"data.path: {path} {kind}. kbin reads {_NAMES}.")
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path} is not an npz file. Save images and labels together with `np.savez`.")
    try:
        _check_sizes(path)
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files if _KEY.fullmatch(key)}
    except DataError:
        raise
    except Exception as error:  # numpy, zipfile and zlib raise nearly anything on a damaged file
        if "pickle" not in str(error):
            reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
            raise DataError(f"{path} cannot be read as npz: {reason}. Write it again with `np.savez`.") from error
        raise DataError(
            f"{path} holds pickled objects, which kbin does not load because they can run any code. "
            "Give all images one shape and save them as uint8; save class names as text (`.astype(str)`)."
        ) from error


def _check_sizes(path: Path) -> None:
    """Refuses arrays that declare more than the file or the memory holds, before there is memory for them."""
    needed = 0
    with zipfile.ZipFile(path) as file:
        for member in file.infolist():
            if not _KEY.fullmatch(member.filename.removesuffix(".npy")):
                continue
            with file.open(member) as stream:
                version = np.lib.format.read_magic(stream)
                if version not in _HEADERS:
                    raise ValueError(f"its array '{member.filename}' has the format {version}")
                shape, _, dtype = _HEADERS[version](stream)
                declared = 0 if dtype.hasobject else math.prod(shape) * dtype.itemsize
                if stream.tell() + declared > member.file_size:
                    raise ValueError(f"its array '{member.filename}' says that it is larger than it is")
                needed += declared
    check_memory(path, needed)


def _paths(file: str, prefix: str, number: int) -> npt.NDArray[np.str_]:
    part = f"{prefix.removesuffix('_')}/" if prefix else ""
    return np.array([f"{file}#{part}{index}" for index in range(number)], dtype=np.str_)


def _check_images(images: Array, origin: str) -> None:
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] not in (1, 3, 4)) or not images.size:
        raise DataError(
            f"{origin} has shape {images.shape}; allowed: (images, height, width) "
            "or (images, height, width, channels) with 1, 3 or 4 channels, the channels last."
        )
    if images.dtype not in (np.uint8, np.uint16) and images.dtype.kind != "f":
        raise DataError(
            f"{origin} is of type {images.dtype}; allowed: uint8, uint16, floats. "
            "If its values are 0 to 255, convert it with `.astype('uint8')`."
        )
    # Written so that NaN, which compares false, is refused too.
    if images.dtype.kind == "f" and not (images.min() >= 0 and images.max() <= 255):
        raise DataError(
            f"{origin} has values from {images.min()} to {images.max()}; allowed: 0 to 1, or 0 to 255. "
            "Save the images before they are normalised."
        )


def _white(arrays: Sequence[Array]) -> dict[str, float]:
    """White of the floats of a file, by the kind of type: one rule for all its sets."""
    floats = [array for array in arrays if array.dtype.kind == "f"]
    return {"f": 1.0 if max(array.max() for array in floats) <= 1 else 255.0} if floats else {}


def _flat_labels(labels: Array, number: int, origin: str) -> Array:
    if labels.shape not in ((number,), (number, 1)):
        raise DataError(
            f"{origin} has shape {labels.shape}; allowed for {number} images: ({number},) or ({number}, 1)."
        )
    if labels.dtype.kind not in "iubUS":
        raise DataError(
            f"{origin} is of type {labels.dtype}; allowed: integers that count the classes from 0, or class names."
        )
    labels = labels.reshape(-1)
    if labels.dtype.kind not in "US":
        return labels.astype(np.int64)
    try:
        return np.array([_as_text(one) for one in labels.tolist()], np.str_)
    except ValueError as error:
        raise DataError(f"{origin} holds class names that are no text: {error}. Save them in UTF-8.") from None


def _as_text(label: str | bytes) -> str:
    text = label.decode("utf-8") if isinstance(label, bytes) else label
    text.encode("utf-8")  # half of a surrogate pair is no letter
    return text


def _label_indices(
    pairs: dict[str, tuple[str, Array, Array]], classes: Sequence[str] | None, path: Path
) -> tuple[dict[str, Labels], tuple[str, ...]]:
    labels = np.concatenate([labels for _, _, labels in pairs.values()])
    starts = np.cumsum([len(labels) for _, _, labels in pairs.values()])[:-1]
    kinds = {labels.dtype.kind for _, _, labels in pairs.values()}
    if len(kinds) > 1:
        raise DataError(f"{path}: some labels are class names and some are integers. Save all in one way.")
    if kinds == {"U"}:
        indices, chosen = label_indices(labels.tolist(), classes, str(path), lambda index: f"label {index}")
    else:
        indices, chosen = labels, _classes_of_integers(labels, classes, path)
    return dict(zip(pairs, np.split(indices, starts), strict=True)), chosen


def _classes_of_integers(labels: Labels, classes: Sequence[str] | None, path: Path) -> tuple[str, ...]:
    found = np.unique(labels).tolist()
    if classes is None and found != list(range(len(found))):
        raise DataError(
            f"{path}: the labels are {', '.join(map(str, found[:10]))}; integers must count the classes from 0. "
            "Renumber them, or save class names."
        )
    chosen = choose_classes([str(label) for label in found], classes, str(path))
    if classes is None:
        chosen = tuple(str(label) for label in found)  # 10 after 9, not after 1
    if found[0] < 0 or found[-1] >= len(chosen):
        wrong = found[0] if found[0] < 0 else found[-1]
        raise DataError(
            f"{path}: label {wrong} is none of the {len(chosen)} classes {', '.join(chosen)}, "
            f"which integers count from 0 to {len(chosen) - 1}. Name all classes in data.classes."
        )
    return chosen
