"""A PyTorch file -> its tensors: read by torch's restricted loader, after it was seen to hold tensors alone."""

import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors.torch import load_file

from kbin.models.torch_pickles import check_pickle, claimed_values

_ZIP_BEGIN = b"PK\x03\x04"
# The end records of a zip: the plain one, and before it, for large files, the locator and the record of zip64.
# Source: PKWARE, "APPNOTE.TXT - .ZIP File Format Specification", 6.3.10, 4.3.14 to 4.3.16.
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")


def read_state_dict(path: Path) -> Mapping[str, torch.Tensor]:
    """Reads a `.pth`, `.pt` or `.safetensors` file.

    Args:
        path: The file.

    Raises:
        ValueError: It is damaged or no such file, as do RuntimeError, UnpicklingError, SafetensorError and others.
    """
    if path.suffix == ".safetensors":
        return load_file(path)
    with path.open("rb") as file:
        is_zip = file.read(len(_ZIP_BEGIN)) == _ZIP_BEGIN  # by which torch decides, too
        file.seek(0)
        if is_zip:
            _check_zip(file)
        else:
            _check_legacy(file)
    # Torch compares what a storage in a zip claims with the bytes that are there.
    return torch.load(path, map_location="cpu", weights_only=True)


def _check_legacy(file: BinaryIO) -> None:
    """Raises a ValueError for what torch before 1.6 has not written: five pickles in a row, then the numbers."""
    for _ in range(3):  # the format's number, its version, the machine's kinds of numbers
        check_pickle(file)
    claimed = claimed_values(file)
    check_pickle(file)
    if claimed > file.seek(0, io.SEEK_END):
        raise ValueError("its tensors claim to be larger than the file")


def _check_zip(stream: BinaryIO) -> None:
    """Raises a ValueError for a zip that torch has not written: compressed, larger than it is, or damaged."""
    size = stream.seek(0, io.SEEK_END)
    with zipfile.ZipFile(stream) as file:
        members = file.infolist()
        if any(one.compress_type != zipfile.ZIP_STORED for one in members):
            raise ValueError("its parts are compressed, which torch's are not")
        if sum(one.file_size for one in members) > size:
            raise ValueError("its parts claim to be larger than the file")
        if (len(members), file.start_dir) != _directory(stream, size):
            raise ValueError("its list of parts lies elsewhere than it says")
        # Torch takes "A" and "a" for one name; Python cuts names at a zero, and knows second names.
        if len({one.filename.lower() for one in members}) < len(members) or any(
            one.filename != one.orig_filename for one in members
        ):
            raise ValueError("two of its parts have one name, or one has two")
        damaged = file.testzip()
        if damaged is not None:
            raise ValueError(f"its part '{damaged}' has another checksum")
        folder = members[0].filename.partition("/")[0]
        check_pickle(io.BytesIO(file.read(f"{folder}/data.pkl")))


def _directory(file: BinaryIO, size: int) -> tuple[int, int]:
    """Returns the number of parts and where their list begins, as the last bytes of a zip say it.

    There are readers that search for the end, that add what stands before the zip, or that believe either of two end
    records. Where all is in the place where torch writes it, they all find the same parts.
    """
    end = size - _END.size
    mark, disk, first_disk, here, number, length, begin, comment = _read(file, _END, end)
    is_plain = mark == b"PK\x05\x06" and disk == first_disk == comment == 0 and here == number
    locator = _read(file, _LOCATOR, end - _LOCATOR.size) if end >= _LOCATOR.size else (b"",)
    if is_plain and locator[0] == b"PK\x06\x07":
        end -= _LOCATOR.size + _END64.size
        mark, rest, *_, disk, first_disk, here, number, length, begin = _read(file, _END64, end)
        is_plain = mark == b"PK\x06\x06" and rest == _END64.size - 12 and locator[1:] == (0, end, 1)
        is_plain = is_plain and disk == first_disk == 0 and here == number
    if not is_plain or begin + length != end:
        raise ValueError("it does not end as torch's zip files do")
    return number, begin


def _read(file: BinaryIO, record: struct.Struct, place: int) -> tuple[Any, ...]:
    if place < 0:
        raise ValueError("it is too short")
    file.seek(place)
    return record.unpack(file.read(record.size))
