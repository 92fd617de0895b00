"""How far probabilities can be believed: calibration curve and expected calibration error.

Bins hold equal numbers of images (the strategy "quantile" of scikit-learn). Networks give most images scores near 0 or
1: bins of equal width would leave all but two nearly empty, a point of the curve could rest on one image, and with few
images the error of such bins is further from the truth (Roelofs et al. 2022). The price: figures in papers are mostly
of equal widths and not the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi, sqrt
from statistics import fmean

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kbin.errors import DataError
from kbin.evaluation.inputs import checked_labels, checked_probability_rows, checked_scores

NUM_BINS = 10


@dataclass(frozen=True)
class Bin:
    """The images whose probability lies between two limits.

    Attributes:
        low: Lower limit; only the lowest bin holds it.
        high: Upper limit, inclusive.
        n: Number of images, at least 1 (means over seeds are not whole).
        mean_score: Their mean probability.
        share: How many of them it came true for: the share of positives, or of right answers.
        variance: Sum of p (1 - p) over them.
    """

    low: float
    high: float
    n: float
    mean_score: float
    share: float
    variance: float


def judged(y_true: ArrayLike, y_probability: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Returns what was stated of each image and whether it came true, each of shape (n,).

    Of two classes it is the probability of the positive one; of more, that of the answer, the most probable class
    ("top label"), and whether the answer is right.

    Args:
        y_true: shape (n,), class indices.
        y_probability: shape (n,), probability of the positive class; shape (n, num_classes), rows summing to 1.

    Raises:
        DataError: The arrays do not fit together or do not hold labels and probabilities.
    """
    probabilities = np.asarray(y_probability)
    if probabilities.ndim < 2 or probabilities.shape[1] == 1:
        truth = checked_labels(y_true, 2)
        return truth, checked_scores(probabilities, len(truth))
    num_classes = probabilities.shape[1]
    truth = checked_labels(y_true, num_classes)
    rows = checked_probability_rows(probabilities, len(truth), num_classes)
    if num_classes == 2:
        return truth, rows[:, 1]
    return (rows.argmax(axis=1) == truth).astype(np.int64), rows.max(axis=1)


def calibration_bins(came_true: ArrayLike, stated: ArrayLike, num_bins: int = NUM_BINS) -> tuple[Bin, ...]:
    """Returns the bins in rising order; empty ones, where many scores are equal, are left out.

    Args:
        came_true: shape (n,), 0 or 1.
        stated: shape (n,), the probability of it, 0 to 1.
        num_bins: At most so many, at least 1.

    Raises:
        DataError: The arrays do not fit together or do not hold labels and probabilities.
    """
    if num_bins < 1:
        raise DataError(f"a calibration curve needs at least one bin, got {num_bins}.")
    truth = checked_labels(came_true, 2)
    scores = checked_scores(stated, len(truth))
    edges = np.percentile(scores, np.linspace(0, 100, num_bins + 1))
    places = np.searchsorted(edges[1:-1], scores)
    bins = []
    for place in np.unique(places):
        inside = places == place
        of_bin = scores[inside]
        bins.append(
            Bin(
                float(edges[place]),
                float(edges[place + 1]),
                int(inside.sum()),
                float(of_bin.mean()),
                float(truth[inside].mean()),
                float((of_bin * (1 - of_bin)).sum()),
            )
        )
    return tuple(bins)


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """Returns the mean distance between stated and true share, each bin counting with its images: 0 to 1.

    Source:
        Naeini et al. 2015, "Obtaining well calibrated probabilities using Bayesian binning"; Guo et al. 2017, eq. 3.
    """
    return sum(one.n * abs(one.mean_score - one.share) for one in bins) / sum(one.n for one in bins)


def error_if_perfect(bins: Sequence[Bin]) -> float:
    """Returns about which calibration error perfect probabilities would show on so few images.

    If every image came true with its stated probability, the number that comes true in a bin would scatter with the
    variance sum p (1 - p); the mean distance of a normal variable from its mean is sqrt(2 / pi) of its deviation. An
    error of this size says nothing against a model.
    """
    return sqrt(2 / pi) * sum(sqrt(one.variance) for one in bins) / sum(one.n for one in bins)


def mean_bins(per_seed: Sequence[tuple[ArrayLike, ArrayLike]], num_bins: int = NUM_BINS) -> tuple[Bin, ...]:
    """Returns the bins of all seeds' statements together, each number of images divided by the number of seeds.

    That is the curve of one training taken at random. It can look better than the mean of the seeds' errors, where one
    seed is too sure and another too careful.

    Args:
        per_seed: For each seed what came true and what was stated, each of shape (n,).
        num_bins: At most so many.
    """
    came_true = np.concatenate([np.asarray(one) for one, _ in per_seed])
    stated = np.concatenate([np.asarray(one) for _, one in per_seed])
    number = len(per_seed)
    return tuple(
        Bin(one.low, one.high, one.n / number, one.mean_score, one.share, one.variance / number)
        for one in calibration_bins(came_true, stated, num_bins)
    )


def mean_error(per_seed: Sequence[tuple[ArrayLike, ArrayLike]]) -> tuple[float, float]:
    """Returns the means over seeds of the expected calibration error, and of what perfect probabilities would show.

    Args:
        per_seed: For each seed what came true and what was stated, each of shape (n,).
    """
    bins = [calibration_bins(came_true, stated) for came_true, stated in per_seed]
    return fmean(map(expected_calibration_error, bins)), fmean(map(error_if_perfect, bins))
