"""What a person sees while kbin works: bars with the time left on a terminal, plain lines in a log."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

from kbin.printable_text import printable, printable_lines

Advance = Callable[[int], None]
Update = Callable[[int, Sequence[str]], None]

_SECONDS_BETWEEN_LINES = 10.0  # in a log
_LINES_IN_A_LOG = 2  # of those that change: a heading and the best


class Progress:
    """Says nothing; the base of what says something, and what library code uses by default."""

    def say(self, text: str) -> None:
        """Prints one line."""

    @contextmanager
    def bar(self, description: str, total: int | None, unit: str) -> Iterator[Advance]:
        """Shows the progress of `total` units; the block calls what it gets with the number of units done.

        Where `total` is None, nobody knows how many there are.
        """
        yield lambda done: None

    @contextmanager
    def board(self, description: str, total: int | None, unit: str) -> Iterator[Update]:
        """Shows the progress of `total` units above some lines that change.

        The block calls what it gets with the number of units done and the lines that hold now.
        """
        with self.bar(description, total, unit) as advance:
            yield lambda done, lines: advance(done)


class _Patient:
    """A stream that drops what it cannot write.

    The reader of a pipe may go away, a terminal be closed, the disk of a log be full: the work matters more than what
    is said of it.
    """

    def __init__(self, stream: TextIO):
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class LogProgress(Progress):
    """Plain lines, for a log file or a pipe; where nobody reads them any more, the work goes on."""

    def __init__(self, stream: TextIO):
        self._stream = cast(TextIO, _Patient(stream))

    def say(self, text: str) -> None:
        """Prints one line."""
        print(printable_lines(text), file=self._stream, flush=True)

    @contextmanager
    def bar(self, description: str, total: int | None, unit: str) -> Iterator[Advance]:
        """Prints a line every ten seconds, with the time left, and one at the end."""
        with self.board(description, total, unit) as update:
            yield lambda done: update(done, ())

    @contextmanager
    def board(self, description: str, total: int | None, unit: str) -> Iterator[Update]:
        """Prints a line every ten seconds, with the time left and the first lines, and one at the end."""
        start = last = time.monotonic()
        done = 0

        def update(count: int, lines: Sequence[str]) -> None:
            nonlocal done, last
            done += count
            now = time.monotonic()
            if now - last >= _SECONDS_BETWEEN_LINES and done and (total is None or done < total):
                last = now
                if total is None:
                    self.say(f"  {description}: {done:,} {unit} so far, {done / (now - start):,.0f} a second")
                else:
                    left = (now - start) / done * (total - done)
                    self.say(f"  {description}: {done:,} of {total:,} {unit}, {duration(left)} left")
                for line in lines[:_LINES_IN_A_LOG]:
                    self.say(f"    {line}")

        yield update
        self.say(f"  {description}: {done:,} {unit} in {duration(time.monotonic() - start)}")


class TerminalProgress(Progress):
    """Bars with the time left, drawn by rich; where the terminal was closed, the work goes on.

    Args:
        stream: The terminal; standard output by default.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        from rich.console import Console  # late: a log needs no drawing

        file = cast(TextIO, _Patient(stream or sys.stdout))
        self._console = Console(file=file, highlight=False, emoji=False)

    def say(self, text: str) -> None:
        """Prints one line."""
        self._console.print(printable_lines(text), markup=False, soft_wrap=True)

    @contextmanager
    def bar(self, description: str, total: int | None, unit: str) -> Iterator[Advance]:
        """Draws a bar that disappears at the end and leaves one line."""
        with self.board(description, total, unit) as update:
            yield lambda done: update(done, ())

    @contextmanager
    def board(self, description: str, total: int | None, unit: str) -> Iterator[Update]:
        """Draws a bar above lines that change; both disappear at the end and leave one line."""
        from rich.console import Group
        from rich.live import Live
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress
        from rich.text import Text

        start, done = time.monotonic(), 0
        bar = RichProgress(
            TextColumn("  {task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn(unit),
            TimeRemainingColumn(),
            console=self._console,
        )
        task = bar.add_task(printable(description), total=total)
        with Live(bar, console=self._console, transient=True) as live:

            def update(count: int, lines: Sequence[str]) -> None:
                nonlocal done
                done += count
                bar.advance(task, count)
                if lines:
                    texts = [Text(f"    {printable(line)}", no_wrap=True, overflow="ellipsis") for line in lines]
                    live.update(Group(bar, *texts))

            yield update
        number = done if total is None else total
        self.say(f"  {description}: {number:,} {unit} in {duration(time.monotonic() - start)}")


def duration(seconds: float) -> str:
    """Returns a length of time as a person says it."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
