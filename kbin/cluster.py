"""Pieces of work on a Dask cluster: connected, checked, fed, and cleared up after.

Dask gives the work of a lost worker to another. What all pieces share is sent as a task that unpickles it, not
scattered: of scattered data the scheduler keeps no recipe, so that they are gone with the last worker that holds them.
"""

import asyncio
import importlib.util
import logging
import pickle
import pkgutil
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from kbin.errors import ClusterError, MissingExtraError
from kbin.interruption import at_any_moment, safe_point
from kbin.worker import VERSION, own_version, work_on, wrong_version

if TYPE_CHECKING:
    import distributed

CONNECT_SECONDS = 5.0  # until a scheduler counts as unreachable
WORKER_SECONDS = 30.0  # without any worker, at the start or later
_POLL_SECONDS = 0.02  # between two looks for finished pieces
_LOOK_SECONDS = 2.0  # between two looks at the workers
_AHEAD = 1  # pieces a worker is given beyond the one it runs: the next is there when that is done


class ClusterExecution:
    """On a Dask cluster; see `kbin.execution.Execution`.

    Args:
        client: Connected to the scheduler.
    """

    is_remote = True

    def __init__(self, client: "distributed.Client"):
        self._client = client

    def run(
        self, function: Callable[[Any, Any], Any], pieces: Sequence[Any], shared: Any = None
    ) -> Iterator[tuple[int, Any]]:
        """Yields (index, function(piece, shared)) for every piece as they finish; see `Execution.run`."""
        from distributed import as_completed

        name = f"kbin-{uuid.uuid4().hex}"
        given = None if shared is None else self._submit(f"{name}-shared", pickle.loads, _pickled(shared))
        finished = as_completed(loop=self._client.loop)
        waiting = deque(enumerate(pieces))
        workers = _Workers(self._client)
        pending: dict[int, distributed.Future] = {}
        indices: dict[Any, int] = {}
        try:
            while waiting or pending:
                safe_point()
                while waiting and (worker := workers.with_room()) is not None:
                    index, piece = waiting.popleft()
                    work = _pickled((function, piece, own_version()))
                    pending[index] = self._submit(f"{name}-{index}", work_on, work, given, worker=worker)
                    workers.given(worker, index)
                    indices[pending[index].key] = index
                    finished.add(pending[index])
                for future in finished.next_batch(block=False):
                    index = indices.pop(future.key)
                    result = _result(future)
                    workers.done(index)
                    pending.pop(index).release()
                    yield index, result
                workers.look()
                if not finished.has_ready():
                    time.sleep(_POLL_SECONDS)
        finally:
            self._cancel([*pending.values()])

    def _cancel(self, futures: list["distributed.Future"]) -> None:
        """Cancels what is not finished; a piece that a worker has begun runs to its end there."""
        if futures and self._client.status == "running":
            with suppress(Exception):  # the scheduler is gone, and the work with it
                self._client.cancel(futures)

    def _submit(
        self, key: str, function: Callable[..., Any], *arguments: Any, worker: str | None = None
    ) -> "distributed.Future":
        import dask

        # A large argument is what is meant here; Dask's advice against it ends in scattered data.
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TB"}):
            return self._client.submit(
                function, *arguments, key=key, pure=False, workers=worker, allow_other_workers=worker is not None
            )


class _Workers:
    """Which workers there are, and how many pieces each was given.

    Dask itself would put all pieces where what they share is already, and leave the other workers idle.
    """

    def __init__(self, client: "distributed.Client"):
        self._client = client
        self._names: list[str] = []
        self._places: dict[int, str] = {}
        self._looked, self._seen = 0.0, time.monotonic()
        self.look()

    def with_room(self) -> str | None:
        """Returns the least busy worker that may be given another piece."""
        counts = Counter(self._places.values())
        worker = min(self._names, key=lambda name: counts[name], default=None)
        return None if worker is None or counts[worker] > _AHEAD else worker

    def given(self, worker: str, index: int) -> None:
        """Notes that a worker was given a piece."""
        self._places[index] = worker

    def done(self, index: int) -> None:
        """Notes that a piece is done."""
        del self._places[index]

    def look(self) -> None:
        """Looks, now and then, which workers there are.

        Raises:
            ClusterError: There were none for `WORKER_SECONDS`, or the scheduler is gone.
        """
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        try:
            self._names = list(self._client.nthreads())
        except Exception as error:  # whatever Dask raises without a connection
            raise _gone() from error
        if self._names:
            self._seen = now
        elif now - self._seen > WORKER_SECONDS:
            raise ClusterError(
                f"all workers of the cluster are gone since {WORKER_SECONDS:.0f} s: look at the output of `dask "
                "worker` (too little memory ends it), start workers, and run the same again."
            )


@contextmanager
def connected(address: str) -> Iterator[ClusterExecution]:
    """Connects to a cluster and checks its workers.

    Args:
        address: Of the scheduler, such as "tcp://host:8786".

    Raises:
        MissingExtraError: `distributed` is not installed.
        ClusterError: The scheduler does not answer, has no workers, or one of them lacks this kbin.
    """
    if importlib.util.find_spec("distributed") is None:
        raise MissingExtraError("a cluster needs the package distributed: `pip install 'kbin[cluster]'`.")
    import distributed  # late: an extra

    with _quiet():
        try:
            with at_any_moment():
                asyncio.run(_greet(address))
        except Exception as error:  # whatever stands at that address, and whatever it answered
            raise ClusterError(
                f"no Dask scheduler answers at '{address}' ({_first_line(error)}). Start one with `dask scheduler`, "
                "which prints its address, such as tcp://host:8786."
            ) from error
        with at_any_moment():
            client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        try:
            with at_any_moment():
                _check(client)
            yield ClusterExecution(client)
        finally:  # the scheduler cancels whatever a client that goes away still waits for
            client.close(timeout=CONNECT_SECONDS)


async def _greet(address: str) -> None:
    """Exchanges Dask's greeting with what is at an address: a client that fails at it cannot be closed cleanly."""
    from distributed.core import connect

    comm = await connect(address, timeout=CONNECT_SECONDS)
    await comm.close()


def _check(client: "distributed.Client") -> None:
    """Refuses a cluster without workers, or with one that lacks this kbin."""
    try:
        client.wait_for_workers(1, timeout=WORKER_SECONDS)
    except TimeoutError as error:
        raise ClusterError(
            f"the scheduler at {client.scheduler.address} has no workers since {WORKER_SECONDS:.0f} s. Start some with "
            f"`dask worker {client.scheduler.address} --nthreads 1`."
        ) from error
    # A function of the standard library: one of kbin's could not even be read where kbin is missing.
    wanted = (pkgutil.resolve_name, VERSION)
    versions = {f"worker {name}": found for name, found in client.run(*wanted, on_error="return").items()}
    try:
        versions[f"scheduler {client.scheduler.address}"] = client.run_on_scheduler(*wanted)
    except ImportError as error:
        versions[f"scheduler {client.scheduler.address}"] = error
    for place, version in versions.items():
        if version != own_version():
            raise wrong_version(place, version, own_version())


def _gone() -> ClusterError:
    return ClusterError(
        "the connection to the scheduler was lost, and with it the work that was not finished: look at the output of "
        "`dask scheduler`, and run the same again."
    )


def _result(future: "distributed.Future") -> Any:
    from concurrent.futures import CancelledError

    from distributed import KilledWorker

    try:
        return future.result()
    except KilledWorker as error:
        raise ClusterError(
            f"a piece of work was given up after {error.allowed_failures + 1} worker(s) ended while they ran it, "
            f"{error.last_worker.address} the last: look at the output of `dask worker` there; most often its memory "
            "did not suffice."
        ) from error
    except CancelledError as error:
        raise _gone() from error


def _pickled(value: Any) -> bytes:
    # Ours, not Dask's: the scheduler, which would open it, sees bytes and needs nothing of what is in them.
    return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps Dask's log off standard error: what a person can mend is said by an error."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
