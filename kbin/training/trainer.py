"""Trains a classifier, or the tail of one, by `model.fit`."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kbin.config import EarlyStoppingConfig, TrainingConfig
from kbin.engine.batches import Batches
from kbin.engine.inputs import Inputs
from kbin.errors import DataError, IntegrityError
from kbin.progress import Progress
from kbin.training.callbacks import MetricLogger
from kbin.training.predictions import compiled_loss, shared_predictions


@dataclass(frozen=True)
class Labelled:
    """Inputs of a network with their labels, shape (n,), integers; `num_views` inputs to a label."""

    inputs: Inputs
    labels: np.ndarray
    num_views: int = 1


@dataclass(frozen=True)
class Trained:
    """What training left behind.

    Attributes:
        history: A row an epoch: epoch, loss, accuracy, and `val_` metrics where there is a validation set.
        epoch: The epoch whose weights the model has now, counted from 1.
    """

    history: list[dict[str, float]]
    epoch: int


class _EpochBar(keras.callbacks.Callback):
    """Moves a progress bar on by one for every epoch."""

    def __init__(self, advance: Any):
        super().__init__()
        self._advance = advance

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._advance(1)


def compile_classifier(
    model: keras.Model, settings: TrainingConfig, learning_rate: float, steps_per_epoch: int
) -> None:
    """Compiles a model for the loss that fits its output: sigmoid or softmax."""
    loss = "binary_crossentropy" if model.output.shape[-1] == 1 else "sparse_categorical_crossentropy"
    rate: Any = learning_rate
    if settings.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(learning_rate, decay_steps=steps_per_epoch * settings.epochs)
    optimizer = {
        "adamw": lambda: keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay),
        "adam": lambda: keras.optimizers.Adam(rate),
        "sgd": lambda: keras.optimizers.SGD(rate, momentum=0.9, weight_decay=settings.weight_decay or None),
    }[settings.optimizer]()
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])


def train(  # noqa: PLR0913 - named values, not the configuration tree
    model: keras.Model,
    data: Labelled,
    validation: Labelled | None,
    settings: TrainingConfig,
    *,
    learning_rate: float,
    seed: int,
    class_weights: np.ndarray | None = None,
    progress: Progress | None = None,
    description: str = "epochs",
) -> Trained:
    """Trains a model in place.

    Args:
        model: A classifier, or the tail of one.
        data: The training set, as the model's inputs.
        validation: The validation set; None where there is none, which rules early stopping out.
        settings: The section `training`.
        learning_rate: The rate in force.
        seed: Of the order of the batches; layers have drawn their own from Keras's global seed.
        class_weights: shape (num_classes,); None weighs every image alike.
        progress: Where the epochs are shown.
        description: What the bar is called.

    Raises:
        DataError: Early stopping without a validation set, or on a metric that this one does not have.
        IntegrityError: The weights that early stopping restored are not those of the best epoch.
    """
    if settings.early_stopping:
        _check_watchable(settings.early_stopping.monitor, validation, max(2, model.output.shape[-1]))
    weights = None if class_weights is None else class_weights[data.labels].astype(np.float32)
    batches = Batches(data.inputs, data.labels, settings.batch_size, weights, seed=seed, num_views=data.num_views)
    compile_classifier(model, settings, learning_rate, batches.num_batches)
    callbacks: list[keras.callbacks.Callback] = []
    watched: Batches | None = None
    logger: MetricLogger | None = None
    if validation is not None:
        watched = Batches(validation.inputs, validation.labels, max(settings.batch_size, 128))
        logger = MetricLogger(watched, path=None)
        callbacks.append(logger)
    stopping = _early_stopping(settings.early_stopping)
    if stopping is not None:
        callbacks.append(stopping)
    with (progress or Progress()).bar(description, settings.epochs, "epochs") as advance:
        fitted = model.fit(
            batches, epochs=settings.epochs, verbose=0, shuffle=False, callbacks=[*callbacks, _EpochBar(advance)]
        )
    history = _rows(fitted.history, [] if logger is None else logger.rows)
    kept = len(history)
    if stopping is not None and watched is not None and stopping.best_weights is not None:
        kept = stopping.best_epoch + 1
        _check_restored(model, watched, history[kept - 1]["val_loss"])
    return Trained(history, kept)


def _check_watchable(monitor: str, validation: Labelled | None, num_classes: int) -> None:
    if validation is None:
        raise DataError("early stopping needs a validation set: set `data.split.validation`, or leave it out.")
    absent = np.flatnonzero(np.bincount(validation.labels, minlength=num_classes) == 0)
    if len(absent) and monitor not in ("loss", "accuracy"):
        raise DataError(
            f"early stopping watches {monitor}, which needs images of every class, but the validation set has none of "
            f"class {absent[0]}: watch `loss`, or put images of it there."
        )


def _early_stopping(settings: EarlyStoppingConfig | None) -> keras.callbacks.EarlyStopping | None:
    if settings is None:
        return None
    mode = "min" if settings.monitor == "loss" else "max"
    return keras.callbacks.EarlyStopping(
        monitor=f"val_{settings.monitor}", mode=mode, patience=settings.patience, restore_best_weights=True
    )


def _check_restored(model: keras.Model, watched: Batches, expected: float) -> None:
    """Keras restores the best weights only under conditions; so predict again and compare."""
    labels, outputs = shared_predictions(model, watched)
    restored = compiled_loss(model, labels, outputs)
    if restored is None or not math.isclose(restored, expected, rel_tol=1e-4, abs_tol=1e-6):
        raise IntegrityError(
            f"early stopping restored weights with validation loss {restored}, but the best epoch had {expected}."
        )


def _rows(
    history: Mapping[str, Sequence[float]], watched: Sequence[Mapping[str, float | int | None]]
) -> list[dict[str, float]]:
    """Joins Keras's training figures and those of the validation set; an epoch leaves out what it does not have.

    Keras's history would not do for the latter: a metric that some epoch lacks is a shorter list there.
    """
    rows: list[dict[str, float]] = [
        {"epoch": index + 1, "loss": float(loss), "accuracy": float(accuracy)}
        for index, (loss, accuracy) in enumerate(zip(history["loss"], history["accuracy"], strict=True))
    ]
    for row, metrics in zip(rows, watched, strict=bool(watched)):
        row |= {f"val_{name}": value for name, value in metrics.items() if name != "epoch" and value is not None}
    return rows
