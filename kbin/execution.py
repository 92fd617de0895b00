"""Independent pieces of work: run in this process, or on a Dask cluster, with the same results."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

from kbin.cluster import ClusterExecution, connected
from kbin.environment import available_cores
from kbin.torch_threads import one_torch_thread

__all__ = ["ClusterExecution", "Execution", "LocalExecution", "open_execution"]

Function = Callable[[Any, Any], Any]

_AHEAD = 2  # pieces that are begun or done for each thread before the caller has taken a result: bounds the memory


class Execution(Protocol):
    """Where pieces of work are run.

    Attributes:
        is_remote: Whether they run in other processes, which need to be told everything.
    """

    is_remote: bool

    def run(
        self, function: Function, pieces: Sequence[Any], shared: Any = None, *, concurrent: bool = False
    ) -> Iterator[tuple[int, Any]]:
        """Yields (index, function(piece, shared)) for every piece as they finish, in any order.

        What the function raises is raised here as it is, and what is pending is cancelled; so it is when the iterator
        is left early.

        Args:
            function: A function of a module of kbin, so that a worker finds it by its name. It must not change
                `shared`.
            pieces: What it is called with, one after the other.
            shared: What all pieces need; it reaches every worker once.
            concurrent: Whether the function may run in several threads at once: numpy or torch, which release the GIL.
                Else pieces run one after the other here, and one at a time in a worker.
        """
        ...


class LocalExecution:
    """In this process."""

    is_remote = False

    def run(
        self, function: Function, pieces: Sequence[Any], shared: Any = None, *, concurrent: bool = False
    ) -> Iterator[tuple[int, Any]]:
        """Yields (index, function(piece, shared)) for every piece as they finish; see `Execution.run`."""
        if concurrent:
            yield from _in_threads(function, pieces, shared, available_cores())
        else:
            for index, piece in enumerate(pieces):
                yield index, function(piece, shared)


@contextmanager
def open_execution(cluster: str | None) -> Iterator[Execution]:
    """Opens where pieces of work are run.

    Args:
        cluster: The address of a Dask scheduler, such as "tcp://host:8786"; None runs in this process.

    Raises:
        MissingExtraError: `distributed` is not installed.
        ClusterError: The scheduler does not answer, has no workers, or one of them lacks this kbin.
    """
    if cluster is None:
        yield LocalExecution()
        return
    with connected(cluster) as execution:
        yield execution


def _in_threads(function: Function, pieces: Sequence[Any], shared: Any, num_threads: int) -> Iterator[tuple[int, Any]]:
    def work(piece: Any) -> Any:
        with one_torch_thread():
            return function(piece, shared)

    waiting = deque(enumerate(pieces))
    running: dict[Future[Any], int] = {}
    with ExitStack() as stack:
        # Torch's number of threads is that of the thread that sets it, and of threads to come: here it is put back.
        stack.enter_context(one_torch_thread())
        executor = ThreadPoolExecutor(num_threads)
        stack.callback(executor.shutdown, cancel_futures=True)
        while waiting or running:
            while waiting and len(running) < _AHEAD * num_threads:
                index, piece = waiting.popleft()
                running[executor.submit(work, piece)] = index
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()
