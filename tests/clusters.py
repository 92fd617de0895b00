"""A Dask cluster of this machine for tests: a scheduler and workers, processes of their own on loopback."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_START_SECONDS = 120


class LoopbackCluster:
    """A scheduler with its workers.

    Attributes:
        address: Of the scheduler.
    """

    def __init__(self, folder: Path, env: Mapping[str, str]):
        self._folder, self._env = folder, dict(env)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._workers: list[subprocess.Popen[bytes]] = []
        file = folder / "scheduler.json"
        self._scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
        deadline = time.monotonic() + _START_SECONDS
        while not file.is_file() or not file.read_text():
            if time.monotonic() > deadline or self._scheduler.poll() is not None:
                raise RuntimeError(f"the scheduler did not start:\n{self.log()}")
            time.sleep(0.05)
        self.address: str = json.loads(file.read_text())["address"]

    def add_worker(self, num_threads: int = 1, env: Mapping[str, str] | None = None) -> int:
        """Starts a worker without a nanny, which would start it again; returns its number, at once."""
        number = len(self._workers)
        place = self._folder / f"worker-{number}"
        arguments = ["--host", "127.0.0.1", "--nthreads", str(num_threads), "--no-nanny", "--memory-limit", "0"]
        named = ["--name", str(number), "--local-directory", str(place)]
        self._workers.append(self._start("worker", self.address, *arguments, *named, env=env))
        return number

    def wait_for_workers(self) -> None:
        """Waits until every worker that was started has joined."""
        deadline = time.monotonic() + _START_SECONDS
        while self.log().count("Register worker addr") < len(self._workers):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the workers did not join:\n{self.log()}")
            time.sleep(0.05)

    def kill_worker(self, number: int) -> None:
        """Ends a worker as a crash or the kernel would, without a chance to say so."""
        self._workers[number].send_signal(signal.SIGKILL)
        self._workers[number].wait()

    def kill_scheduler(self) -> None:
        """Ends the scheduler in the same way."""
        self._scheduler.send_signal(signal.SIGKILL)
        self._scheduler.wait()

    def pid(self, number: int) -> int:
        """Returns the process of a worker."""
        return self._workers[number].pid

    def log(self) -> str:
        """Returns what scheduler and workers wrote."""
        return (self._folder / "log").read_text()

    def stop(self) -> None:
        """Ends all processes."""
        for process in reversed(self._processes):
            process.kill()
        for process in self._processes:
            process.wait()

    def _start(self, kind: str, *arguments: str, env: Mapping[str, str] | None = None) -> "subprocess.Popen[bytes]":
        # The tests' own functions are found beside the installed kbin.
        settings = {**os.environ, "PYTHONPATH": str(_ROOT), **self._env, **(env or {})}
        with (self._folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", kind, "--no-dashboard", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=settings,
                cwd=self._folder,
            )
        self._processes.append(process)
        return process


@contextmanager
def loopback_cluster(num_workers: int = 2, env: Mapping[str, str] | None = None) -> Iterator[LoopbackCluster]:
    """Starts a scheduler and workers of one thread each.

    Args:
        num_workers: How many.
        env: Environment variables that they see besides those of this process.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        cluster = LoopbackCluster(Path(folder), env or {})
        try:
            for _ in range(num_workers):
                cluster.add_worker()
            cluster.wait_for_workers()
            yield cluster
        finally:
            cluster.stop()
