"""Ctrl-C and its kin: long work ends at a safe point, where nothing is half done.

The command line opens `interruptible`, and long work calls `safe_point` wherever it may be left. Without the former, in
a script or in a worker of a cluster, the latter does nothing and Python's own KeyboardInterrupt works as ever.

The signals: SIGINT (Ctrl-C), SIGTERM, and SIGHUP (the terminal was closed). One that the process was started to ignore,
as `nohup` does, stays ignored.
"""

import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn, TypeVar

Item = TypeVar("Item")

_HANG_UP = getattr(signal, "SIGHUP", None)  # Windows has none
_SIGNALS = tuple(number for number in (signal.SIGINT, signal.SIGTERM, _HANG_UP) if number is not None)
_SAME_SECONDS = 0.3  # `timeout`, and some editors, send one twice
_SHOW_CURSOR = "\x1b[?25h"  # progress bars hide it


class Interrupted(KeyboardInterrupt):
    """A signal asked for an end; no `except Exception` takes it for the failure of a model.

    Attributes:
        signal_number: Of the signal.
    """

    def __init__(self, signal_number: int):
        super().__init__(signal_number)
        self.signal_number = int(signal_number)

    @property
    def exit_code(self) -> int:
        """What a shell expects: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
        return 128 + self.signal_number


def end_at_once_on_signals() -> None:
    """Has a signal end the process at once: right while it starts, when nothing can be lost.

    Nothing is raised, since modules that are being loaded do not stand it.
    """
    for number in _heeded():
        signal.signal(number, lambda heard, frame: _end(heard, "interrupted; the same command starts again."))


@contextmanager
def interruptible() -> Iterator[None]:
    """Has the first signal end the block at its next `safe_point`, and a second one the process at once.

    The second loses nothing whole, because files are written aside and renamed. Handlers are restored afterwards. In
    any thread but the main one the block runs as it is.

    Raises:
        Interrupted: At the safe point.
    """
    global _listener
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    listener, before = _Listener(), _listener
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    thread = threading.Thread(target=listener.listen, args=(reading,), daemon=True, name="signals")
    thread.start()
    earlier = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    handlers = {number: signal.signal(number, listener.handle) for number in _heeded()}
    _listener = listener
    try:
        yield
    finally:
        _listener = before
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(earlier)
        os.close(writing)
        thread.join()
        os.close(reading)


def safe_point() -> None:
    """Says that work may be left here; costs some 100 ns.

    Raises:
        Interrupted: A signal came. Only in the main thread, and only inside of `interruptible`.
    """
    listener = _listener
    if listener is None or listener.received is None:
        return
    if threading.current_thread() is threading.main_thread():
        raise Interrupted(listener.received)


def is_interrupted() -> bool:
    """Returns whether a signal came, so that the next safe point will raise."""
    return _listener is not None and _listener.received is not None


def with_safe_points(items: Iterable[Item]) -> Iterator[Item]:
    """Yields the items, with a safe point before each."""
    for item in items:
        safe_point()
        yield item


@contextmanager
def at_any_moment() -> Iterator[None]:
    """Lets a signal end the block wherever it is, as Python itself does: for a wait that has no safe points of its own.

    The block has to clear up what it had begun.

    Raises:
        Interrupted: A signal came. Only in the main thread, and only inside of `interruptible`.
    """
    listener = _listener
    if listener is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    listener.raises = True
    try:
        safe_point()  # one that came before
        yield
    finally:
        listener.raises = False


class _Listener:
    """Hears signals, by a handler and in a thread.

    The handler runs in the main thread, and not before a long call of torch, OpenVINO or numpy returns. The thread is
    told by the operating system at once, so that a person has an answer then, and a second signal ends such a call.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self.raises = False
        self._since: float | None = None

    def handle(self, number: int, frame: FrameType | None) -> None:
        self.received = self.received or number
        if self.raises:
            self.raises = False  # what is cleared up now must not be left in its midst
            raise Interrupted(self.received)

    def listen(self, descriptor: int) -> None:
        while heard := os.read(descriptor, 1):  # nothing, once the other end is closed
            if heard[0] in _SIGNALS:
                self._hear(heard[0])

    def _hear(self, number: int) -> None:
        now = time.monotonic()
        if self._since is None:
            self.received, self._since = self.received or number, now
            _write(2, "\nstopping at the next safe point; once more ends at once\n")
        elif number != _HANG_UP and now - self._since > _SAME_SECONDS:  # a shell, too, tells its jobs of a hang-up
            _end(number, "ended at once; the same command goes on from what is whole.")


_listener: _Listener | None = None


def _heeded() -> list[int]:
    """Returns the signals that the process was not started to ignore."""
    return [number for number in _SIGNALS if signal.getsignal(number) not in (signal.SIG_IGN, None)]


def _end(number: int, message: str) -> NoReturn:
    _write(2, f"\n{message}\n")
    if os.isatty(1):
        _write(1, _SHOW_CURSOR)
    os._exit(128 + number)


def _write(descriptor: int, text: str) -> None:
    """Writes without Python's streams, which may be in the midst of a line; the terminal may be gone."""
    with suppress(OSError):
        os.write(descriptor, text.encode())
