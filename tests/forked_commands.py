"""Commands of kbin in processes of their own that start at once: forked from one that has loaded Keras already."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# For each line of JSON on standard input it forks a process that runs the command, and answers with one line.
_PROGRAM = """
import functools, json, os, pkgutil, signal, sys, time
import kbin.experiment, kbin.kept, kbin.plan, kbin.planned_costs, kbin.report.summary, kbin.training.trainer
from kbin import cli

def send_at(place, count, number, log):
    owner, _, name = place.rpartition(".")
    owner = pkgutil.resolve_name(owner)
    real, calls = getattr(owner, name), []

    @functools.wraps(real)
    def called(*arguments, **options):
        calls.append(1)
        if len(calls) == count:
            with open(log, "w") as stream:
                stream.write(repr(time.monotonic()))
            os.kill(os.getpid(), number)
        return real(*arguments, **options)

    setattr(owner, name, called)

for line in sys.stdin:
    asked = json.loads(line)
    process = os.fork()
    if process == 0:
        for descriptor, path in ((1, asked["out"]), (2, asked["err"])):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
        if asked["unread"]:
            reading, writing = os.pipe()
            os.dup2(writing, 1)
            os.close(reading)
        os.chdir(asked["folder"])
        # A shell's background job, which a test run can be, is started with SIGINT ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        if asked["place"]:
            send_at(asked["place"], asked["count"], asked["signal"], asked["out"] + ".sent")
        sys.argv = ["kbin", *asked["arguments"]]
        try:
            cli.main()
        except SystemExit as ended:
            sys.stdout.flush()
            os._exit(ended.code)  # Python takes more than a second to take torch and Keras apart
    _, status = os.waitpid(process, 0)
    print(json.dumps({"code": os.waitstatus_to_exitcode(status), "ended": time.monotonic()}), flush=True)
"""


@dataclass(frozen=True)
class Ended:
    """What a command left.

    Attributes:
        code: Its exit code; negative, the number of the signal that killed it.
        out: Standard output.
        err: Standard error.
        seconds: From the signal to the end; None where none was sent.
    """

    code: int
    out: str
    err: str
    seconds: float | None


class Commands:
    """Runs commands one after the other."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path):
        self._process, self.folder = process, folder

    def run(
        self, arguments: Sequence[str], number: int = 0, place: str = "", count: int = 1, *, unread: bool = False
    ) -> Ended:
        """Runs a command to its end.

        Args:
            arguments: After `kbin`.
            number: Of the signal that it sends itself.
            place: The function at whose call it does so, such as "kbin.results:_set_entry".
            count: At which call of it.
            unread: Standard output is a pipe whose reader has gone away.
        """
        out, err, sent = (self.folder / name for name in ("command.out", "command.err", "command.out.sent"))
        sent.unlink(missing_ok=True)
        asked = {"arguments": list(arguments), "signal": int(number), "place": place.replace(":", "."), "count": count}
        asked["unread"] = unread
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        places = {"out": str(out), "err": str(err), "folder": str(self.folder)}
        self._process.stdin.write(json.dumps(asked | places) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        seconds = answer["ended"] - float(sent.read_text()) if sent.is_file() else None
        return Ended(answer["code"], out.read_text(), err.read_text(), seconds)


@contextmanager
def forked_commands(folder: Path) -> Iterator[Commands]:
    """Starts the process that loads Keras once, and ends it after the block.

    Args:
        folder: Where the commands run.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Commands(process, folder)
    finally:
        process.kill()
        process.communicate()
