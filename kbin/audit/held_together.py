"""Folds of all sets' images that keep together what belongs together."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from kbin.audit.inputs import AuditInputs
from kbin.audit.linear_scores import fold_numbers


def units(inputs: AuditInputs) -> np.ndarray:
    """Returns the unit of each image, shape (n of all sets,), numbers from 0, in the order of `inputs.pooled`.

    Copies are one unit, and so are the images of a group that the data names, of whatever set.
    """
    number = len(inputs.set_of)
    names = [np.arange(number)]
    if inputs.copy_groups:
        names.append(np.concatenate([inputs.copy_groups[name] for name in inputs.sets]))
    if any(one.groups is not None for one in inputs.sets.values()):
        names.append(_data_groups(inputs))
    numbers = [np.unique(one, return_inverse=True)[1] for one in names]
    offsets = np.cumsum([number] + [int(one.max(initial=-1)) + 1 for one in numbers])
    ends = [one + start for one, start in zip(numbers, offsets, strict=False)]
    starts = np.tile(np.arange(number), len(ends))
    joined = coo_array((np.ones(len(starts)), (starts, np.concatenate(ends))), shape=(offsets[-1], offsets[-1]))
    found = connected_components(joined, directed=False)[1][:number]
    return np.unique(found, return_inverse=True)[1]


def _data_groups(inputs: AuditInputs) -> np.ndarray:
    """Returns the names of the data's groups; an image without one is a group of its own."""
    parts = []
    for name, one in inputs.sets.items():
        # A character that no name in a table of groups can hold keeps them apart from it.
        own = np.array([f"{name}\0{index}" for index in range(len(one))], dtype=np.str_)
        parts.append(own if one.groups is None else np.where(one.groups == "", own, one.groups))
    return np.concatenate(parts)


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
