"""Arrays by name <-> the bytes of an `.npz` file that may come back changed."""

import io
import zipfile
from collections.abc import Mapping

import numpy as np


def npz_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Returns the content of an `.npz` file, not compressed.

    Args:
        arrays: By name, of any shapes.

    Raises:
        ValueError: One holds Python objects.
    """
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def read_arrays(content: bytes) -> dict[str, np.ndarray]:
    """Returns the arrays that `npz_bytes` put into a file; they take no more memory than it.

    Args:
        content: Of the file.

    Raises:
        ValueError: It is damaged, is compressed, claims to hold more than its length, or holds what is no plain array.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            members = file.infolist()
        if any(one.compress_type != zipfile.ZIP_STORED for one in members):
            raise ValueError("compressed")
        if sum(one.file_size for one in members) > len(content):
            raise ValueError("its arrays claim to be larger than the file")
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = dict(file)
    except Exception as error:  # numpy, zipfile and tokenize raise nearly anything on a damaged file
        raise ValueError(f"damaged: {error}") from None
    if not all(isinstance(one, np.ndarray) for one in arrays.values()):  # numpy returns other members as bytes
        raise ValueError("a member that is no array")
    return arrays
