"""One shard of a table of features: two files that say of each other what they are.

`<name>.npy` holds the features. `<name>.json`, written after it, makes the shard count: it has the hashes of its
images, whose own hash is the name; the table, the shape and the type of the features; and a checksum over all of it.
"""

import hashlib
import io
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

# A description takes some 40 bytes an image: this many are 400,000 images in one shard.
_MOST_BYTES = 2**24


def shard_files(table: str, hashes: Sequence[str], features: np.ndarray) -> tuple[str, bytes, str]:
    """Returns the name of a shard and what its two files hold: features, then description.

    Args:
        table: The name of the table that it belongs to.
        hashes: The content hashes of its images.
        features: shape (len(hashes), ...), in the same order.
    """
    array = np.ascontiguousarray(features)
    name = _name(hashes)
    header: dict[str, Any] = {
        "table": table,
        "shape": list(array.shape),
        "dtype": array.dtype.str,
        "hashes": list(hashes),
    }
    header["checksum"] = _checksum(name, header, array)
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, allow_pickle=False)
    return name, stream.getvalue(), json.dumps(header)


def open_shard(description: Path) -> tuple[list[str], np.ndarray]:
    """Returns the hashes of a shard's images and its memory-mapped features, all of it checked.

    Args:
        description: Its `.json`, in the folder of its table.

    Raises:
        FileNotFoundError: One of its files is not there.
        ValueError: It is damaged, or belongs to another table. So it is after OSError, KeyError and TypeError too.
    """
    array_file = description.with_suffix(".npy")
    for path in (description, array_file):
        path.stat()
        if not path.is_file():
            raise ValueError("no file")
    header = _read_header(description)
    hashes = header["hashes"]
    if not isinstance(hashes, list) or not all(isinstance(one, str) for one in hashes) or not hashes:
        raise ValueError("hashes")
    if header["table"] != description.parent.name or description.stem != _name(hashes):
        raise ValueError("of another table, or under another name")
    # Mapped, not read: a shape that the file is too short for is refused before there is memory for it.
    try:
        array = np.lib.format.open_memmap(array_file, mode="r")
    except OSError:
        raise
    except Exception as error:  # numpy reads the header as Python's tokens and raises what their reader raises
        raise ValueError(str(error)) from None
    if list(array.shape) != header["shape"] or array.dtype.str != header["dtype"] or len(array) != len(hashes):
        raise ValueError("shape")
    if array.dtype.kind not in "fu" or not array.flags.c_contiguous:
        raise ValueError("type")
    if _checksum(description.stem, header, array) != header["checksum"]:
        raise ValueError("checksum")
    return hashes, array


def num_images(description: Path) -> int:
    """Returns how many images a shard says that it has; 0 where it cannot be read."""
    try:
        hashes = _read_header(description)["hashes"]
    except (OSError, ValueError, KeyError):
        return 0
    return len(hashes) if isinstance(hashes, list) else 0


def read_json(path: Path) -> Any:
    """Reads a small JSON file.

    Raises:
        ValueError: It is too large, too deep or no JSON. OSError: it cannot be read.
    """
    if not path.is_file() or path.stat().st_size > _MOST_BYTES:
        raise ValueError("no file, or too large")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _read_header(description: Path) -> dict[str, Any]:
    header = read_json(description)
    if not isinstance(header, dict):
        raise ValueError("no object")
    return header


def _name(hashes: Sequence[str]) -> str:
    return hashlib.blake2b("\n".join(hashes).encode(errors="surrogatepass"), digest_size=12).hexdigest()


def _checksum(name: str, header: dict[str, Any], array: np.ndarray) -> int:
    """Returns a checksum that begins with what the shard is, and goes on over the bytes of its features."""
    what = json.dumps([name, header["table"], header["shape"], header["dtype"]])
    return zlib.crc32(array.data, zlib.crc32(what.encode()))
