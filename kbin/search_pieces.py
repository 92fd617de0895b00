"""Finished trials of a search as the two files of a piece, and back: what is damaged or strange is no piece."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kbin.array_files import npz_bytes, read_arrays

# What a trial leaves besides its probabilities, and the types that each may have.
_KINDS: dict[str, tuple[type, ...]] = {
    "id": (str,),
    "error": (str, type(None)),
    "is_passing": (bool,),
    "epoch": (int, type(None)),
    "threshold": (int, float, type(None)),
    "metrics": (dict, type(None)),
}


@dataclass(frozen=True, eq=False)
class StoredTrial:
    """A finished trial: plain values, and its probabilities of the held-out part where it did not fail."""

    values: Mapping[str, Any]
    held_out: np.ndarray | None


def piece_files(name: str, trials: Sequence[StoredTrial]) -> tuple[bytes, str]:
    """Returns what the files of a piece hold: probabilities, then values with a checksum over both.

    Args:
        name: Of the piece.
        trials: Those that were run together.
    """
    held_out = {str(place): one.held_out for place, one in enumerate(trials) if one.held_out is not None}
    values = [dict(one.values) for one in trials]
    arrays = npz_bytes(held_out)
    return arrays, json.dumps({"checksum": _checksum(name, values, arrays), "trials": values}, allow_nan=False)


def read_piece(name: str, arrays: bytes, text: str) -> dict[str, StoredTrial]:
    """Returns the trials of a piece by id.

    Args:
        name: Of the piece.
        arrays: The content of its `.npz`.
        text: That of its `.json`.

    Raises:
        ValueError: It is damaged, is another piece's, or holds what no trial leaves.
    """
    try:
        piece = json.loads(text)
        values = piece["trials"]
        if piece["checksum"] != _checksum(name, values, arrays):
            raise ValueError("checksum")
        probabilities = read_arrays(arrays)
        return {one["id"]: _trial(one, probabilities, str(place)) for place, one in enumerate(values)}
    except Exception as error:  # a stranger's values may be of any type and size
        raise ValueError(f"damaged: {error}") from None


def _trial(values: dict[str, Any], arrays: Mapping[str, np.ndarray], place: str) -> StoredTrial:
    if set(values) != set(_KINDS) or not all(isinstance(values[name], kinds) for name, kinds in _KINDS.items()):
        raise ValueError("values that no trial leaves")
    if values["error"] is not None:
        return StoredTrial(values, None)
    held_out = arrays[place]  # a trial that did not fail has probabilities
    numbers = [values["epoch"], values["threshold"], *(values["metrics"] or {}).values()]
    if not all(one is None or (type(one) in (int, float) and math.isfinite(one)) for one in numbers):
        raise ValueError("metrics that are no numbers")
    if held_out.dtype != np.float32 or held_out.ndim not in (1, 2):
        raise ValueError("no probabilities")
    return StoredTrial(values, held_out)


def _checksum(name: str, values: Any, arrays: bytes) -> str:
    digest = hashlib.blake2b(f"{name} {json.dumps(values, sort_keys=True)} ".encode(), digest_size=16)
    digest.update(arrays)
    return digest.hexdigest()
