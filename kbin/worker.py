"""What a worker of a cluster does with a piece of work, so that the result is the one that it has elsewhere."""

import importlib.util
import pickle
import pkgutil
import random
import sys
import threading
from typing import Any

from kbin.errors import ClusterError

VERSION = "kbin:__version__"

_ONE_AT_A_TIME = threading.Lock()  # of a process: so are Keras's seeds
_WITH_THREADS = {"dask", "distributed", "tornado"}


def work_on(work: bytes, shared: Any) -> Any:
    """Runs one piece in a worker.

    Args:
        work: Function, piece, and the version of kbin that asks, pickled.
        shared: What all pieces need.

    Raises:
        ClusterError: This is another version of kbin.
    """
    function, piece, version = pickle.loads(work)
    if version != own_version():  # in a worker that came after the others were checked
        from distributed import get_worker  # late: an extra

        raise wrong_version(f"worker {get_worker().address}", own_version(), version)
    with _ONE_AT_A_TIME:
        _draw_apart()
        return function(piece, shared)


def own_version() -> str:
    """Returns the version of kbin in this process."""
    return str(pkgutil.resolve_name(VERSION))


def wrong_version(place: str, version: Any, expected: str) -> ClusterError:
    """Returns the error for a place with another kbin.

    Args:
        place: Such as "worker tcp://host:1234".
        version: The one that it has, or the exception that importing it raised.
        expected: The one that asks.
    """
    has = f"cannot import kbin ({version})" if isinstance(version, Exception) else f"has kbin {version}"
    return ClusterError(
        f"the {place} {has}, while kbin {expected} runs here: install the same kbin there, and start it again."
    )


def _draw_apart() -> None:
    """Gives Dask a copy of the module `random`, with a generator of its own.

    Its threads draw from the global one, for example to guess the size of a list, in the middle of a piece of work; and
    Keras draws the seeds of initial weights from there, so that the same seed would give other weights every time.
    """
    for name, module in sys.modules.copy().items():  # a copy in one step: other threads import meanwhile
        if name.partition(".")[0] in _WITH_THREADS and vars(module).get("random") is random:
            vars(module)["random"] = _copy_of_random()


def _copy_of_random() -> Any:
    spec = importlib.util.find_spec("random")
    if spec is None or spec.loader is None:
        raise ImportError("no module random")
    copy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copy)
    return copy
