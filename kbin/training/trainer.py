"""Trains a classifier, or the tail of one, by `model.fit`."""

import math
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import torch

from kbin.config.training import EarlyStoppingConfig, TrainingConfig
from kbin.engine.batches import Batches
from kbin.engine.inputs import Inputs
from kbin.engine.memory_errors import is_out_of_memory
from kbin.errors import DataError, IntegrityError, KbinError, TrainingError
from kbin.progress import Progress
from kbin.training.callbacks import MetricLogger
from kbin.training.checkpoints import Checkpoint, restore_finished
from kbin.training.compilation import compile_classifier
from kbin.training.divergence import DivergedError, DivergenceGuard
from kbin.training.out_of_memory import SplitSteps, split_steps
from kbin.training.predictions import compiled_loss, shared_predictions
from kbin.training.safe_points import SafePoints
from kbin.training.targets import OneHot, OutputTargets
from kbin.unfinished import Record


@dataclass(frozen=True)
class Labelled:
    """Inputs of a network with their labels.

    Attributes:
        inputs: The samples; view v of sample i is at `v * len(labels) + i`.
        labels: shape (n,), integers.
        num_views: Views of each sample.
        label_rows: The share of each class in each view, where samples were mixed; None where they were not.
        weights: shape (n,), of the samples in the loss; None weighs all alike.
    """

    inputs: Inputs
    labels: np.ndarray
    num_views: int = 1
    label_rows: Inputs | None = None
    weights: np.ndarray | None = None


@dataclass(frozen=True)
class Trained:
    """What training left behind.

    Attributes:
        history: A row an epoch: epoch, loss, accuracy, and `val_` metrics where there is a validation set.
        epoch: The epoch whose weights the model has now, counted from 1.
        diverged: What went wrong after that epoch, in words; None where training came to its end.
        micro_batch: Images whose gradients were computed at a time, where memory ran out; None where it sufficed.
    """

    history: list[dict[str, float]]
    epoch: int
    diverged: str | None = None
    micro_batch: int | None = None


class _History(keras.callbacks.Callback):
    """Collects the history, a row an epoch; an epoch leaves out what it does not have.

    Keras's own would not do: a metric that some epoch lacks is a shorter list there.
    """

    def __init__(self, logger: MetricLogger | None, first_epoch: int):
        super().__init__()
        self._logger, self.first_epoch = logger, first_epoch
        self.rows: list[dict[str, float]] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        row = {
            "epoch": self.first_epoch + epoch + 1,
            "loss": float(logs["loss"]),
            "accuracy": float(logs["class_accuracy"]),
        }
        watched = {} if self._logger is None else self._logger.rows[-1]
        row |= {f"val_{name}": value for name, value in watched.items() if name != "epoch" and value is not None}
        self.rows.append(row)


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
    record: Record | None = None,
    micro_batch: int | None = None,
) -> Trained:
    """Trains a model in place; where an earlier call was cut short, it goes on from the last epoch that was kept.

    A loss that is no number ends it: the model then has the weights of the last epoch before.

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
        record: Where epochs are kept, and the trained model; None keeps nothing.
        micro_batch: Images whose gradients are computed at a time; None takes whole batches until memory runs out.

    Raises:
        TrainingError: The first epoch already diverged, or memory does not suffice for one image at a time.
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
        OutputTargets(rows, num_outputs, class_weights, data.weights),
        seed=seed,
        num_views=data.num_views,
        sampling=settings.sampling,
        first_epoch=first_epoch,
    )
    compile_classifier(model, settings, batches.num_batches)
    watched: Batches | None = None
    logger: MetricLogger | None = None
    if validation is not None:
        watched = Batches(validation.inputs, validation.labels, max(settings.batch_size, 128))
        logger = MetricLogger(watched, path=None)
    history = _History(logger, first_epoch)
    fit = _Fit(model, settings, _early_stopping(settings.early_stopping), logger, history, record, micro_batch)
    finished = fit.finished_before()
    if finished is not None:
        return finished
    diverged = fit.run(batches, progress or Progress(), description)
    trained = Trained(history.rows, first_epoch + fit.last_epoch, diverged, fit.micro_batch)
    if watched is not None and fit.has_restored:
        with _arithmetic(settings.precision):  # in which the loss was measured
            _check_restored(model, watched, history.rows[fit.last_epoch - 1]["val_loss"])
    fit.keep(trained)
    return trained


class _Fit:
    """One `fit`, with what watches it, from wherever an earlier one came to."""

    def __init__(
        self,
        model: keras.Model,
        settings: TrainingConfig,
        stopping: keras.callbacks.EarlyStopping | None,
        logger: MetricLogger | None,
        history: "_History",
        record: Record | None,
        micro_batch: int | None,
    ):
        self._model, self._settings, self._stopping, self._history = model, settings, stopping, history
        self._record, self._guard, self._diverged = record, DivergenceGuard(), False
        self._steps: SplitSteps | None = None
        self._micro_batch = micro_batch
        self._checkpoint = None
        if record is not None:
            self._checkpoint = Checkpoint(record, stopping, history.rows, lambda: {"micro_batch": self.micro_batch})
        # The order matters: the guard sees a bad epoch before it is measured, the logger gives what stopping watches,
        # and what is kept is the epoch as all of them left it.
        self._callbacks = [one for one in (self._guard, logger, stopping, history, self._checkpoint) if one is not None]

    def finished_before(self) -> Trained | None:
        """Returns what an earlier run left, if it came to its end; the model has those weights then."""
        kept = None if self._record is None else self._record.read()
        if kept is None or not {"history", "kept_epoch", "diverged", "micro_batch"} <= set(kept.values):
            return None
        if not restore_finished(self._model, kept):
            return None
        values = kept.values
        return Trained(values["history"], values["kept_epoch"], values["diverged"], values["micro_batch"])

    def run(self, batches: Batches, progress: Progress, description: str) -> str | None:
        """Fits the model; returns what went wrong if it diverged, and None otherwise."""
        epochs, history = self._settings.epochs, self._history
        done = 0
        if self._checkpoint is not None and (kept := self._checkpoint.found(self._model)) is not None:
            history.rows += kept.values["history"]
            done = epochs if kept.values["is_over"] else kept.values["epoch"]
            self._micro_batch = kept.values["micro_batch"]
            batches.skip_epochs(done)
            progress.say(f"  {description}: goes on after epoch {len(history.rows)}")
        splitting = split_steps(self._model, self._micro_batch, lambda text: progress.say(f"  {description}: {text}"))
        bar = progress.bar(description, epochs, "epochs")
        with _arithmetic(self._settings.precision), splitting as self._steps, bar as advance:
            if done:
                advance(done)
            callbacks = [*self._callbacks, _EpochBar(advance), SafePoints()]
            try:
                self._model.fit(
                    batches, epochs=epochs, initial_epoch=done, verbose=0, shuffle=False, callbacks=callbacks
                )
            except KbinError:
                raise
            except Exception as error:
                what = error.what if isinstance(error, DivergedError) else self._what_diverged(error, batches)
                if what is None:
                    raise
                words = _diverged(what, history.first_epoch + len(history.rows) + 1, self._settings)
                if not self._guard.restore():
                    raise TrainingError(words) from None
                self._diverged = True
                return words
        return None

    def _what_diverged(self, error: Exception, batches: Batches) -> str | None:
        """Losses and metrics complain of NaN in many words, but never say that training diverged."""
        if isinstance(error, OSError) or is_out_of_memory(error):
            return None
        try:
            outputs = np.asarray(self._model.predict_on_batch(batches[0][0]))  # a dead unit hides it in some
        except Exception:  # the first error says more
            return None
        return None if np.isfinite(outputs).all() else "the model's outputs are not numbers any more"

    @property
    def micro_batch(self) -> int | None:
        """Images whose gradients are computed at a time; None where memory suffices for a batch."""
        return self._micro_batch if self._steps is None else self._steps.micro_batch

    @property
    def has_restored(self) -> bool:
        """Whether early stopping gave the model the weights of the best epoch."""
        return not self._diverged and self._stopping is not None and self._stopping.best_weights is not None

    @property
    def last_epoch(self) -> int:
        """The epoch whose weights the model has, from 1, in this `fit`."""
        if self.has_restored and self._stopping is not None:
            return self._stopping.best_epoch + 1
        return len(self._history.rows)

    def keep(self, trained: Trained) -> None:
        """Keeps the trained model."""
        if self._checkpoint is not None:
            self._checkpoint.finish({"kept_epoch": trained.epoch, "diverged": trained.diverged})


def _diverged(what: str, epoch: int, settings: TrainingConfig) -> str:
    return (
        f"training diverged in epoch {epoch} at learning rate {settings.rate(trains_backbone=True):g}: {what}. "
        "Set a smaller `training.learning_rate`."
    )


def _arithmetic(precision: str) -> AbstractContextManager[Any]:
    """Returns the context of training steps: torch chooses what may be computed in bfloat16; weights stay float32."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    # Autocast would keep the weights that it has rounded until the context ends: all epochs would see the first ones.
    return torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16", cache_enabled=False)


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
