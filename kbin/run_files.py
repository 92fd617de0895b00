"""RunFiles: the name and format of every file that a run writes, and the way back from file to value.

Predictions, histories and search tables are data for programs: names stand in them exactly as they are. Those in
`tables/` are for people, who open them in a spreadsheet: there text must not run as a formula.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kbin.errors import RunFolderError
from kbin.files import as_csv, as_json
from kbin.model_description import DESCRIPTION
from kbin.run_folder import RunFolder
from kbin.spreadsheet import spreadsheet_cell
from kbin.storage_faults import writing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXPERIMENT, ENVIRONMENT, RESULTS, REPORT = "experiment.yaml", "environment.json", "results.json", "report.html"
INPUT = "input.json"
TABLES, DRAWN, GROUPS = "tables", "plots/drawn.json", "groups.csv"
GALLERY, MODEL, BAD_IMAGES = "gallery.json", "model.keras", "bad_images.csv"
FEATURES, AUDIT, CARD = "features.json", "audit", "model_card.md"
NOVELTY, TRACKING = "unlike_training.npz", "tracking.json"
TENSORBOARD = "tensorboard"
# TensorBoard knows its files by the middle part; the last one tells ours from those of other programs.
EVENTS = "events.out.tfevents.0.kbin"


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


class RunFiles(RunFolder):
    """The files of a run's folder, by what they say."""

    @property
    def report_path(self) -> Path:
        """The page."""
        return self.path / REPORT

    def model_folder(self, model_id: str, seed: int) -> Path:
        """Returns the folder of one trained model."""
        return self.path / "models" / model_id / f"seed-{seed}"

    def seed_files(self, model_id: str, seed: int) -> list[Path]:
        """Returns the files that one trained model has left: history, model, predictions, and what describes it."""
        folder = self.model_folder(model_id, seed)
        described = [folder / name for name in (NOVELTY, DESCRIPTION) if (folder / name).is_file()]
        return [folder / "history.csv", folder / MODEL, *sorted((folder / "predictions").glob("*.csv")), *described]

    def model_path(self, model_id: str, seed: int) -> Path:
        """Returns the place of one trained model.

        Raises:
            RunFolderError: It leads out of the run's folder.
        """
        return self.inside(self.model_folder(model_id, seed) / MODEL)

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

    def save_tracking(self, record: Mapping[str, Any]) -> None:
        """Writes tracking.json: what was sent where."""
        self._write(TRACKING, as_json(record))

    def tracking(self) -> dict[str, Any]:
        """Reads tracking.json; where there is none, or a damaged one, nothing counts as sent.

        Raises:
            RunFolderError: It leads out of the folder.
        """
        self.inside(self.path / TRACKING)
        try:
            return self.read_json(TRACKING)
        except RunFolderError:
            return {}

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
            return self.read_json(DRAWN)
        except RunFolderError:
            return {}

    def save_picture(self, name: str, png: bytes) -> None:
        """Writes a picture among the plots across models."""
        self.write(self.plot_path(name), png, lasting=False)

    def save_plot(self, canvas: "Figure", name: str, model_id: str | None = None, seed: int | None = None) -> None:
        """Saves a figure as PNG and SVG, at its `plot_path`."""
        self._writer.draw(canvas, self.plot_path(name, model_id, seed))

    def save_gallery_picture(self, model_id: str, seed: int, set_name: str, name: str, jpeg: bytes) -> str:
        """Writes a picture of a trained model's gallery, and returns its place in the gallery's folder."""
        # A set may be called "..", which as a folder would lead out of the gallery.
        place = f"{set_name}_" if set_name in (".", "..") else set_name
        self.write(self.gallery_folder(model_id, seed) / place / f"{name}.jpg", jpeg, lasting=False)
        return f"{place}/{name}.jpg"

    def save_gallery(self, model_id: str, seed: int, gallery: Mapping[str, Any]) -> None:
        """Writes gallery.json, the last file of a gallery."""
        self.write(self.gallery_folder(model_id, seed) / GALLERY, as_json(gallery))

    def save_input_numbers(self, model_id: str, numbers: Mapping[str, Any]) -> None:
        """Writes models/<id>/input.json: what entered the model's first convolution."""
        self._write(f"models/{model_id}/{INPUT}", as_json(numbers))

    def input_numbers(self, model_id: str) -> dict[str, Any] | None:
        """Reads models/<id>/input.json; None where the run has stored none.

        Raises:
            RunFolderError: It is damaged, or leads out of the run's folder.
        """
        name = f"models/{model_id}/{INPUT}"
        self.inside(self.path / name)
        return self.read_json(name) if self.has_file(self.path / name) else None

    def save_model_card(self, model_id: str, markdown: str) -> None:
        """Writes models/<id>/model_card.md."""
        self._write(f"models/{model_id}/{CARD}", markdown)

    def model_card(self, model_id: str) -> str | None:
        """Reads models/<id>/model_card.md; None where there is none that can be read as text.

        Raises:
            RunFolderError: It leads out of the run's folder.
        """
        name = f"models/{model_id}/{CARD}"
        try:
            return self._read(name) if self.has_file(self.path / name) else None
        except RunFolderError:
            self.inside(self.path / name)
            return None

    def save_history(self, model_id: str, seed: int, rows: Sequence[Mapping[str, float]]) -> None:
        """Writes history.csv, a row an epoch."""
        names = list(dict.fromkeys(name for row in rows for name in row))
        table = [[row.get(name, "") for name in names] for row in rows]
        self.write(self.model_folder(model_id, seed) / "history.csv", as_csv(names, table))

    def save_model(self, model_id: str, seed: int, save: Callable[[Path], None]) -> Path:
        """Writes model.keras whole or not at all, and returns its path."""
        path = self.model_path(model_id, seed)
        self.inside(path.with_name(f".{path.name}"))  # where it is written aside
        self._writer.save(path, save)
        return path

    def save_features_key(self, model_id: str, seed: int, key: Mapping[str, Any] | None) -> None:
        """Writes features.json: the key of the store's table that has the features of all sets.

        Args:
            model_id: The model.
            seed: Of its training.
            key: The table's; None where the model saw images, for which there must be no such file.
        """
        name = str((self.model_folder(model_id, seed) / FEATURES).relative_to(self.path))
        self._write_or_remove(name, "" if key is None else as_json(key))

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
        path = self.model_folder(model_id, seed) / "predictions" / f"{set_name}.csv"
        self.write(path, as_csv(names, zip(*columns, strict=True)))

    def save_table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Writes tables/<name>.csv so that a spreadsheet shows all text as text; without rows it must not be there.

        Args:
            name: Of the file, without its ending.
            columns: A name a column.
            rows: Text, numbers, flags, and None for an empty cell.
        """
        table = [[spreadsheet_cell(value) for value in row] for row in rows]
        text = as_csv([spreadsheet_cell(one) for one in columns], table) if rows else ""
        self._write_or_remove(f"{TABLES}/{name}.csv", text)

    def save_table_text(self, name: str, markdown: str) -> None:
        """Writes tables/<name>.md; where the text is empty, the file must not be there."""
        self._write_or_remove(f"{TABLES}/{name}.md", markdown)

    def _write(self, name: str, content: str) -> None:
        self.write(self.path / name, content)

    def _write_or_remove(self, name: str, content: str) -> None:
        path = self.inside(self.path / name)
        if content:
            self.write(path, content)
        else:
            with writing(path):
                path.unlink(missing_ok=True)

    def save_groups(self, sets: Mapping[str, tuple[Sequence[str], Sequence[str]]]) -> None:
        """Writes groups.csv: set, sample_id, group.

        Args:
            sets: Set name -> sample ids and their groups; sets without groups are left out.
        """
        rows = [(name, *row) for name, columns in sets.items() for row in zip(*columns, strict=True)]
        self._write(GROUPS, as_csv(["set", "sample_id", "group"], rows))

    def save_bad_images(self, rows: Sequence[Sequence[str]]) -> Path:
        """Writes bad_images.csv, for people: set, path, reason of each image that cannot be read; and returns its path.

        Without such images it must not be there.
        """
        table = [[spreadsheet_cell(value) for value in row] for row in rows]
        self._write_or_remove(BAD_IMAGES, as_csv(["set", "path", "reason"], table) if rows else "")
        return self.path / BAD_IMAGES

    def groups(self) -> dict[str, dict[str, str]]:
        """Reads groups.csv: set name -> sample id -> group; empty where the images have no groups.

        Raises:
            RunFolderError: It is damaged.
        """
        if not self.has_file(self.path / GROUPS):
            return {}
        found: dict[str, dict[str, str]] = {}
        try:
            for row in self._read_csv(self.path / GROUPS):
                found.setdefault(row["set"], {})[row["sample_id"]] = row["group"]
        except KeyError as error:
            raise RunFolderError(f"{self.path / GROUPS} is damaged: it has no column {error}.") from None
        return found

    def earlier_environment(self) -> dict[str, Any]:
        """Reads environment.json as an interrupted run left it; empty where there is none to be read."""
        try:
            return self.environment()
        except RunFolderError:
            return {}

    def failed_models(self) -> list[str]:
        """Returns the ids of the models that failed, from results.json.

        Raises:
            RunFolderError: It is damaged.
        """
        try:
            return [str(one["id"]) for one in self.results()["models"] if one["status"] == "failed"]
        except (KeyError, TypeError) as error:
            raise RunFolderError(
                f"{self.path / RESULTS} is damaged ({error}): start anew with --fresh, or choose another folder."
            ) from None

    def results(self) -> dict[str, Any]:
        """Reads results.json.

        Raises:
            RunFolderError: There is none, or it is damaged.
        """
        if self.has_file(self.path / EXPERIMENT) and not (self.path / RESULTS).exists():
            raise RunFolderError(
                f"{self.path} has no readable {RESULTS}: its run is not finished; `kbin run` on its file goes on."
            )
        return self.read_json(RESULTS)

    def environment(self) -> dict[str, Any]:
        """Reads environment.json."""
        return self.read_json(ENVIRONMENT)

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

    def features_key(self, model_id: str, seed: int) -> dict[str, Any] | None:
        """Reads features.json; None where the model saw images."""
        path = self.model_folder(model_id, seed) / FEATURES
        return self.read_json(str(path.relative_to(self.path))) if self.has_file(path) else None

    def gallery(self, model_id: str, seed: int) -> dict[str, Any] | None:
        """Reads gallery.json; None where the trained model has no gallery."""
        path = self.gallery_folder(model_id, seed) / GALLERY
        return self.read_json(str(path.relative_to(self.path))) if self.has_file(path) else None
