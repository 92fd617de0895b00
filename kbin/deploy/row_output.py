"""Where predicted rows go: standard output, or a file that is whole or not there."""

import errno
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from kbin.files import as_csv, make_folder
from kbin.storage_faults import writing

Write = Callable[[Sequence[Mapping[str, Any]]], None]

FORMATS = ("csv", "jsonl")
_DIGITS = ".9g"  # as predictions/*.csv has them: float32 exactly


@contextmanager
def row_output(out: Path | None, stream: BinaryIO, form: str, columns: Sequence[str]) -> Iterator[Write]:
    """Opens the output; the block calls what it gets with the rows that follow.

    A file is written beside its place, as `<name>.partial`, and gets its name when the block ends: where that is left
    early, the rows that were done stay in the partial file. To a stream rows go at once, and to a pipe or device that
    is given as the file.

    Args:
        out: The file; None writes to the stream.
        stream: Standard output.
        form: "csv" or "jsonl".
        columns: Their names.

    Raises:
        StorageError: The file cannot be written.
    """
    if out is None:
        yield _writer(stream, form, columns)
        return
    with writing(out):
        if out.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(out))
        is_file = out.is_file() or not out.exists()
        make_folder(out.parent)
        written = partial_path(out) if is_file else out
        file = written.open("wb")
    try:
        write = _writer(file, form, columns)

        def write_or_say_why(rows: Sequence[Mapping[str, Any]]) -> None:
            with writing(out):
                write(rows)

        yield write_or_say_why
        with writing(out):
            file.flush()
            if is_file:
                os.fsync(file.fileno())
    finally:
        with writing(out):  # what a full disk has refused is tried once more
            file.close()
    if is_file:
        with writing(out):
            os.replace(written, out)


def partial_path(out: Path) -> Path:
    """Returns the place of what is done of a file."""
    return out.with_name(f"{out.name}.partial")


def _writer(stream: BinaryIO, form: str, columns: Sequence[str]) -> Write:
    has_headings = False

    def write(rows: Sequence[Mapping[str, Any]]) -> None:
        nonlocal has_headings
        lines = "" if has_headings or form != "csv" else as_csv(columns, [])
        has_headings = True
        if form == "csv":
            table = [[_cell(row[name]) for name in columns] for row in rows]
            lines += as_csv(table[0], table[1:]) if table else ""
        else:
            lines += "".join(f"{json.dumps(_plain(row), ensure_ascii=False)}\n" for row in rows)
        # As in all files of kbin's: a name that is no UTF-8 has escapes.
        stream.write(lines.encode("utf-8", errors="backslashreplace"))
        stream.flush()

    return write


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, _DIGITS) if isinstance(value, float) else str(value)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has neither infinity nor lone surrogates."""
    return {
        name: _number(value) if isinstance(value, float) else _text(value) if isinstance(value, str) else value
        for name, value in row.items()
    }


def _number(value: float) -> float | None:
    return float(format(value, _DIGITS)) if abs(value) < float("inf") else None


def _text(value: str) -> str:
    return value.encode("utf-8", errors="backslashreplace").decode()
