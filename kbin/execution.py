"""Independent pieces of work: run in this process, or on a Dask cluster, with the same results."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from kbin.cluster import ClusterExecution, connected
from kbin.interruption import with_safe_points

__all__ = ["ClusterExecution", "Execution", "LocalExecution", "open_execution"]

Function = Callable[[Any, Any], Any]


class Execution(Protocol):
    """Where pieces of work are run.

    Attributes:
        is_remote: Whether they run in other processes, which need to be told everything.
    """

    is_remote: bool

    def run(self, function: Function, pieces: Sequence[Any], shared: Any = None) -> Iterator[tuple[int, Any]]:
        """Yields (index, function(piece, shared)) for every piece as they finish, in any order.

        A process runs one piece at a time.

        What the function raises is raised here as it is, and what is pending is cancelled; so it is when the iterator
        is left early.

        Args:
            function: A function of a module of kbin, so that a worker finds it by its name. It must not change
                `shared`.
            pieces: What it is called with, one after the other.
            shared: What all pieces need; it reaches every worker once.
        """
        ...


class LocalExecution:
    """In this process."""

    is_remote = False

    def run(self, function: Function, pieces: Sequence[Any], shared: Any = None) -> Iterator[tuple[int, Any]]:
        """Yields (index, function(piece, shared)) for one piece after the other; see `Execution.run`.

        In threads they would take as long: heads that train together wait for Python's lock
        (`experiments/benchmarks/many_heads.py`), and Keras's seeds are global. Torch itself uses the cores.
        """
        for index, piece in enumerate(with_safe_points(pieces)):
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
