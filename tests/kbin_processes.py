"""Processes that run one command of kbin after another: each loads Keras once."""

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.whole_files import Ended

# Of Linux: what lets root write where the modes of files and folders forbid it, and the call that takes it away.
_MAY_WRITE_EVERYWHERE, _DROP_RIGHT = 1, 24


def _without_right() -> None:
    ctypes.CDLL(None).prctl(_DROP_RIGHT, _MAY_WRITE_EVERYWHERE, 0, 0, 0)


class KbinProcess:
    """A process that takes commands.

    Args:
        may_write_everywhere: Where root runs the tests, keeps root's right to write whatever the modes say.
    """

    def __init__(self, may_write_everywhere: bool = True):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.kbin_processes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
            preexec_fn=None if may_write_everywhere else _without_right,
        )
        self.pid = self._process.pid

    def start(self, *arguments: object, **environment: object) -> None:
        """Starts a command, with some variables of the environment changed."""
        assert self._process.stdin is not None
        command = {"arguments": list(map(str, arguments)), "environment": {k: str(v) for k, v in environment.items()}}
        print(json.dumps(command), file=self._process.stdin, flush=True)

    def end(self) -> Ended:
        """Waits for the command, and returns how it ended."""
        assert self._process.stdout is not None
        return Ended(**json.loads(self._process.stdout.readline()))

    def wait_until_ready(self) -> None:
        """Waits until Keras is loaded."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate()


@contextmanager
def kbin_processes(count: int, may_write_everywhere: bool = True) -> Iterator[list[KbinProcess]]:
    """Starts processes at once, and ends them after the block."""
    processes = [KbinProcess(may_write_everywhere) for _ in range(count)]
    try:
        for one in processes:
            one.wait_until_ready()
        yield processes
    finally:
        for one in processes:
            one.close()


def _serve() -> None:
    from kbin import experiment, run_writing  # noqa: F401 - loads Keras before the commands come
    from tests.test_full_disk import save_quickly
    from tests.whole_files import kbin

    run_writing.save_figure = save_quickly  # type: ignore[assignment]
    _say("ready")
    for line in sys.stdin:
        command: dict[str, Any] = json.loads(line)
        os.environ.update(command["environment"])
        _say(json.dumps(asdict(kbin(*command["arguments"]))))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _serve()
