"""RunDirectory: the name and format of every file that a run writes, and the way back from file to value.

Predictions, histories and search tables are data for programs: names stand in them exactly as they are. Those in
`tables/` are for people, who open them in a spreadsheet: there text must not run as a formula.
"""

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kbin.errors import ConfigError, RunFolderError
from kbin.experiment_file import differing_settings, in_todays_words
from kbin.files import as_csv, as_json, read_file, write_whole
from kbin.spreadsheet import spreadsheet_cell

EXPERIMENT, ENVIRONMENT, RESULTS, REPORT = "experiment.yaml", "environment.json", "results.json", "report.html"
TABLES, DRAWN, GROUPS = "tables", "plots/drawn.json", "groups.csv"
GALLERY = "gallery.json"
# kbin's own JSON is some ten levels deep; hundreds exhaust the stack of whatever walks through them.
_MOST_LEVELS = 50


@dataclass(frozen=True)
class Predictions:
    """What one trained model says of one evaluation set.

    Attributes:
        sample_ids: shape (n,).
        paths: shape (n,), where a person finds the image.
        y_true: shape (n,), class names.
        y_score: shape (n,), probability of the positive class; of the answer where there are more than two classes.
        probabilities: shape (n, num_classes) for more than two classes, else None.
    """

    sample_ids: np.ndarray
    paths: np.ndarray
    y_true: np.ndarray
    y_score: np.ndarray
    probabilities: np.ndarray | None = None


class RunDirectory:
    """The folder of one run."""

    def __init__(self, path: Path):
        self.path = path

    def inside(self, path: Path) -> Path:
        """Returns a path of the folder as it is, if no link leads from it to elsewhere.

        A folder may come from a stranger: its links must neither show files of the person who opens it nor have them
        overwritten. The folder itself may be a link.

        Raises:
            RunFolderError: It leads out of the folder.
        """
        try:
            if path.resolve().is_relative_to(self.path.resolve()):
                return path
        except (OSError, RuntimeError, ValueError):  # RuntimeError: a link to itself
            pass
        raise RunFolderError(f"{path} leads out of the run's folder {self.path}: give a folder that `kbin run` made.")

    def is_finished(self, experiment: str) -> bool:
        """Returns whether the folder already holds the finished results of an experiment.

        Args:
            experiment: The resolved settings as YAML.

        Raises:
            RunFolderError: It holds another experiment, or files that are not a run's.
        """
        if self.path.exists() and not self.path.is_dir():
            raise RunFolderError(f"{self.path} is a file, not a folder: choose another place with --out.")
        settings = self.path / EXPERIMENT
        if settings.is_file():
            self._check_same(self.settings_text(), experiment)
            return (self.path / RESULTS).is_file()
        if self.path.is_dir() and any(self.path.iterdir()):
            raise RunFolderError(
                f"{self.path} holds files but no {EXPERIMENT}, so it is not a run's folder: choose another with --out."
            )
        return False

    def begin(self, experiment: str) -> None:
        """Makes the folder and writes the resolved settings, the first file of a run.

        Raises:
            RunFolderError: It cannot be written.
        """
        try:
            self._write(EXPERIMENT, experiment)
        except OSError as error:
            raise RunFolderError(f"{self.path} cannot be written ({error}): choose another place with --out.") from None

    def _check_same(self, there: str, wanted: str) -> None:
        there = in_todays_words(there)
        if there == wanted:
            return
        try:
            differences = differing_settings(there, wanted)
        except ConfigError as error:
            raise RunFolderError(f"{self.path / EXPERIMENT} is damaged: {error}.") from None
        shown = "; ".join(differences[:5]) + ("; ..." if len(differences) > 5 else "")
        raise RunFolderError(
            f"{self.path} holds another experiment; settings that differ: {shown or 'their order'}. "
            "Choose another folder with --out, or remove this one."
        )

    @property
    def report_path(self) -> Path:
        """The page."""
        return self.path / REPORT

    def model_folder(self, model_id: str, seed: int) -> Path:
        """Returns the folder of one trained model."""
        return self.path / "models" / model_id / f"seed-{seed}"

    def gallery_folder(self, model_id: str, seed: int) -> Path:
        """Returns the folder of a trained model's gallery: images worth looking at, by set, and gallery.json.

        Raises:
            RunFolderError: It leads out of the run's folder.
        """
        return self.inside(self.model_folder(model_id, seed) / "gallery")

    def plot_path(self, name: str, model_id: str | None = None, seed: int | None = None) -> Path:
        """Returns the place of a plot as PNG, with its SVG beside it: of one trained model, or across models.

        Raises:
            RunFolderError: One of them leads out of the run's folder.
        """
        folder = self.path if model_id is None else self.model_folder(model_id, seed or 0)
        path = folder / "plots" / f"{name}.png"
        self.inside(path.with_suffix(".svg"))
        return self.inside(path)

    def save_environment(self, environment: Mapping[str, Any]) -> None:
        """Writes environment.json."""
        self._write(ENVIRONMENT, as_json(environment))

    def save_results(self, results: Mapping[str, Any]) -> None:
        """Writes results.json, the last file of a run: where it is, the run is finished."""
        self._write(RESULTS, as_json(results))

    def save_drawn(self, stamp: Mapping[str, Any]) -> None:
        """Writes plots/drawn.json: from what the plots were drawn, and which there are."""
        self._write(DRAWN, as_json(stamp))

    def drawn(self) -> dict[str, Any]:
        """Reads plots/drawn.json; where there is none, or a damaged one, nothing is known of the plots.

        Raises:
            RunFolderError: It leads out of the run's folder.
        """
        self.inside(self.path / DRAWN)
        try:
            return self._read_json(DRAWN)
        except RunFolderError:
            return {}

    def save_picture(self, name: str, png: bytes) -> None:
        """Writes a picture among the plots across models."""
        write_whole(self.plot_path(name), png)

    def save_gallery_picture(self, model_id: str, seed: int, set_name: str, name: str, jpeg: bytes) -> str:
        """Writes a picture of a trained model's gallery, and returns its place in the gallery's folder."""
        # A set may be called "..", which as a folder would lead out of the gallery.
        place = f"{set_name}_" if set_name in (".", "..") else set_name
        write_whole(self.inside(self.gallery_folder(model_id, seed) / place / f"{name}.jpg"), jpeg)
        return f"{place}/{name}.jpg"

    def save_gallery(self, model_id: str, seed: int, gallery: Mapping[str, Any]) -> None:
        """Writes gallery.json, the last file of a gallery."""
        write_whole(self.inside(self.gallery_folder(model_id, seed) / GALLERY), as_json(gallery))

    def save_history(self, model_id: str, seed: int, rows: Sequence[Mapping[str, float]]) -> None:
        """Writes history.csv, a row an epoch."""
        names = list(dict.fromkeys(name for row in rows for name in row))
        table = [[row.get(name, "") for name in names] for row in rows]
        write_whole(self.inside(self.model_folder(model_id, seed) / "history.csv"), as_csv(names, table))

    def save_model(self, model_id: str, seed: int, save: Callable[[Path], None]) -> Path:
        """Writes model.keras, aside first, and returns its path."""
        path = self.inside(self.model_folder(model_id, seed) / "model.keras")
        aside = self.inside(path.with_name(".model.keras"))  # Keras wants the suffix
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            save(aside)
            os.replace(aside, path)
        finally:
            aside.unlink(missing_ok=True)
        return path

    def save_predictions(
        self, model_id: str, seed: int, set_name: str, predictions: Predictions, classes: Sequence[str]
    ) -> None:
        """Writes predictions/<set>.csv: sample_id, path, y_true, y_score, and a column a class for more than two."""
        names = ["sample_id", "path", "y_true", "y_score"]
        columns: list[Iterable[Any]] = [
            predictions.sample_ids,
            predictions.paths,
            predictions.y_true,
            (f"{score:.9g}" for score in predictions.y_score),
        ]
        if predictions.probabilities is not None:
            names += list(classes)
            columns += [[f"{value:.9g}" for value in column] for column in predictions.probabilities.T]
        path = self.inside(self.model_folder(model_id, seed) / "predictions" / f"{set_name}.csv")
        write_whole(path, as_csv(names, zip(*columns, strict=True)))

    def save_table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Writes tables/<name>.csv so that a spreadsheet shows all text as text; without rows it must not be there.

        Args:
            name: Of the file, without its ending.
            columns: A name a column.
            rows: Text, numbers, flags, and None for an empty cell.
        """
        table = [[spreadsheet_cell(value) for value in row] for row in rows]
        self._write_or_remove(f"{name}.csv", as_csv([spreadsheet_cell(one) for one in columns], table) if rows else "")

    def save_table_text(self, name: str, markdown: str) -> None:
        """Writes tables/<name>.md; where the text is empty, the file must not be there."""
        self._write_or_remove(f"{name}.md", markdown)

    def _write(self, name: str, content: str) -> None:
        write_whole(self.inside(self.path / name), content)

    def _write_or_remove(self, name: str, content: str) -> None:
        path = self.inside(self.path / TABLES / name)
        if content:
            write_whole(path, content)
        else:
            path.unlink(missing_ok=True)

    def save_groups(self, sets: Mapping[str, tuple[Sequence[str], Sequence[str]]]) -> None:
        """Writes groups.csv: set, sample_id, group.

        Args:
            sets: Set name -> sample ids and their groups; sets without groups are left out.
        """
        rows = [(name, *row) for name, columns in sets.items() for row in zip(*columns, strict=True)]
        self._write(GROUPS, as_csv(["set", "sample_id", "group"], rows))

    def groups(self) -> dict[str, dict[str, str]]:
        """Reads groups.csv: set name -> sample id -> group; empty where the images have no groups.

        Raises:
            RunFolderError: It is damaged.
        """
        if not self._has(self.path / GROUPS):
            return {}
        found: dict[str, dict[str, str]] = {}
        try:
            for row in self._read_csv(self.path / GROUPS):
                found.setdefault(row["set"], {})[row["sample_id"]] = row["group"]
        except KeyError as error:
            raise RunFolderError(f"{self.path / GROUPS} is damaged: it has no column {error}.") from None
        return found

    def results(self) -> dict[str, Any]:
        """Reads results.json.

        Raises:
            RunFolderError: There is none, or it is damaged.
        """
        if self._has(self.path / EXPERIMENT) and not (self.path / RESULTS).exists():
            raise RunFolderError(
                f"{self.path} has no readable {RESULTS}: its run is not finished; `kbin run` on its file goes on."
            )
        return self._read_json(RESULTS)

    def environment(self) -> dict[str, Any]:
        """Reads environment.json."""
        return self._read_json(ENVIRONMENT)

    def settings_text(self) -> str:
        """Reads experiment.yaml as text."""
        return self._read(EXPERIMENT)

    def history(self, model_id: str, seed: int) -> dict[str, list[float]]:
        """Reads history.csv as columns; an empty cell is NaN."""
        rows = self._read_csv(self.model_folder(model_id, seed) / "history.csv")
        try:
            return {name: [float(row[name] or "nan") for row in rows] for name in (rows[0] if rows else ())}
        except (KeyError, TypeError, ValueError) as error:
            raise RunFolderError(f"the history of {model_id}, seed {seed}, is damaged: {error}.") from None

    def predictions(self, model_id: str, seed: int, set_name: str, classes: Sequence[str]) -> Predictions:
        """Reads predictions/<set>.csv."""
        rows = self._read_csv(self.model_folder(model_id, seed) / "predictions" / f"{set_name}.csv")
        several = len(classes) > 2
        try:
            return Predictions(
                sample_ids=np.array([row["sample_id"] for row in rows]),
                paths=np.array([row["path"] for row in rows]),
                y_true=np.array([row["y_true"] for row in rows]),
                y_score=np.array([float(row["y_score"]) for row in rows]),
                probabilities=np.array([[float(row[name]) for name in classes] for row in rows]) if several else None,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RunFolderError(f"the predictions of {model_id} on {set_name} are damaged: {error}.") from None

    def gallery(self, model_id: str, seed: int) -> dict[str, Any] | None:
        """Reads gallery.json; None where the trained model has no gallery."""
        path = self.gallery_folder(model_id, seed) / GALLERY
        return self._read_json(str(path.relative_to(self.path))) if self._has(path) else None

    def _has(self, path: Path) -> bool:
        try:
            return self.inside(path).is_file()
        except OSError:  # a folder that may not be looked into
            return False

    def _read_json(self, name: str) -> dict[str, Any]:
        try:
            text = self._read(name)
            value = json.loads(text)
            if "\\ud" in text.lower():  # lone surrogates, which neither a page nor a plot takes, as text
                value = json.loads(as_json(value))
            deep = not _has_at_most(_MOST_LEVELS, value)
        except ValueError as error:
            raise RunFolderError(f"{self.path / name} is damaged: {error}.") from None
        except RecursionError:
            deep = True
        if deep:
            raise RunFolderError(f"{self.path / name} is damaged: its values are nested too deeply.")
        if not isinstance(value, dict):
            raise RunFolderError(f"{self.path / name} is damaged: it should hold an object.")
        return value

    def _read_csv(self, path: Path) -> list[dict[str, str]]:
        text = self._read(str(path.relative_to(self.path)))
        try:
            rows = list(csv.DictReader(io.StringIO(text)))
        except csv.Error as error:  # a cell of more than 131,072 letters, say
            raise RunFolderError(f"{path} is damaged: {error}.") from None
        if any(None in row or None in row.values() for row in rows):
            raise RunFolderError(f"{path} is damaged: a row has not as many cells as the headings.")
        return rows

    def _read(self, name: str) -> str:
        path = self.inside(self.path / name)
        try:
            return io.TextIOWrapper(io.BytesIO(read_file(path)), encoding="utf-8").read()  # any line ends
        except (OSError, UnicodeDecodeError) as error:
            raise RunFolderError(
                f"{self.path} has no readable {name} ({type(error).__name__}): give a folder that `kbin run` made."
            ) from None


def _has_at_most(levels: int, value: Any) -> bool:
    """Returns whether lists and objects lie in each other at most so deep."""
    there = [value]
    for _ in range(levels + 1):
        inner = [one.values() if isinstance(one, dict) else one for one in there if isinstance(one, dict | list)]
        if not inner:
            return True
        there = [one for many in inner for one in many]
    return False
