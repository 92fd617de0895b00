"""How many threads torch takes: sums over another number of them are rounded otherwise."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Gives torch a number of threads, and puts the old one back: it is that of this thread, and of threads to come.

    Args:
        count: At least 1.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
