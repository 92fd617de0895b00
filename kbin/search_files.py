"""What a search leaves in a run's folder: search.csv, out-of-fold predictions, and finished trials to go on from."""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from kbin.errors import RunFolderError
from kbin.files import as_csv
from kbin.run_files import Predictions
from kbin.runs import RunDirectory
from kbin.search_pieces import StoredTrial, piece_files, read_piece

__all__ = ["TABLE", "SearchFiles", "StoredTrial"]

TABLE = "search.csv"
_TRIALS = "trials"
_MOST_BYTES = 2**30  # probabilities of a piece: a thousand heads on a hundred thousand images are 400 MB


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
        arrays, values = piece_files(piece, trials)
        self._run.write(self._trials / f"{piece}.npz", arrays)
        self._run.write(self._trials / f"{piece}.json", values)

    def finished(self) -> dict[str, StoredTrial]:
        """Returns the finished trials by id; a damaged piece is left out, so that it is run again."""
        found: dict[str, StoredTrial] = {}
        for path in sorted(self._run.inside(self._trials).glob("*.json")):
            with suppress(OSError, ValueError, RunFolderError):
                arrays, values = self._read(path.with_suffix(".npz")), self._read(path)
                found |= read_piece(path.stem, arrays, values.decode())
        return found

    def _read(self, path: Path) -> bytes:
        """Returns what a file of the run's own folder holds."""
        if not self._run.inside(path).is_file() or path.stat().st_size > _MOST_BYTES:
            raise ValueError("no file, or too large")
        return path.read_bytes()

    def clear(self) -> None:
        """Removes the pieces: the run is finished, and its table and predictions say what they did."""
        shutil.rmtree(self._run.inside(self._trials), ignore_errors=True)

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


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return f"{value:.9g}" if isinstance(value, float) else value
