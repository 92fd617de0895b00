"""What a search leaves in a run's folder: search.csv, out-of-fold predictions, and finished trials to go on from."""

import io
import json
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kbin.files import as_csv
from kbin.runs import Predictions, RunDirectory

TABLE = "search.csv"
_TRIALS = "trials"


@dataclass(frozen=True, eq=False)
class StoredTrial:
    """A finished trial: plain values, and its probabilities of the held-out part where it did not fail."""

    values: Mapping[str, Any]
    held_out: np.ndarray | None


class SearchFiles:
    """The files of a search.

    Trials that were run together are one piece: `trials/<piece>.npz` holds their probabilities, and
    `trials/<piece>.json`, written after it, the values: that one makes the piece count.

    Args:
        run: The run's folder.
    """

    def __init__(self, run: RunDirectory):
        self._run = run
        self._trials = run.path / _TRIALS

    def save_piece(self, piece: str, trials: Sequence[StoredTrial]) -> None:
        """Writes the trials of a piece.

        Raises:
            StorageError: They cannot be written; what was written before stays.
        """
        arrays = {str(place): one.held_out for place, one in enumerate(trials) if one.held_out is not None}
        stream = io.BytesIO()
        np.savez(stream, allow_pickle=False, **arrays)
        values = [dict(one.values) for one in trials]
        self._run.write(self._trials / f"{piece}.npz", stream.getvalue())
        self._run.write(self._trials / f"{piece}.json", json.dumps(values, allow_nan=False))

    def finished(self) -> dict[str, StoredTrial]:
        """Returns the finished trials by id; a damaged piece is left out, so that it is run again."""
        found: dict[str, StoredTrial] = {}
        for path in sorted(self._trials.glob("*.json")):
            with suppress(OSError, ValueError, EOFError, KeyError, TypeError, zipfile.BadZipFile):
                found |= _read_piece(path)
        return found

    def clear(self) -> None:
        """Removes the pieces: the run is finished, and its table and predictions say what they did."""
        shutil.rmtree(self._trials, ignore_errors=True)

    def save_table(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Writes search.csv, a row a trial; an empty cell is what a trial does not have."""
        names = list(dict.fromkeys(name for row in rows for name in row))
        cells = [[_cell(row.get(name)) for name in names] for row in rows]
        self._run.write(self._run.path / TABLE, as_csv(names, cells))

    def save_out_of_fold(
        self, model_id: str, predictions: Predictions, folds: Mapping[str, np.ndarray], classes: Sequence[str]
    ) -> Path:
        """Writes models/<id>/out_of_fold.csv: each image as the fold that held it out predicts it.

        Args:
            model_id: The model's.
            predictions: Of the training set, once a repeat.
            folds: Columns that say which fold it was: "fold", and "repeat".
            classes: In label order.
        """
        columns: dict[str, Sequence[Any]] = {
            "sample_id": predictions.sample_ids.tolist(),
            "path": predictions.paths.tolist(),
            "y_true": predictions.y_true.tolist(),
            "y_score": [_cell(float(score)) for score in predictions.y_score],
        }
        columns |= {name: values.tolist() for name, values in folds.items()}
        if predictions.probabilities is not None:
            for name, column in zip(classes, predictions.probabilities.T, strict=True):
                columns[name] = [_cell(float(value)) for value in column]
        path = self._run.path / "models" / model_id / "out_of_fold.csv"
        self._run.write(path, as_csv(list(columns), zip(*columns.values(), strict=True)))
        return path


def _read_piece(path: Path) -> dict[str, StoredTrial]:
    values = json.loads(path.read_text(encoding="utf-8"))
    with np.load(io.BytesIO(path.with_suffix(".npz").read_bytes()), allow_pickle=False) as arrays:
        # A trial that did not fail has probabilities: without them the piece is damaged.
        return {
            str(one["id"]): StoredTrial(one, None if one["error"] is not None else arrays[str(place)])
            for place, one in enumerate(values)
        }


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return f"{value:.9g}" if isinstance(value, float) else value
