"""Processes that run one command of kbin after another: each loads Keras once."""

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

NOBODY = 65534


class KbinProcess:
    """A process that takes commands.

    Args:
        user: The id of the user that it becomes; None stays who runs the tests.
    """

    def __init__(self, user: int | None = None):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.kbin_processes", json.dumps(user)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
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
def kbin_processes(count: int, user: int | None = None) -> Iterator[list[KbinProcess]]:
    """Starts processes at once, and ends them after the block."""
    processes = [KbinProcess(user) for _ in range(count)]
    try:
        for one in processes:
            one.wait_until_ready()
        yield processes
    finally:
        for one in processes:
            one.close()


def _serve(user: int | None) -> None:
    from kbin import experiment, run_writing  # noqa: F401 - loads Keras before the commands come
    from tests.test_full_disk import save_quickly
    from tests.whole_files import kbin

    run_writing.save_figure = save_quickly  # type: ignore[assignment]
    if user is not None:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    _say("ready")
    for line in sys.stdin:
        command: dict[str, Any] = json.loads(line)
        os.environ.update(command["environment"])
        _say(json.dumps(asdict(kbin(*command["arguments"]))))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _serve(json.loads(sys.argv[1]))
