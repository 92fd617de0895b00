"""What the loss compares outputs with: shares of classes, as the output has them, and weights of samples."""

import numpy as np

from kbin.engine.inputs import Inputs


class OutputTargets:
    """Targets in the shape of the model's output, and weights of the samples where the classes have some.

    Args:
        rows: shape (num_classes,) a sample: the share of each class, 1 for its own where images are not mixed.
        num_outputs: 1 for a sigmoid output, else the number of classes.
        class_weights: shape (num_classes,), None where every image weighs the same.
        sample_weights: shape (n,), by which these are multiplied; None where no sample has one of its own.
    """

    def __init__(
        self,
        rows: Inputs,
        num_outputs: int,
        class_weights: np.ndarray | None = None,
        sample_weights: np.ndarray | None = None,
    ):
        self._rows, self._num_outputs = rows, num_outputs
        self._class_weights, self._sample_weights = class_weights, sample_weights

    def take(self, positions: np.ndarray) -> tuple[np.ndarray, ...]:
        """Returns targets, shape (k, num_outputs), and weights, shape (k,), where there are some."""
        rows = self._rows.take(positions)
        targets = rows[:, 1:] if self._num_outputs == 1 else rows
        if self._class_weights is None and self._sample_weights is None:
            return (targets,)
        weights = np.ones(len(positions)) if self._class_weights is None else rows @ self._class_weights
        if self._sample_weights is not None:
            weights = weights * self._sample_weights[positions % len(self._sample_weights)]
        return targets, weights.astype(np.float32)


class OneHot:
    """Labels as rows: 1 for the class of a sample, whichever view of it is asked for."""

    def __init__(self, labels: np.ndarray, num_classes: int, num_views: int = 1):
        self._labels, self._num_views = labels, num_views
        self._rows = np.eye(num_classes, dtype=np.float32)

    def __len__(self) -> int:
        return len(self._labels) * self._num_views

    def take(self, positions: np.ndarray) -> np.ndarray:
        """Returns rows of the samples at `positions`."""
        return self._rows[self._labels[positions % len(self._labels)]]
