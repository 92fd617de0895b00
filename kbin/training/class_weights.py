"""Weights of classes, which become weights of samples."""

from collections.abc import Sequence

import numpy as np

from kbin.config.training import ClassWeight


def class_weights(class_weight: ClassWeight | None, labels: np.ndarray, classes: Sequence[str]) -> np.ndarray | None:
    """Returns a weight a class, shape (num_classes,); None where every sample weighs the same.

    Args:
        class_weight: "balanced" gives every class the same sum; or weights by name, 1 for a class that has none.
        labels: shape (n,), class indices of the training samples.
        classes: Class names in label order.
    """
    if class_weight is None:
        return None
    if class_weight == "balanced":
        counts = np.bincount(labels, minlength=len(classes))
        # No sample asks for the weight of a class that has none, but infinity times a share of 0 would be no number.
        return len(labels) / (len(classes) * np.maximum(counts, 1))
    return np.array([class_weight.get(name, 1.0) for name in classes])
