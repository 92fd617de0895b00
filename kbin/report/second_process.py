"""Work for a second process while this one does another part of it: what takes one core takes two then."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from kbin.interruption import Interrupted, interruptible, safe_point

_POLL_SECONDS = 0.05  # between two looks at the process


@contextmanager
def beside(module: str, work: Mapping[str, Any]) -> Iterator["subprocess.Popen[bytes] | None"]:
    """Runs a module in a second process during the block, and waits for it at its end.

    The process has a session of its own: Ctrl-C reaches this one alone, which then ends the other at a safe point.

    Args:
        module: Its name; as a script it calls `work_here`.
        work: Plain values that it is given.

    Yields:
        The process; it has ended after the block. None where there is no room for a temporary file.
    """
    with ExitStack() as stack:
        try:
            path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "work.json"
            path.write_text(json.dumps({"work": dict(work), "parent": os.getpid()}), encoding="utf-8")
        except OSError:
            yield None
            return
        command = [sys.executable, "-m", module, str(path)]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            yield process
            while process.poll() is None:
                safe_point()
                time.sleep(_POLL_SECONDS)
        finally:
            process.terminate()
            process.wait()


def work_here(steps: Callable[[dict[str, Any]], Iterator[None]]) -> None:
    """Does, in the second process, the work that it was started with, as long as the first one lives.

    Args:
        steps: Does it step by step.
    """
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    try:
        with interruptible():
            for _ in steps(given["work"]):
                if os.getppid() != given["parent"]:  # it was ended at once, and nobody waits for the rest
                    return
    except Interrupted as ended:
        sys.exit(ended.exit_code)
