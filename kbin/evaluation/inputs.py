"""Labels and scores at the door: all that metrics, thresholds and curves take is checked here, once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kbin.errors import DataError

# A softmax in bfloat16 misses 1 by up to 0.4 %; logits or unrelated scores miss it by far more.
_ROW_SUM_TOLERANCE = 0.01


def checked_classes(classes: Sequence[str]) -> tuple[str, ...]:
    """Returns the class names, at least two and all different.

    Args:
        classes: Class names in label order; of two classes the second is the positive one.

    Raises:
        DataError: There are fewer than two classes, or a name occurs twice.
    """
    names = tuple(classes)
    if len(names) < 2:
        raise DataError(f"metrics need at least two classes, got {list(names)}.")
    if len(set(names)) < len(names):
        raise DataError(f"class names must differ from each other, got {list(names)}.")
    return names


def checked_labels(y_true: ArrayLike, num_classes: int) -> NDArray[np.int64]:
    """Returns labels as int64, shape (n,).

    Args:
        y_true: shape (n,) or (n, 1), class indices 0 to num_classes - 1, of any number type.
        num_classes: Number of classes.

    Raises:
        DataError: There is no label, the shape is another, or a label is no class index.
    """
    labels = _flattened_column(np.asarray(y_true))
    if labels.ndim != 1:
        raise DataError(f"y_true must have shape (n,), one class index an image, got {labels.shape}.")
    if labels.size == 0:
        raise DataError("no images: metrics need at least one label.")
    if labels.dtype.kind not in "biuf":
        raise DataError(f"y_true must hold class indices, got values such as {labels[0]!r}.")
    allowed = np.isin(labels, np.arange(num_classes))
    if not allowed.all():
        row = int(np.argmin(allowed))
        raise DataError(f"y_true must hold class indices 0 to {num_classes - 1}, got {labels[row]} in row {row}.")
    return labels.astype(np.int64)


def checked_scores(y_score: ArrayLike, num_labels: int) -> NDArray[np.float64]:
    """Returns the scores of the positive class as float64, shape (n,).

    Args:
        y_score: shape (n,) or (n, 1), probability of the positive class, 0 to 1.
        num_labels: n, the number of labels that go with them.

    Raises:
        DataError: The number differs, a value is no probability, or the values are hard labels.
    """
    scores = _flattened_column(np.asarray(y_score))
    if scores.ndim != 1:
        raise DataError(f"y_score must have shape (n,), one probability an image, got {scores.shape}.")
    return _checked_probabilities(scores, num_labels, "y_score")


def checked_probability_rows(y_probability: ArrayLike, num_labels: int, num_classes: int) -> NDArray[np.float64]:
    """Returns the probabilities of all classes as float64, shape (n, num_classes).

    Args:
        y_probability: shape (n, num_classes), probabilities 0 to 1, each row summing to 1.
        num_labels: n, the number of labels that go with them.
        num_classes: Number of classes.

    Raises:
        DataError: The shape is another, a value is no probability, or a row does not sum to 1.
    """
    probabilities = np.asarray(y_probability)
    if probabilities.ndim != 2 or probabilities.shape[1] != num_classes:
        raise DataError(
            f"{num_classes} classes need y_probability of shape (n, {num_classes}), got {probabilities.shape}."
        )
    checked = _checked_probabilities(probabilities, num_labels, "y_probability")
    sums = checked.sum(axis=1)
    row = int(np.argmax(np.abs(sums - 1.0)))
    if abs(sums[row] - 1.0) > _ROW_SUM_TOLERANCE:
        raise DataError(f"each row of y_probability must sum to 1, row {row} sums to {sums[row]:.4g}.")
    return checked


def _checked_probabilities(values: NDArray[np.generic], num_labels: int, name: str) -> NDArray[np.float64]:
    if len(values) != num_labels:
        raise DataError(f"y_true and {name} must have the same length, got {num_labels} and {len(values)}.")
    # Hard labels would give a ROC AUC that is balanced accuracy under another name.
    if values.dtype.kind in "biu":
        raise DataError(f"{name} must hold probabilities, got hard labels ({values.dtype}).")
    if values.dtype.kind != "f":
        raise DataError(f"{name} must hold numbers, got {values.dtype}.")
    numbers = values.astype(np.float64)
    # NaN fails both comparisons.
    bad = ~((numbers >= 0.0) & (numbers <= 1.0))
    if bad.any():
        place = tuple(int(index) for index in np.argwhere(bad)[0])
        raise DataError(f"{name} must hold probabilities from 0 to 1, got {numbers[place]:.4g} in row {place[0]}.")
    return numbers


def _flattened_column(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Keras models with one output answer in shape (n, 1)."""
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
