"""What a search leaves in a run's folder: search.csv, out-of-fold predictions, and finished trials to go on from."""

import io
import json
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kbin.runs import Predictions, RunDirectory, as_csv, write_whole

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
        """Writes the trials of a piece."""
        arrays = {str(place): one.held_out for place, one in enumerate(trials) if one.held_out is not None}
        stream = io.BytesIO()
        np.savez(stream, allow_pickle=False, **arrays)
        write_whole(self._trials / f"{piece}.npz", stream.getvalue())
        values = [dict(one.values) for one in trials]
        write_whole(self._trials / f"{piece}.json", json.dumps(values, allow_nan=False))

    def piece(self, piece: str) -> list[StoredTrial] | None:
        """Returns the trials of a finished piece; None where it is not there, or damaged and so to be run again."""
        try:
            values = json.loads((self._trials / f"{piece}.json").read_text(encoding="utf-8"))
            stream = io.BytesIO((self._trials / f"{piece}.npz").read_bytes())
            with np.load(stream, allow_pickle=False) as arrays:
                return [StoredTrial(one, arrays.get(str(place))) for place, one in enumerate(values)]
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
            return None

    def clear(self) -> None:
        """Removes the pieces: the run is finished, and its table and predictions say what they did."""
        shutil.rmtree(self._trials, ignore_errors=True)

    def save_table(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Writes search.csv, a row a trial; an empty cell is what a trial does not have."""
        names = list(dict.fromkeys(name for row in rows for name in row))
        cells = [[_cell(row.get(name)) for name in names] for row in rows]
        write_whole(self._run.path / TABLE, as_csv(names, cells))

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
        write_whole(path, as_csv(list(columns), zip(*columns.values(), strict=True)))
        return path


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return f"{value:.9g}" if isinstance(value, float) else value
