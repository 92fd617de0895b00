"""DeLong's variance and covariance of ROC AUCs, for independent images and for groups of images."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from kbin.evaluation.groups import group_sums
from kbin.evaluation.inputs import checked_labels, checked_scores


def placement_values(y_true: ArrayLike, y_score: ArrayLike) -> NDArray[np.float64]:
    """Returns the share of the other class that each image is on the right side of, shape (n,); ties count half.

    The mean over the positives is the ROC AUC, and so is the mean over the negatives. NaN in a set with one class.

    Args:
        y_true: shape (n,), 0 or 1.
        y_score: shape (n,), probability of the positive class, 0 to 1.

    Source:
        Sun and Xu 2014, "Fast implementation of DeLong's algorithm", equations 4 to 8.
    """
    truth = checked_labels(y_true, 2)
    scores = checked_scores(y_score, len(truth))
    is_positive = truth == 1
    num_positive = int(is_positive.sum())
    num_negative = len(truth) - num_positive
    if not num_positive or not num_negative:
        return np.full(len(truth), np.nan)
    # An image's rank among all, less its rank within its class, is how many of the other class lie below it.
    below = rankdata(scores)
    below[is_positive] -= rankdata(scores[is_positive])
    below[~is_positive] -= rankdata(scores[~is_positive])
    return np.where(is_positive, below / num_negative, 1 - below / num_positive)


def mean_placements(y_true: ArrayLike, seed_scores: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """Returns the means over seeds, shape (n,): the mean AUC is linear in the placement values.

    Args:
        y_true: shape (n,), 0 or 1.
        seed_scores: An entry a seed, shape (n,), probability of the positive class.
    """
    return np.mean([placement_values(y_true, scores) for scores in seed_scores], axis=0)


def placement_covariance(
    y_true: ArrayLike,
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    groups: NDArray[np.int64] | None = None,
) -> float | None:
    """Returns the covariance of two AUCs on the same images; their variance where both are the same.

    Without groups it is DeLong's. With groups, the placement values of a group are added up first, positives and
    negatives each, and their products between the classes enter too. None where fewer than two images (groups) of a
    class are there.

    Args:
        y_true: shape (n,), 0 or 1.
        first: shape (n,), placement values of one model.
        second: shape (n,), those of the other.
        groups: shape (n,), numbers from 0; None where the images are independent.

    Source:
        DeLong et al. 1988; Obuchowski 1997, "Nonparametric analysis of clustered ROC curve data", equations 4 and 6.
    """
    truth = checked_labels(y_true, 2)
    units = np.arange(len(truth)) if groups is None else groups
    classes = [truth == 1, truth == 0]
    counts = [len(np.unique(units[members])) for members in classes]
    if min(counts) < 2:
        return None
    total = len(np.unique(units))
    sums = [[_deviations(values, members, units) for members in classes] for values in (first, second)]
    (first_positive, first_negative), (second_positive, second_negative) = sums
    within = sum(
        count / (count - 1) * float(one @ other) for count, one, other in zip(counts, sums[0], sums[1], strict=True)
    )
    across = float(first_positive @ second_negative + first_negative @ second_positive)
    return within + total / (total - 1) * across


def delong_variance(y_true: ArrayLike, y_score: ArrayLike, groups: NDArray[np.int64] | None = None) -> float | None:
    """Returns the variance of the ROC AUC; None where a class has fewer than two images, or groups.

    Args:
        y_true: shape (n,), 0 or 1.
        y_score: shape (n,), probability of the positive class, 0 to 1.
        groups: shape (n,), numbers from 0; None where the images are independent.
    """
    placements = placement_values(y_true, y_score)
    return placement_covariance(y_true, placements, placements, groups)


def _deviations(
    values: NDArray[np.float64], members: NDArray[np.bool_], units: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Returns each unit's sum of deviations from the AUC as a share of the class, shape (num_units,)."""
    deviations = np.where(members, values - values[members].mean(), 0.0) / members.sum()
    return group_sums(deviations, units)
