"""What a disturbed run is held against: every file whole, and the results of an undisturbed run."""

import contextlib
import csv
import io
import json
import signal
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from PIL import Image

from kbin.cli import main

RESULT_FILES = ("search.csv", "out_of_fold.csv", "predictions/*.csv", "history.csv")


@dataclass(frozen=True)
class Ended:
    """A command that ran in this process: exit code, standard output and error."""

    code: int
    out: str
    err: str


def kbin(*arguments: object) -> Ended:
    """Runs a command in this process: Keras is loaded once for all of them."""
    out, err = io.StringIO(), io.StringIO()
    handler = signal.getsignal(signal.SIGTERM)
    code: Any = None
    try:
        with (
            mock.patch.object(sys, "argv", ["kbin", *map(str, arguments)]),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            main()
    except SystemExit as ended:
        code = ended.code
    finally:
        signal.signal(signal.SIGTERM, handler)
    return Ended(code, out.getvalue(), err.getvalue())


def check_one_message(ended: Ended, *words: str) -> None:
    """Asserts that a command ended over storage, with one message that has these words."""
    assert ended.code == 2, ended
    assert ended.err.count("error: ") == 1, ended.err
    assert len(ended.err.splitlines()) == 1, ended.err
    assert "Traceback" not in ended.err + ended.out
    assert " failed: " not in ended.out  # a model's fault it is not
    for word in words:
        assert word in ended.err


def check_whole(folder: Path) -> int:
    """Asserts that every file below a folder can be read to its end, and that nothing hidden is left; counts them."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in files:
        assert not path.name.startswith("."), path
        content = path.read_bytes()
        match path.suffix:
            case ".json":
                json.loads(content)
            case ".csv":
                rows = list(csv.reader(io.StringIO(content.decode())))
                assert content.endswith(b"\n"), path
                assert len({len(row) for row in rows}) == 1, path
            case ".npy":
                np.load(path)
            case ".npz" | ".keras":
                with zipfile.ZipFile(path) as archive:
                    assert archive.testzip() is None, path
            case ".png" | ".jpg":
                with Image.open(path) as image:
                    image.load()
            case ".svg":
                assert content.rstrip().endswith((b"</svg>", b"/>")), path
            case ".html" | ".xml":
                assert content.rstrip().endswith((b"</html>", b"</net>")), path
    return len(files)


def results_of(run: Path) -> dict[str, Any]:
    """Returns results.json without the times, and the bytes of predictions, histories and search tables."""
    tables = {
        str(path.relative_to(run)): path.read_bytes() for pattern in RESULT_FILES for path in sorted(run.rglob(pattern))
    }
    return {"results": without_times(json.loads((run / "results.json").read_text(encoding="utf-8"))), "tables": tables}


def without_times(value: Any) -> Any:
    """Returns plain values without the entries that say how long something took."""
    if isinstance(value, dict):
        return {name: without_times(one) for name, one in value.items() if name != "seconds"}
    return [without_times(one) for one in value] if isinstance(value, list) else value
