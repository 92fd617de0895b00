"""Labels, weights and seeds as scikit-learn's people give them, checked."""

from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from kbin.deploy.estimator_training import LabelledImages
from kbin.errors import EstimatorInputError

_LARGEST_SEED = 2**31 - 1


def class_indices(y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Returns class indices, shape (n,), and the labels in order.

    Args:
        y: shape (n,), text, whole numbers or flags.

    Raises:
        ValueError: They are no labels, or all alike.
    """
    column = column_or_1d(y, warn=True)
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        raise EstimatorInputError("y contains NaN, infinity or a missing label: give a label of each image.")
    if column.dtype.kind == "O" and any(one is None or one != one for one in column):
        raise EstimatorInputError("y contains None or NaN: give a label of each image.")
    check_classification_targets(column)
    classes, labels = np.unique(column, return_inverse=True)
    if len(classes) < 2:
        raise EstimatorInputError(f"y has one class only, {classes[0]!r}: a classifier needs two or more classes.")
    return labels, classes


def checked_weights(given: Any, count: int) -> np.ndarray | None:
    """Returns the weights of images in the loss, None where none are given.

    Args:
        given: shape (count,), numbers from 0.
        count: The number of images.

    Raises:
        EstimatorInputError: They are something else.
    """
    if given is None:
        return None
    weights = np.asarray(given, np.float64)
    if weights.shape != (count,):
        raise EstimatorInputError(f"sample_weight has shape {weights.shape}; allowed for {count} images: ({count},).")
    if not (np.isfinite(weights).all() and weights.min() >= 0 and weights.any()):
        raise EstimatorInputError("sample_weight: the weights must be finite, not negative, and not all zero.")
    return weights


def drawn_seed(random_state: int | np.random.RandomState | None) -> int:
    """Returns a seed as scikit-learn's `random_state` means it: a number is the seed itself."""
    if isinstance(random_state, int | np.integer) and random_state >= 0:
        return int(random_state)
    return int(check_random_state(random_state).randint(_LARGEST_SEED))


def held_out(data: LabelledImages, share: float, seed: int) -> tuple[LabelledImages, LabelledImages]:
    """Returns what is trained on and what is watched, each class in the same share.

    Args:
        data: All images.
        share: Of what is watched, between 0 and 1, or a number of images.
        seed: Of the choice.

    Raises:
        EstimatorInputError: A class has too few images for that.
    """
    try:
        train, watched = train_test_split(
            np.arange(len(data.labels)), test_size=share, stratify=data.labels, random_state=seed
        )
    except ValueError as error:
        raise EstimatorInputError(f"validation_fraction {share!r} of {len(data.labels)} images: {error}") from None
    return _select(data, np.sort(train)), _select(data, np.sort(watched))


def _select(data: LabelledImages, places: np.ndarray) -> LabelledImages:
    return LabelledImages(
        data.images.select(places), data.labels[places], None if data.weights is None else data.weights[places]
    )
