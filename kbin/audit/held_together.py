"""Folds of all sets' images that keep together what belongs together."""

import numpy as np

from kbin.audit.linear_scores import fold_numbers


def classes_with(labels: np.ndarray, unit_of: np.ndarray, least: int) -> np.ndarray:
    """Returns the classes that stand first in at least so many units, in order: enough for `unit_folds`.

    Args:
        labels: shape (n,).
        unit_of: shape (n,).
        least: Units.
    """
    _, first = np.unique(unit_of, return_index=True)
    classes, counts = np.unique(labels[first], return_counts=True)
    return classes[counts >= least]


def unit_folds(labels: np.ndarray, sets: np.ndarray, unit_of: np.ndarray, num_folds: int = 5) -> np.ndarray:
    """Returns the fold that holds each image out, shape (n,): no unit in two, stratified by class and set.

    A unit counts as its first image. Where a set has too few units of a class to be spread, they are spread with those
    of the set that has most.

    Args:
        labels: shape (n,); each class stands first in at least `num_folds` units.
        sets: shape (n,), names.
        unit_of: shape (n,).
        num_folds: Of them.
    """
    _, first, inverse = np.unique(unit_of, return_index=True, return_inverse=True)
    _, set_numbers = np.unique(sets[first], return_inverse=True)
    num_sets = int(set_numbers.max()) + 1
    strata = labels[first].astype(np.int64) * num_sets + set_numbers
    counts = np.bincount(strata, minlength=(int(labels.max()) + 1) * num_sets).reshape(-1, num_sets)
    few = counts.ravel()[strata] < num_folds
    strata[few] = labels[first][few] * num_sets + counts.argmax(axis=1)[labels[first][few]]
    return fold_numbers(strata, num_folds=num_folds)[inverse]
