"""Calls that are given up after a time, whatever they hang in: a name that is looked up, a server that drips."""

import queue
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from kbin.interruption import safe_point

Value = TypeVar("Value")

_POLL_SECONDS = 0.1  # between two looks for a signal


def bounded(call: Callable[[], Value], seconds: float) -> Value:
    """Returns what a call returns, or raises what it raises.

    Args:
        call: Runs in a thread that ends with the process, and may go on after it was given up.
        seconds: How long it is waited for.

    Raises:
        TimeoutError: It took longer.
        Interrupted: A signal came.
    """
    answer: queue.SimpleQueue[tuple[Value | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            answer.put((call(), None))
        except BaseException as error:
            answer.put((None, error))

    threading.Thread(target=run, daemon=True, name="tracking").start()
    end = time.monotonic() + seconds
    while True:
        safe_point()
        left = end - time.monotonic()
        try:
            value, error = answer.get(timeout=max(0.0, min(_POLL_SECONDS, left)))
        except queue.Empty:
            if left <= 0:
                raise TimeoutError(f"no answer within {seconds:.0f} s") from None
            continue
        if error is not None:
            raise error
        return value  # type: ignore[return-value]
