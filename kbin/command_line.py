"""What the commands of the command line share: options, progress, printing, and ending where somebody says stop."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from kbin.interruption import Interrupted, interruptible
from kbin.printable_text import printable_lines

if TYPE_CHECKING:
    from kbin.progress import Progress

JsonOption = Annotated[bool, typer.Option("--json", help="As JSON, alone on standard output.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@contextmanager
def stoppable(folder: Path | None = None) -> Iterator[None]:
    """Ends the block at a safe point where a signal asks for it, and says how to go on.

    Args:
        folder: Of the run, as the person gave it.
    """
    try:
        with interruptible():
            yield
    except Interrupted as interrupted:
        tell(*_parting_words(folder))
        let_go_of_output()
        # Not by an exception, of which typer would make 130; and Python takes more than a second to take torch and
        # Keras apart.
        os._exit(interrupted.exit_code)


def _parting_words(folder: Path | None) -> list[str]:
    from kbin.kept import kept_lines
    from kbin.runs import RunDirectory

    kept = [] if folder is None else kept_lines(RunDirectory(folder))
    if not kept:
        return ["\ninterrupted; the same command starts again."]
    return [f"\ninterrupted; the same command goes on from what is kept in {folder}.", *kept]


def print_json(value: Any) -> None:
    """Prints plain values as JSON, alone on standard output."""
    typer.echo(json.dumps(value, indent=1))


def tell(*lines: str) -> None:
    """Prints lines on standard error, if anybody reads it."""
    with suppress(OSError):
        for line in lines:
            typer.echo(printable_lines(line), err=True)


def let_go_of_output() -> None:
    """Has nothing written to where nobody reads: Python writes what is left when it ends, and would complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def progress_on(stream: TextIO | None = None, *, is_plain: bool = False) -> "Progress":
    """Returns what shows progress on standard output, or on another stream; in plain lines where that is asked for."""
    from kbin.progress import LogProgress, TerminalProgress

    shown = sys.stdout if stream is None else stream
    return TerminalProgress(shown) if shown.isatty() and not is_plain else LogProgress(shown)
