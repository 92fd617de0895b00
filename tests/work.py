"""Pieces of work for the tests of execution; workers find them by name."""

import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from kbin.errors import DataError


def scaled(piece: int, shared: Any) -> np.ndarray:
    return np.asarray(shared["numbers"][:3] * piece)


def slowly(piece: int, shared: Any) -> tuple[int, int]:
    time.sleep(0.05)
    return piece, os.getpid()


def noted(piece: int, shared: Path) -> int:
    time.sleep(0.05)
    (shared / str(piece)).touch()
    return piece


def failing(piece: int, shared: Path) -> int:
    if piece == 2:
        raise DataError(f"piece {piece} is wrong")
    return noted(piece, shared)


def begin_and_end(piece: int, shared: Any) -> tuple[int, int, float, float]:
    begin = time.monotonic()
    time.sleep(0.05)
    return os.getpid(), threading.get_ident(), begin, time.monotonic()


def drawn(piece: int, shared: Any) -> float:
    random.seed(piece)
    time.sleep(0.6)  # Dask's threads look at the sizes of things twice a second
    return random.random()


def fatal(piece: int, shared: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Opened:
    """Leaves a file wherever it is unpickled."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        with (self.folder / str(os.getpid())).open("a") as file:
            file.write("opened\n")


def folder_of(piece: int, shared: Opened) -> Path:
    time.sleep(0.02)
    return shared.folder
