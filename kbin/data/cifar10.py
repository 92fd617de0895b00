"""The source `cifar10`: 60,000 photographs of 32 x 32 pixels in ten classes, from the binary archive.

Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
"""

import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kbin.data.classes import choose_classes
from kbin.data.datasets import ArrayImages, Dataset, concatenate
from kbin.data.set_names import TEST, TRAIN
from kbin.errors import DataError, unknown_name
from kbin.interruption import at_any_moment

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
ARCHIVE = "cifar-10-binary.tar.gz"
FOLDER = "cifar-10-batches-bin"
URL = f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}"
MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
BATCHES = {TRAIN: tuple(f"data_batch_{number}.bin" for number in range(1, 6)), TEST: ("test_batch.bin",)}

_SIDE = 32
# One byte of label, then the red, green and blue planes.
_RECORD_BYTES = 1 + 3 * _SIDE * _SIDE


def read_cifar10(path: Path | None = None, classes: Sequence[str] | None = None) -> dict[str, Dataset]:
    """Reads the binary archive; the pickled one for Python is never read, because pickles can run any code.

    Args:
        path: The archive, or the folder it unpacks to; None means the copy in the user's cache, which is downloaded
            and checked against its MD5 first.
        classes: The classes to use, in this order; None means all ten.

    Returns:
        The official training and test set.

    Raises:
        DataError: The archive cannot be had, is another one, or is damaged; or a class is unknown.
    """
    for name in classes or ():
        if name not in CLASSES:
            raise DataError(f"data.classes: {unknown_name('class', name, CLASSES)}")
    chosen = CLASSES if classes is None else choose_classes(CLASSES, classes, "cifar10")
    files = [file for names in BATCHES.values() for file in names]
    contents = _contents(path if path is not None else _downloaded(), files)
    return {
        name: concatenate([_read_batch(file, contents[file], chosen) for file in names])
        for name, names in BATCHES.items()
    }


def _read_batch(file: str, content: bytes, classes: tuple[str, ...]) -> Dataset:
    if not content or len(content) % _RECORD_BYTES:
        raise DataError(
            f"{file}: {len(content)} bytes are not a whole number of records of {_RECORD_BYTES} bytes. "
            f"The file is damaged: fetch {URL} again."
        )
    records: npt.NDArray[np.uint8] = np.frombuffer(content, dtype=np.uint8).reshape(-1, _RECORD_BYTES)
    labels = records[:, 0].astype(np.int64)
    if labels.max() >= len(CLASSES):
        raise DataError(f"{file}: label {labels.max()} is not from 0 to 9. The file is damaged: fetch {URL} again.")
    new_index = np.array([classes.index(name) if name in classes else -1 for name in CLASSES], dtype=np.int64)
    kept = np.flatnonzero(new_index[labels] >= 0)
    planes = records[:, 1:].reshape(-1, 3, _SIDE, _SIDE)
    return Dataset(
        paths=np.array([f"{file}#{index}" for index in kept], dtype=np.str_),
        labels=new_index[labels[kept]],
        classes=classes,
        images=ArrayImages(planes.transpose(0, 2, 3, 1), file, kept),
    )


def _contents(path: Path, files: Sequence[str]) -> dict[str, bytes]:
    wanted = f"the binary archive {ARCHIVE} ({URL}) or the folder {FOLDER} that it unpacks to"
    if not path.exists():
        raise DataError(f"data.path: {path} does not exist. kbin reads {wanted}.")
    if "cifar-10-python" in path.name or (path / "data_batch_1").exists() or (path / "cifar-10-batches-py").is_dir():
        raise DataError(
            f"data.path: {path} is CIFAR-10's archive for Python, which is pickled; pickles can run any code. "
            f"kbin reads {wanted}."
        )
    found = _files_in_folder(path, files) if path.is_dir() else _files_in_archive(path, files)
    missing = [name for name in files if name not in found]
    if missing:
        raise DataError(f"data.path: {path} lacks {', '.join(missing)}. kbin reads {wanted}.")
    return found


def _files_in_folder(path: Path, files: Sequence[str]) -> dict[str, bytes]:
    folder = path / FOLDER if (path / FOLDER).is_dir() else path
    return {name: (folder / name).read_bytes() for name in files if (folder / name).is_file()}


def _files_in_archive(path: Path, files: Sequence[str]) -> dict[str, bytes]:
    found = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = Path(member.name).name
                content = archive.extractfile(member) if name in files and member.isfile() else None
                if content is not None:
                    found[name] = content.read()
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise DataError(f"data.path: {path} cannot be read as an archive: {error}. Fetch {URL} again.") from error
    return found


def _downloaded() -> Path:
    import pooch  # here because it takes .1 s to import, and most runs read no CIFAR-10

    folder = Path(pooch.os_cache("kbin"))
    try:
        with at_any_moment():
            return Path(pooch.retrieve(URL, known_hash=f"md5:{MD5}", fname=ARCHIVE, path=folder))
    except Exception as error:  # whatever the network, the server or the disk raises
        raise DataError(
            f"CIFAR-10 cannot be downloaded: {type(error).__name__}. Wanted: {ARCHIVE} (163 MB) from {URL}. "
            f"Put it at {folder / ARCHIVE}, or name its place in data.path."
        ) from error
