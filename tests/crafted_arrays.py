"""Contents of `.npz` files that damage or malice leaves: none of them is one that kbin wrote."""

import io
import zipfile

import numpy as np


def _member(header: str, numbers: bytes = b"") -> bytes:
    """The bytes of an array in NumPy's format 1.0, with any header."""
    line = header.encode() + b" " * (64 - (len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(line).to_bytes(2, "little") + line + numbers


def _zip(content: bytes, name: str = "0.npy", compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as file:
        file.writestr(name, content)
    return stream.getvalue()


def _encrypted() -> bytes:
    """A sound array whose flags claim a password."""
    content = bytearray(_zip(_member(_SHAPE.format("(3,)"), bytes(12))))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def _broken_deflation() -> bytes:
    content = bytearray(_zip(_member(_SHAPE.format("(3,)"), bytes(12)), compression=zipfile.ZIP_DEFLATED))
    start = content.index(b"0.npy") + len(b"0.npy")
    content[start + 4 : start + 20] = b"\xff" * 16
    return bytes(content)


def _compressed() -> bytes:
    """Eight million zeros in some kilobytes: small enough to be read, were it allowed."""
    stream = io.BytesIO()
    np.savez_compressed(stream, **{"0": np.zeros(2_000_000, np.float32)})
    return stream.getvalue()


_SHAPE = "{{'descr': '<f4', 'fortran_order': False, 'shape': {}}}"

CRAFTED = {
    "header of an open quote": _zip(_member("('''")),
    "header of odd indents": _zip(_member("   \n  x\n y")),
    "shape beyond 64 bits": _zip(_member(_SHAPE.format("(100000000000000000000,)"))),
    "negative shape": _zip(_member(_SHAPE.format("(-1,)"))),
    "encrypted": _encrypted(),
    "broken deflation": _broken_deflation(),
    "compressed": _compressed(),
    "no array": _zip(b"text", name="0"),
}
