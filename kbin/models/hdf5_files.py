"""An HDF5 file is read only where all of it lies inside itself, and is no larger than what it is read for."""

import io
import math
import re

import h5py

_MOST_OBJECTS = 100_000
_MOST_LEVELS = 64
_HEAP = re.compile(rb"GCOL\x01...(........)", re.DOTALL)


def check_hdf5(content: bytes, most_bytes: int) -> None:
    """Walks through a file before anything is read from it.

    HDF5 has links to other files, data that lie in other files, and shapes that promise terabytes in a file of a few
    kilobytes. A weights file needs none of these.

    Args:
        content: The file's bytes.
        most_bytes: What all its values may take in memory.

    Raises:
        ValueError: It points outside itself, declares more, or is no such file (OSError, RuntimeError, KeyError too).
    """
    with h5py.File(io.BytesIO(content), "r") as opened:
        seen: set[int] = set()
        declared = 0
        largest_text = _largest_text(content)
        waiting: list[tuple[h5py.Group, int]] = [(opened, 0)]
        while waiting:
            group, level = waiting.pop()
            declared += _attribute_bytes(group, largest_text)
            _check_fits(declared, most_bytes)
            for name in group:
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    raise ValueError(f"'{name}' is a link to elsewhere, which kbin does not follow")
                one = group[name]
                if level == _MOST_LEVELS or len(seen) == _MOST_OBJECTS:
                    raise ValueError("its groups are nested too deeply, or too many")
                if _address(one) in seen:
                    continue
                seen.add(_address(one))
                if isinstance(one, h5py.Group):
                    waiting.append((one, level + 1))
                else:
                    declared += _dataset_bytes(one, name) + _attribute_bytes(one, largest_text)
                _check_fits(declared, most_bytes)


def _check_fits(declared: int, most_bytes: int) -> None:
    if declared > most_bytes:
        raise ValueError(f"it declares more than the {most_bytes / 1e6:,.0f} MB that this network may take")


def _address(one: h5py.HLObject) -> int:
    return int(h5py.h5o.get_info(one.id).addr)


def _dataset_bytes(dataset: h5py.HLObject, name: str) -> int:
    """Returns what a dataset takes in memory, or at least one of its chunks."""
    if not isinstance(dataset, h5py.Dataset):
        raise ValueError(f"'{name}' is a {type(dataset).__name__}, not numbers")
    if dataset.external or dataset.is_virtual:
        raise ValueError(f"the values of '{name}' lie in another file, which kbin does not open")
    # Values of variable length are references, of which many may point at one large text.
    if dataset.dtype.hasobject or dataset.shape is None:
        raise ValueError(f"'{name}' holds no numbers")
    return max(math.prod(dataset.shape), math.prod(dataset.chunks or (0,))) * dataset.dtype.itemsize


def _attribute_bytes(one: h5py.HLObject, largest_text: int) -> int:
    total = 0
    for name in one.attrs:
        attribute = one.attrs.get_id(name)
        # A list of texts of variable length is a list of references, and many of them may point at one long text.
        each = largest_text if attribute.dtype.hasobject else attribute.dtype.itemsize
        total += math.prod(attribute.shape or ()) * each
    return total


def _largest_text(content: bytes) -> int:
    """Returns a bound for texts of variable length, in bytes: the size of the largest heap that they lie in.

    Source: HDF5 file format specification 3.0, III.E "Disk Format: Level 1E - Global Heap".
    """
    sizes = [int.from_bytes(found[1], "little") for found in _HEAP.finditer(content)]
    return max((size for size in sizes if size <= len(content)), default=0)
