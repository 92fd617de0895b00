"""How many threads torch takes inside a piece of work that is itself one of several at once."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Gives torch one thread for the work of this thread: several such pieces share the cores, not fight for them.

    It also makes the same numbers everywhere: a sum over more threads is rounded otherwise.
    """
    import torch  # late: what runs here need not be torch's, and start-up stays fast

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
