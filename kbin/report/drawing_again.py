"""Plots are drawn when something of theirs has changed: drawing is nearly all the time that a report takes."""

import hashlib
import json
import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kbin.errors import RunFolderError
from kbin.files import read_file
from kbin.report.plots import draw_plots
from kbin.report.recorded import read_results
from kbin.runs import RunDirectory

_DRAWING_CODE = ("report", "evaluation")  # folders of kbin
_DATA = ("models/*/seed-*/predictions/*.csv", "models/*/seed-*/history.csv")


def draw_changed_plots(run: RunDirectory, results: Mapping[str, Any], redraw: bool = False) -> bool:
    """Draws the plots of a run, unless all are there and were drawn from the same numbers by the same code.

    One number or file that differs has everything drawn again: plots share what they show, and half of them would be
    of another time.

    Args:
        run: The folder, with predictions and histories.
        results: The contents of results.json.
        redraw: Draw in any case.

    Returns:
        Whether anything was drawn.

    Raises:
        RunFolderError: Results, predictions or a history are missing or damaged, or lead out of the folder.
    """
    read_results(results)  # a damaged folder is said to be one, whatever its plots
    key, stamp = _key(run, results), run.drawn()
    plots = stamp.get("plots")
    if not redraw and stamp.get("key") == key and isinstance(plots, dict) and plots.items() <= _plots(run).items():
        return False
    draw_plots(run, dict(results))
    run.save_drawn({"key": key, "plots": _plots(run)})
    return True


def _key(run: RunDirectory, results: Mapping[str, Any]) -> str:
    """Returns a hash of all that plots depend on: results, predictions, histories, kbin's code and matplotlib.

    Content is hashed and not times: a copied folder has new times and the same plots. A few milliseconds.
    """
    digest = hashlib.blake2b(json.dumps(results, sort_keys=True).encode())
    digest.update(version("matplotlib").encode())
    folder = Path(__file__).parents[1]
    sources = [path for name in _DRAWING_CODE for path in sorted((folder / name).glob("*.py"))]
    data = [run.inside(path) for pattern in _DATA for path in sorted(run.path.glob(pattern))]
    for path in (*sources, *data):
        digest.update(os.fsencode(path.name))
        digest.update(hashlib.blake2b(_content(path)).digest())
    return digest.hexdigest()[:32]


def _content(path: Path) -> bytes:
    try:
        return read_file(path)
    except OSError as error:
        raise RunFolderError(f"{path} cannot be read ({type(error).__name__}).") from None


def _plots(run: RunDirectory) -> dict[str, int]:
    """Returns the plots that are there with their sizes in bytes, by their place in the folder."""
    folders = [run.path / "plots", *sorted(run.path.glob("models/*/seed-*/plots"))]
    return {
        path.relative_to(run.path).as_posix(): run.inside(path).lstat().st_size
        for folder in folders
        for path in sorted(folder.glob("*"))
        if path.suffix in (".png", ".svg")
    }
