"""Early stopping of several heads, each by its own figure of the validation set, as Keras's `EarlyStopping` does it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from kbin.config.training import EarlyStoppingConfig
from kbin.evaluation.metrics import classification_metrics
from kbin.training.head_losses import HeadLoss
from kbin.training.head_stack import Stack


@dataclass
class _Watched:
    """What is known of one head.

    Attributes:
        best: The best figure so far; None before the first.
        epoch: Whose weights are kept; 0 before the first.
        wait: Epochs since the best.
    """

    best: float | None = None
    epoch: int = 0
    wait: int = 0


class HeadStopping:
    """Watches heads, and keeps the weights of each one's best epoch.

    Args:
        settings: Patience, and what is watched: the loss, which is to fall, or a metric, which is to rise.
        figure_of: Gives it from the probabilities of a head, shape (num_outputs, n); None where it is undefined.
        weights: Of the heads.
    """

    def __init__(self, settings: EarlyStoppingConfig, figure_of: Callable[[np.ndarray], float | None], weights: Stack):
        self._patience, self._sign = settings.patience, -1 if settings.monitor == "loss" else 1
        self._figure_of = figure_of
        self._heads = [_Watched() for _ in range(weights.num_heads)]
        self._best = weights.zeros()

    def watch(self, epoch: int, probabilities: np.ndarray, weights: Stack) -> np.ndarray:
        """Takes an epoch's probabilities and returns which heads end: they stop, or diverged.

        Args:
            epoch: Counted from 1.
            probabilities: Of the validation samples, shape (num_heads, num_outputs, n).
            weights: Of the heads now.

        Returns:
            shape (num_heads,), booleans.
        """
        improved, ends = [], np.zeros(len(self._heads), bool)
        for row, (head, values) in enumerate(zip(self._heads, probabilities, strict=True)):
            if not np.isfinite(values).all():
                head.epoch, ends[row] = epoch, True
                improved.append(row)  # what is kept shall show that it diverged
                continue
            figure = self._figure_of(values)
            if figure is None:
                continue  # Keras passes over an epoch in which the metric is undefined
            head.wait += 1
            if head.best is None or self._sign * figure > self._sign * head.best:
                head.best, head.epoch, head.wait = figure, epoch, 0
                improved.append(row)
            ends[row] = head.wait >= self._patience
        self._best.set_rows(improved, weights)
        return ends

    def kept(self, rows: Sequence[int], epoch: int, weights: Stack) -> tuple[list[int], Stack]:
        """Returns the best epochs of some heads, and their weights then; the last ones where no epoch had a figure.

        Args:
            rows: The heads.
            epoch: The last one, counted from 1.
            weights: Of all heads after it.
        """
        self._best.set_rows([row for row in rows if not self._heads[row].epoch], weights)
        return [self._heads[row].epoch or epoch for row in rows], self._best.rows(rows)

    def keep_rows(self, rows: Sequence[int]) -> None:
        """Goes on with some of the heads."""
        self._heads, self._best = [self._heads[row] for row in rows], self._best.rows(rows)


def figure_of(
    monitor: str, labels: np.ndarray, targets: torch.Tensor, loss: HeadLoss
) -> Callable[[np.ndarray], float | None]:
    """Returns what computes the monitored figure as `MetricLogger` logs it: without class weights, at threshold .5.

    Args:
        monitor: "loss" or a metric.
        labels: shape (n,), of the validation samples.
        targets: shape (num_outputs, n), the same as the loss takes them.
        loss: Of the heads.
    """

    def compute(probabilities: np.ndarray) -> float | None:
        if monitor == "loss":
            return float(loss.of_samples(torch.from_numpy(probabilities)[None], targets).mean())
        rows = probabilities.astype(np.float64)
        names = [str(index) for index in range(max(2, len(rows)))]
        return classification_metrics(labels, rows[0] if len(rows) == 1 else rows.T, names, 0.5).values[monitor]

    return compute
