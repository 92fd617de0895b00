"""Files that are whole or absent, and the text that goes into them."""

import csv
import errno
import io
import json
import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SURROGATE = re.compile("[\ud800-\udfff]")


def write_whole(path: Path, content: str | bytes) -> None:
    """Writes a file whole or not at all: aside, synced, renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # A file name that is no UTF-8 has lone surrogates in Python, which UTF-8 refuses. A model that has trained for
    # hours must not fail over one, so the file says \udce9 in its place.
    data = content.encode("utf-8", errors="backslashreplace") if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, 0o644)  # mkstemp's files are private; results are for everybody who may see the folder
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_file(path: Path) -> bytes:
    """Reads a file that may come from a stranger: a pipe, which would be waited for without end, is an OSError."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(errno.EINVAL, "neither file nor folder", str(path))
    return path.read_bytes()


def save_figure(canvas: "Figure", path: Path) -> None:
    """Saves a figure as PNG and SVG beside each other."""
    from matplotlib import rc_context  # late: most of what uses this module draws nothing

    # Laid out once: savefig would do it, and a dry run of the drawing, for each format.
    layout = canvas.get_layout_engine()
    if layout is not None:
        layout.execute(canvas)
        canvas.set_layout_engine("none")
    for suffix in (".png", ".svg"):
        stream = io.BytesIO()
        # Without a date and random ids the same numbers give the same bytes.
        with rc_context({"svg.hashsalt": path.stem}):
            canvas.savefig(stream, format=suffix[1:], dpi=150, metadata={"Date": None} if suffix == ".svg" else None)
        write_whole(path.with_suffix(suffix), stream.getvalue())


def as_json(value: Any) -> str:
    """Returns plain values as JSON text; NaN and infinity, which JSON does not have, are a ValueError."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    # As `write_whole` has them in other files: with one backslash they would be surrogates again after reading.
    return _SURROGATE.sub(lambda found: rf"\\u{ord(found[0]):x}", text)


def as_csv(names: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """Returns a table as CSV text."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return stream.getvalue()
