"""Processes that want the lock of a folder; they load no network."""

import subprocess
import sys
from pathlib import Path

# Holds the lock until its input ends; with "soft" as on a disk that has no locks of the system.
HOLD = """
import errno, sys
from pathlib import Path
if sys.argv[2] == "soft":
    import fcntl
    def none(*arguments):
        raise OSError(int(sys.argv[3]), "no locks here")
    fcntl.flock = none
from kbin.errors import KbinError
from kbin.run_lock import locked
try:
    with locked(Path(sys.argv[1])):
        print("held", flush=True)
        sys.stdin.read()
except KbinError as error:
    print(error, flush=True)
    sys.exit(error.exit_code)
"""

# Takes and gives back the lock again and again; whoever finds another one inside has seen the lock fail.
STRESS = """
import os, sys, time
from pathlib import Path
from kbin.errors import RunFolderError
from kbin.run_lock import locked
folder, inside, seconds = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
end, taken, refused = time.monotonic() + seconds, 0, 0
while time.monotonic() < end:
    try:
        with locked(folder):
            os.close(os.open(inside, os.O_CREAT | os.O_EXCL))  # fails where another one is inside
            if taken % 3 == 0:
                time.sleep(0.0005)
            inside.unlink()
            taken += 1
    except RunFolderError:
        refused += 1
print(taken, refused)
"""


def started(program: str, *arguments: object) -> "subprocess.Popen[str]":
    """Starts a program of this module."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
