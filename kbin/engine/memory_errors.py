"""Memory that ran out: how it is recognised, released, and got round by computing fewer samples at a time."""

import errno
import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from kbin.errors import TrainingError

# Torch on a CPU, oneDNN and OpenVINO raise plain RuntimeErrors; CUDA's libraries raise some, too.
_WORDS = (
    *("can't allocate memory", "not enough memory", "out of memory", "bad_alloc", "bad allocation", "alloc_failed"),
    "could not create a primitive",  # all that oneDNN says where there is none for its plan
)


def is_out_of_memory(error: BaseException) -> bool:
    """Returns whether an error says that memory ran out: Python's, NumPy's, torch's (CPU or GPU) or OpenVINO's."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in _WORDS)


def memory_explained(error: Exception) -> Exception:
    """Returns what says which settings to change, where an error says that memory ran out; any other as it is."""
    if not is_out_of_memory(error):
        return error
    said = str(error).strip().splitlines()
    return TrainingError(
        f"memory ran out ({said[0][:200] if said else type(error).__name__}): set `training.batch_size` or "
        "`data.image_size` smaller, or `train_blocks` lower."
    )


def release_memory() -> None:
    """Gives memory back that nothing needs any more.

    Call it after the `except` block: while that runs, the traceback holds the tensors of every frame.
    """
    gc.collect()  # Keras's traceback filter and torch leave frames in reference cycles
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


class InSmallerBatches:
    """Calls a function of a batch; where memory runs out, on halves of it, and later batches at once in such parts.

    The function must treat samples independently, as a network in inference mode does.

    Args:
        function: Takes an array of shape (n, ...), returns one of shape (n, ...).
    """

    def __init__(self, function: Callable[[Any], Any]):
        self._function = function
        self._most: int | None = None

    def __call__(self, batch: Any) -> np.ndarray:
        """Returns the function's value for all samples of the batch; one that is no array is never divided.

        Raises:
            Exception: What the function raises; where memory runs out, only if it does so with one sample, too.
        """
        while True:
            size = min(len(batch), self._most or len(batch))
            try:
                return self._in_parts(batch, size)
            except Exception as error:
                if not is_out_of_memory(error) or size <= 1 or not hasattr(batch, "shape"):
                    raise
            release_memory()
            self._most = -(-size // 2)

    def _in_parts(self, batch: Any, size: int) -> np.ndarray:
        if size == len(batch):
            return self._function(batch)
        return np.concatenate([self._function(batch[start : start + size]) for start in range(0, len(batch), size)])
