"""What a threshold chosen anew on images of the same set would get, without the optimism of judging it on them."""

import numpy as np
from numpy.typing import NDArray

from kbin.audit.linear_scores import fold_numbers
from kbin.evaluation.groups import group_numbers
from kbin.evaluation.thresholds import CriterionSettings, choose_threshold

NUM_FOLDS = 5
_REPEATS = 4  # other folds each time, so that one unlucky division does not decide
_MANY = 20_000  # images from which on one division is enough
_MOST_OF_A_CLASS = 2_000  # images that a threshold is chosen on: more would hardly move it, and take time


def divisions(labels: NDArray[np.int64], groups: NDArray[np.generic] | None = None) -> list[NDArray[np.int64]] | None:
    """Returns divisions of a set into folds, each of shape (n,); None where a class is too small for them.

    Args:
        labels: shape (n,), 0 or 1.
        groups: shape (n,), names; images of one group are held out together.
    """
    numbers = group_numbers(groups, len(labels))
    for label in (0, 1):
        of_class = labels == label
        if (of_class.sum() if numbers is None else len(np.unique(numbers[of_class]))) < NUM_FOLDS:
            return None
    repeats = 1 if len(labels) > _MANY else _REPEATS
    return [fold_numbers(labels, numbers, NUM_FOLDS, seed) for seed in range(repeats)]


def rechosen_hits(
    labels: NDArray[np.int64], scores: NDArray[np.float64], folds: list[NDArray[np.int64]], share: float
) -> NDArray[np.float64]:
    """Returns how often each image is right at a threshold that was chosen on the other folds, shape (n,), 0 to 1.

    The threshold is the one of the best accuracy at a given share of positives.

    Args:
        labels: shape (n,), 0 or 1.
        scores: shape (n,), probability of the positive class.
        folds: As `divisions` returns them.
        share: Of positives, between 0 and 1, at which accuracy is meant; the set's own may be another.
    """
    hits = np.zeros(len(labels))
    for numbers in folds:
        for number in np.unique(numbers):
            held_out = numbers == number
            threshold = best_threshold(labels[~held_out], scores[~held_out], share)
            hits[held_out] += (scores[held_out] >= threshold) == labels[held_out]
    return hits / len(folds)


def best_threshold(labels: NDArray[np.int64], scores: NDArray[np.float64], share: float) -> float:
    """Returns the threshold of the best accuracy at a share of positives; .5 where a class is missing.

    Args:
        labels: shape (n,), 0 or 1.
        scores: shape (n,), probability of the positive class.
        share: Of positives, between 0 and 1.
    """
    rng = np.random.default_rng(0)
    chosen = []
    for label in (0, 1):
        members = np.flatnonzero(labels == label)
        few = len(members) <= _MOST_OF_A_CLASS
        chosen.append(members if few else rng.choice(members, _MOST_OF_A_CLASS, replace=False))
    if not all(map(len, chosen)):
        return 0.5
    both = np.concatenate(chosen)
    # The expected number of errors at that share: each class weighs what it would be of all images.
    costs = CriterionSettings(
        false_positive_cost=(1 - share) / len(chosen[0]), false_negative_cost=share / len(chosen[1])
    )
    choice = choose_threshold(labels[both], scores[both], "cost", costs)
    return 0.5 if choice.threshold is None else choice.threshold
