"""Callbacks for anybody's `model.fit`: metrics of every epoch to a CSV file, and ROC plots.

Rank metrics such as the ROC AUC are taken at the end of an epoch from one prediction pass: Keras's running AUC is an
approximation with 200 thresholds over changing weights. Callbacks on the same data share the pass.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import keras

from kbin.errors import DataError
from kbin.evaluation.drawing import figure
from kbin.evaluation.metrics import classification_metrics
from kbin.evaluation.roc import RocCurve, plot_roc_curves
from kbin.files import save_figure, write_whole
from kbin.training.predictions import Data, check_labelled, compiled_loss, shared_predictions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EPOCH_METRICS = ("accuracy", "precision", "recall", "f1", "roc_auc")


class MetricLogger(keras.callbacks.Callback):
    """Logs loss, accuracy, precision, recall, F1 and the exact ROC AUC of some data after every epoch.

    The metrics also join the epoch's logs as `val_f1`, `val_roc_auc` ..., so that `EarlyStopping` can watch them; put
    this callback before those that do.

    Args:
        images: An array of raw images, a keras `PyDataset` or a torch `DataLoader` of (inputs, labels).
        labels: shape (n,), with an array only; 1 is the positive class.
        path: The CSV file, written anew after every epoch; None writes none.
        threshold: Probability from which on the positive class is predicted.
        prefix: What the metrics are called in the epoch's logs: `<prefix><metric>`.

    Raises:
        DataError: The labels are missing, or are not as many as the images.
    """

    def __init__(
        self,
        images: Data,
        labels: Data = None,
        path: str | Path | None = "metrics.csv",
        threshold: float = 0.5,
        prefix: str = "val_",
    ):
        super().__init__()
        check_labelled(images, labels)
        self._images, self._labels = images, labels
        self._path = None if path is None else Path(path)
        self._threshold, self._prefix = threshold, prefix
        self.rows: list[dict[str, float | int | None]] = []

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Forgets the rows of an earlier `fit`."""
        self.rows = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Predicts the data once and writes the epoch's row."""
        labels, outputs = shared_predictions(self.model, self._images, self._labels)
        probabilities = outputs[:, 0] if outputs.shape[1] == 1 else outputs
        names = [str(index) for index in range(max(2, outputs.shape[1]))]
        values = classification_metrics(labels, probabilities, names, self._threshold).values
        row: dict[str, float | int | None] = {"epoch": epoch + 1, "loss": compiled_loss(self.model, labels, outputs)}
        row |= {name: values[name] for name in EPOCH_METRICS}
        self.rows.append(row)
        if logs is not None:
            for name, value in row.items():
                if name != "epoch" and value is not None:
                    logs.setdefault(f"{self._prefix}{name}", value)
        if self._path is not None:
            write_whole(self._path, _as_csv(self.rows))


class RocPlot(keras.callbacks.Callback):
    """Draws the ROC curve of some data as PNG and SVG, after every epoch or at the end.

    Put it after an `EarlyStopping` that restores the best weights: it then draws the model that is kept.

    Args:
        images: An array of raw images, a keras `PyDataset` or a torch `DataLoader` of (inputs, labels).
        labels: shape (n,), with an array only; 1 is the positive class.
        path: The picture's file; `.png` and `.svg` are written beside each other.
        every_epoch: Draw after every epoch, not only at the end.
        positive: The positive class's name, for the title.

    Raises:
        DataError: The labels are missing, or are not as many as the images.
    """

    def __init__(
        self,
        images: Data,
        labels: Data = None,
        path: str | Path = "roc.png",
        every_epoch: bool = False,
        positive: str = "1",
    ):
        super().__init__()
        check_labelled(images, labels)
        self._images, self._labels, self._path = images, labels, Path(path)
        self._every_epoch, self._positive = every_epoch, positive

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Refuses a model of more than two classes before it trains."""
        shape = getattr(self.model, "output_shape", None)  # a subclassed model may not know it yet
        if shape is not None:
            _check_two_classes(shape[-1])

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Draws, where every epoch is wanted."""
        if self._every_epoch:
            self._draw(f"epoch {epoch + 1}")

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Draws the trained model's curve."""
        self._draw("after training")

    def _draw(self, moment: str) -> None:
        save_figure(roc_figure(self.model, self._images, self._labels, moment, self._positive), self._path)


def roc_figure(model: keras.Model, images: Data, labels: Data, moment: str, positive: str = "1") -> "Figure":
    """Draws the ROC curve of a model on some data.

    Args:
        model: Of two classes.
        images: As for `RocPlot`.
        labels: Likewise.
        moment: When that is, for the title.
        positive: The positive class's name.

    Raises:
        DataError: The model has more than two classes, or the data does not fit it.
    """
    true, outputs = shared_predictions(model, images, labels)
    _check_two_classes(outputs.shape[1])
    curve = RocCurve.from_scores(true, outputs[:, -1], model.name, positive)
    canvas, axes = figure()
    plot_roc_curves([curve], axes, title=f"ROC curve, {moment}")
    return canvas


def _check_two_classes(num_outputs: int) -> None:
    if num_outputs > 2:
        raise DataError(f"RocPlot draws two classes, but the model has {num_outputs} outputs.")


def _as_csv(rows: Sequence[dict[str, float | int | None]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()
