"""What a callback logs of somebody's own `model.fit`: its settings, the values of every epoch, and the ROC curve."""

import io
import math
import time
from collections.abc import Iterable, Mapping
from typing import Any

import keras

from kbin.deploy.tracking.tracked_run import Point, points_of, text_values
from kbin.errors import DataError
from kbin.training.callbacks import MetricLogger, roc_figure
from kbin.training.predictions import Data

EPOCHS, ROC = "epochs/", "plots/roc"
_DPI = 150


class FitMetrics(keras.callbacks.Callback):
    """The base of callbacks that log to a tracking tool.

    Args:
        images: As for `MetricLogger`, whose metrics are then logged too; None logs what Keras reports alone.
        labels: Likewise.
        params: Settings of the person's own.
    """

    def __init__(self, images: Data = None, labels: Data = None, params: Mapping[str, Any] | None = None):
        super().__init__()
        self._metrics = None if images is None else MetricLogger(images, labels, path=None)
        self._images, self._labels = images, labels
        self._own_params = dict(params or {})

    def set_model(self, model: keras.Model) -> None:
        """Takes the model that is trained."""
        super().set_model(model)
        if self._metrics is not None:
            self._metrics.set_model(model)

    def epoch_points(self, epoch: int, logs: dict[str, float] | None) -> list[Point]:
        """Returns the values of an epoch, with kbin's metrics where there is data for them."""
        values = {} if logs is None else logs
        if self._metrics is not None:
            self._metrics.on_epoch_end(epoch, values)
        return points_of({name: _number(value) for name, value in values.items()}, epoch + 1, now(), EPOCHS)

    def roc_png(self) -> bytes | None:
        """Returns the trained model's ROC curve as PNG; None without data, or where it is not of two classes."""
        if self._images is None:
            return None
        try:
            canvas = roc_figure(self.model, self._images, self._labels, "after training")
        except DataError:  # more classes than two, or outputs that are no probabilities
            return None
        stream = io.BytesIO()
        canvas.savefig(stream, format="png", dpi=_DPI)
        return stream.getvalue()

    def fit_params(self) -> dict[str, str]:
        """Returns the settings of this `fit`, as far as Keras tells them, and the person's own."""
        optimizer = getattr(self.model, "optimizer", None)
        told = {
            "model": self.model.name,
            "parameters": _count(self.model.weights),
            "trainable_parameters": _count(self.model.trainable_weights),
            "optimizer": None if optimizer is None else type(optimizer).__name__,
            "learning_rate": _learning_rate(optimizer),
            "loss": _loss_name(getattr(self.model, "loss", None)),
            "epochs": self.params.get("epochs"),
            "steps_per_epoch": self.params.get("steps"),
        }
        return text_values((told | self._own_params).items())


def now() -> int:
    """Returns milliseconds since 1970."""
    return round(1000 * time.time())


def _count(weights: Iterable[Any]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def _number(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _learning_rate(optimizer: Any) -> float | None:
    if optimizer is None or not hasattr(optimizer, "learning_rate"):
        return None
    return float(f"{float(keras.ops.convert_to_numpy(optimizer.learning_rate)):.6g}")


def _loss_name(loss: Any) -> str | None:
    if loss is None or isinstance(loss, str):
        return loss
    return getattr(loss, "name", None) or getattr(loss, "__name__", None) or type(loss).__name__
