"""A PyTorch file -> its tensors: read by torch's restricted loader, so that nothing in it runs."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file


def read_state_dict(path: Path) -> Mapping[str, torch.Tensor]:
    """Reads a `.pth`, `.pt` or `.safetensors` file.

    Args:
        path: The file.

    Raises:
        ValueError: It is damaged or no such file, as do RuntimeError, UnpicklingError, SafetensorError and others.
    """
    if path.suffix == ".safetensors":
        return load_file(path)
    if zipfile.is_zipfile(path):  # what was saved before torch 1.6 is none
        _check_zip(path)
    # Torch compares what a storage claims with the bytes that are there.
    return torch.load(path, map_location="cpu", weights_only=True)


def _check_zip(path: Path) -> None:
    """Raises a ValueError for a zip that torch has not written: compressed, larger than it is, or damaged."""
    with zipfile.ZipFile(path) as file:
        members = file.infolist()
        if any(one.compress_type != zipfile.ZIP_STORED for one in members):
            raise ValueError("its parts are compressed, which torch's are not")
        if sum(one.file_size for one in members) > path.stat().st_size:
            raise ValueError("its parts claim to be larger than the file")
        damaged = file.testzip()
        if damaged is not None:
            raise ValueError(f"its part '{damaged}' has another checksum")
