"""A seed for Keras that leaves the person's own random numbers as they were."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import numpy as np
import torch

_ONE_AT_A_TIME = Lock()  # Keras draws initial weights from generators that all threads share


@contextmanager
def global_generators_kept() -> Iterator[None]:
    """Gives the global generators of Python, NumPy and torch their states back after the block; one block at a time."""
    with _ONE_AT_A_TIME:
        python, numpy, of_torch = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
            torch.set_rng_state(of_torch)
