"""Trains a classifier, or the tail of one, by `model.fit`."""

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import torch

from kbin.config.training import EarlyStoppingConfig, TrainingConfig
from kbin.engine.batches import Batches
from kbin.engine.inputs import Inputs
from kbin.errors import DataError, IntegrityError
from kbin.progress import Progress
from kbin.training.callbacks import MetricLogger
from kbin.training.compilation import compile_classifier
from kbin.training.out_of_memory import split_steps
from kbin.training.predictions import compiled_loss, shared_predictions
from kbin.training.targets import OneHot, OutputTargets


@dataclass(frozen=True)
class Labelled:
    """Inputs of a network with their labels.

    Attributes:
        inputs: The samples; view v of sample i is at `v * len(labels) + i`.
        labels: shape (n,), integers.
        num_views: Views of each sample.
        label_rows: The share of each class in each view, where samples were mixed; None where they were not.
    """

    inputs: Inputs
    labels: np.ndarray
    num_views: int = 1
    label_rows: Inputs | None = None


@dataclass(frozen=True)
class Trained:
    """What training left behind.

    Attributes:
        history: A row an epoch: epoch, loss, accuracy, and `val_` metrics where there is a validation set.
        epoch: The epoch whose weights the model has now, counted from 1.
        micro_batch: Images whose gradients were computed at a time, where memory ran out; None where it sufficed.
    """

    history: list[dict[str, float]]
    epoch: int
    micro_batch: int | None = None


class _EpochBar(keras.callbacks.Callback):
    """Moves a progress bar on by one for every epoch."""

    def __init__(self, advance: Any):
        super().__init__()
        self._advance = advance

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._advance(1)


def train(  # noqa: PLR0913 - named values, not the configuration tree
    model: keras.Model,
    data: Labelled,
    validation: Labelled | None,
    settings: TrainingConfig,
    *,
    seed: int,
    class_weights: np.ndarray | None = None,
    progress: Progress | None = None,
    description: str = "epochs",
    first_epoch: int = 0,
    micro_batch: int | None = None,
) -> Trained:
    """Trains a model in place.

    Args:
        model: A classifier, or the tail of one.
        data: The training set, as the model's inputs.
        validation: The validation set; None where there is none, which rules early stopping out.
        settings: The settings in force, learning rate included.
        seed: Of the order of the batches; layers have drawn their own from Keras's global seed.
        class_weights: shape (num_classes,); None weighs every image alike.
        progress: Where the epochs are shown.
        description: What the bar is called.
        first_epoch: The number of epochs that earlier stages took.
        micro_batch: Images whose gradients are computed at a time; None takes whole batches until memory runs out.

    Raises:
        TrainingError: Memory does not suffice for one image at a time.
        DataError: Early stopping without a validation set, or on a metric that this one does not have.
        IntegrityError: The weights that early stopping restored are not those of the best epoch.
    """
    num_outputs = model.output.shape[-1]
    num_classes = max(2, num_outputs)
    if settings.early_stopping:
        watched_labels = None if validation is None else validation.labels
        check_watchable(settings.early_stopping.monitor, watched_labels, num_classes)
    rows = data.label_rows or OneHot(data.labels, num_classes, data.num_views)
    batches = Batches(
        data.inputs,
        data.labels,
        settings.batch_size,
        OutputTargets(rows, num_outputs, class_weights),
        seed=seed,
        num_views=data.num_views,
        sampling=settings.sampling,
        first_epoch=first_epoch,
    )
    compile_classifier(model, settings, batches.num_batches)
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
    shown = progress or Progress()
    bar = shown.bar(description, settings.epochs, "epochs")
    splitting = split_steps(model, micro_batch, lambda text: shown.say(f"  {description}: {text}"))
    with _arithmetic(settings.precision), splitting as steps, bar as advance:
        fitted = model.fit(
            batches, epochs=settings.epochs, verbose=0, shuffle=False, callbacks=[*callbacks, _EpochBar(advance)]
        )
        history = _rows(fitted.history, [] if logger is None else logger.rows, first_epoch)
        kept = len(history)
        if stopping is not None and watched is not None and stopping.best_weights is not None:
            kept = stopping.best_epoch + 1
            _check_restored(model, watched, history[kept - 1]["val_loss"])
    return Trained(history, first_epoch + kept, steps.micro_batch)


def _arithmetic(precision: str) -> AbstractContextManager[Any]:
    """Returns the context of training steps: torch chooses what may be computed in bfloat16; weights stay float32."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16")


def check_watchable(monitor: str, labels: np.ndarray | None, num_classes: int) -> None:
    """Checks that early stopping has what it watches.

    Args:
        monitor: "loss" or a metric.
        labels: shape (n,), of the validation set; None where there is none.
        num_classes: Two or more.

    Raises:
        DataError: There is no validation set, or it lacks a class that the metric needs.
    """
    if labels is None:
        raise DataError("early stopping needs a validation set: set `data.split.validation`, or leave it out.")
    absent = np.flatnonzero(np.bincount(labels, minlength=num_classes) == 0)
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
    history: Mapping[str, Sequence[float]], watched: Sequence[Mapping[str, float | int | None]], first_epoch: int
) -> list[dict[str, float]]:
    """Joins Keras's training figures and those of the validation set; an epoch leaves out what it does not have.

    Keras's history would not do for the latter: a metric that some epoch lacks is a shorter list there.
    """
    rows: list[dict[str, float]] = [
        {"epoch": index, "loss": float(loss), "accuracy": float(accuracy)}
        for index, (loss, accuracy) in enumerate(
            zip(history["loss"], history["class_accuracy"], strict=True), start=first_epoch + 1
        )
    ]
    for row, metrics in zip(rows, watched, strict=bool(watched)):
        row |= {f"val_{name}": value for name, value in metrics.items() if name != "epoch" and value is not None}
    return rows
